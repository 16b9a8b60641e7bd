// SPDX-License-Identifier: AGPL-3.0-or-later
// How long something lasts, as a clock shows it.

/** clock writes seconds as 0:07, 12:30 or 1:02:03. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  if (s >= 3600) return `${Math.floor(s / 3600)}:${rest}`
  return rest.replace(/^0/, '')
}

/** threes parts nine digits as they are read aloud. */
export const threes = (code: string): string[] => code.match(/.{1,3}/g) ?? []
