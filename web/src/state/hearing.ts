// SPDX-License-Identifier: AGPL-3.0-or-later
// The words of "Who could hear this call?". They are package exposure's, by
// their codes; nothing is said here that it does not say.
import type { Claim } from '../core/generated'
import { bare } from './conversations.svelte'
import { exposed } from './exposed'

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' })

/** said is a claim in words. */
export function said(c: Claim): string {
  const words = exposed[c.code]
  if (!words) return c.code // a core of another release; the build makes them one
  return words({ who: bare(c.args.who), host: c.args.host, count: c.args.count, some: c.args.some, date: c.args.at > 0 ? day.format(c.args.at) : '' })
}

/** role is what a party is called. */
export function role(r: string, name: string): string {
  return exposed[`role_${r}`]?.({ who: bare(name), host: name, count: 0, some: 0, date: '' }) ?? name
}

/** alarming reports whether a claim is a fault and not the usual: that nobody
 *  was checked yet is neutral, that keys changed or differ is not. */
export function alarming(c: Claim): boolean {
  return c.warns && /^(headline_(changed|middle|open)|code_differs|person_changed|seal_(none|unknown)|\w+_(could_hear|hears)$)/.test(c.code)
}
