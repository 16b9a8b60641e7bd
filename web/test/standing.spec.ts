// SPDX-License-Identifier: AGPL-3.0-or-later
import { expect, test } from '@playwright/test'
import { keysChanged, standing } from '../src/state/standing'

test('only what was checked counts as checked', () => {
  const of = (how: string) => standing({ how, at: 0 })
  expect(standing(null)).toBe('unchecked')
  for (const how of ['invite_link', 'digits', 'qr']) expect(of(how), how).toBe('checked')
  expect(of('came_by_your_link')).toBe('came')
  expect(of('changed_since_check')).toBe('changed')
  for (const how of ['changed_not_checked', '', 'a way of a later core']) expect(of(how), how).toBe('unchecked')
  for (const how of ['changed_since_check', 'changed_not_checked']) expect(keysChanged({ how, at: 0 }), how).toBe(true)
  for (const how of ['digits', 'came_by_your_link']) expect(keysChanged({ how, at: 0 }), how).toBe(false)
})
