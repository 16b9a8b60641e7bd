// SPDX-License-Identifier: AGPL-3.0-or-later
import { expect, test } from '@playwright/test'
import { calendar } from '../src/text/days'
import { bytes } from '../src/text/size'

const at = (s: string) => Date.parse(s)

test('days by the clock of the device', () => {
  const c = calendar('en-GB', 'Asia/Tokyo')
  expect(c.key(at('2026-03-11T14:59:59Z'))).toBe('2026-03-11')
  expect(c.key(at('2026-03-11T15:00:00Z'))).toBe('2026-03-12')
  const now = at('2026-03-12T03:00:00Z')
  expect(c.label(now, now)).toBe('Today')
  expect(c.label(at('2026-03-11T14:59:00Z'), now)).toBe('Yesterday')
  expect(c.label(at('2026-03-09T03:00:00Z'), now)).toBe('Monday')
  expect(c.label(at('2026-02-01T03:00:00Z'), now)).toBe('Sunday 1 February')
  expect(c.label(at('2025-02-01T03:00:00Z'), now)).toBe('1 February 2025')
  expect(c.label(at('2026-03-14T03:00:00Z'), now)).toBe('Saturday 14 March') // another's clock
  expect(c.time(now)).toBe('12:00')
  expect(c.date(now, now)).toBe('12 March')
})

test('a day is a day when clocks change', () => {
  const c = calendar('en-GB', 'Europe/Berlin')
  const now = at('2026-03-29T21:30:00Z') // 23 hours long
  expect(c.label(at('2026-03-28T00:00:00Z'), now)).toBe('Yesterday')
  expect(c.label(at('2026-03-28T23:30:00Z'), now)).toBe('Today')
})

test('another language', () => {
  const c = calendar('de', 'UTC')
  const now = at('2026-03-12T03:00:00Z')
  expect(c.label(now, now)).toBe('Heute')
})

test('bytes as they travel', () => {
  for (const s of ['', 'a', 'é', '€', '👩‍🚀', 'a\u0000b', '\u05d0']) expect(bytes(s)).toBe(new TextEncoder().encode(s).length)
  expect(bytes('\ud800')).toBe(3) // a lone half becomes U+FFFD
  expect(bytes('\ud800a')).toBe(4)
})
