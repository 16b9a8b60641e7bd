// SPDX-License-Identifier: AGPL-3.0-or-later
// Days and times of day as a person reads them, by the clock of this device.

export interface Calendar {
  /** The day a moment falls on; equal for equal days. */
  key(at: number): string
  /** "Today", "Yesterday", a weekday, or the date. */
  label(at: number, now: number): string
  /** The time of day. */
  time(at: number): string
  /** Day and month, and the year when it is another. */
  date(at: number, now: number): string
  /** All of it, for a title. */
  full(at: number): string
}

/** calendar speaks one language; zone is the device's own unless given. */
export function calendar(locale: string, zone?: string): Calendar {
  const tz = zone ? { timeZone: zone } : {}
  const keyed = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit', ...tz })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long', ...tz })
  const near = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', ...tz })
  const far = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric', ...tz })
  const short = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', ...tz })
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', ...tz })
  const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short', ...tz })
  const key = (at: number) => keyed.format(at)
  const year = (at: number) => key(at).slice(0, 4)
  return {
    key,
    label(at, now) {
      const days = Math.round((Date.parse(key(now)) - Date.parse(key(at))) / 86_400_000)
      if (days === 0 || days === 1) return capital(relative.format(-days, 'day'), locale)
      if (days > 1 && days < 7) return capital(weekday.format(at), locale)
      return capital((year(at) === year(now) ? near : far).format(at), locale)
    },
    time: (at) => time.format(at),
    date: (at, now) => (year(at) === year(now) ? short : far).format(at),
    full: (at) => full.format(at),
  }
}

function capital(s: string, locale: string): string {
  const first = s.codePointAt(0)
  if (first === undefined) return s
  const c = String.fromCodePoint(first)
  return c.toLocaleUpperCase(locale) + s.slice(c.length)
}
