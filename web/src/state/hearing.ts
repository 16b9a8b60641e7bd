// SPDX-License-Identifier: AGPL-3.0-or-later
// The words of "Who could hear this call?". They are package exposure's, by
// their codes; nothing is said here that it does not say.
import type { Claim, Report } from '../core/generated'
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

/** warns reports whether anything in a report wants to be looked at. */
export function warns(r: Report): boolean {
  return r.headline.warns || r.path.warns || r.lines.some((c) => c.warns)
}
