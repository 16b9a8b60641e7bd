// SPDX-License-Identifier: AGPL-3.0-or-later
// Times as people say them, in the language and zone of the browser.
const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const dateAndYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

const dayStart = (t: number): number => new Date(t).setHours(0, 0, 0, 0)

/** days is how many midnights lie between a time and now. */
export function days(at: number, now: number): number {
  return Math.round((dayStart(now) - dayStart(at)) / 86_400_000)
}

/** moment is short: the hour today, the weekday this week, else the date. */
export function moment(at: number, now = Date.now()): string {
  const ago = days(at, now)
  if (ago === 0) return hour.format(at)
  if (ago > 0 && ago < 7) return weekday.format(at)
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? date.format(at) : dateAndYear.format(at)
}

const long = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })

/** longDay is a date in full. */
export const longDay = (at: number): string => long.format(at)

/** stamp is a time for a file that programs read: RFC 3339 in whole seconds, UTC. */
export const stamp = (at: number): string => new Date(Math.floor(at / 1000) * 1000).toISOString().replace('.000Z', 'Z')

/** fours parts a code into groups of four, as it is read aloud. */
export const fours = (code: string): string => code.match(/.{1,4}/g)?.join(' ') ?? ''
