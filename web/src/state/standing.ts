// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Checked } from '../core/generated'

export type Standing = 'checked' | 'came' | 'changed' | 'unchecked'

/** The ways in which a person's keys are checked; no other way is one. */
const ways = ['invite_link', 'digits', 'qr']

/** keysChanged reports whether a person's keys are others now, and were not checked since. */
export function keysChanged(c: Checked | null): boolean {
  return c?.how === 'changed_since_check' || c?.how === 'changed_not_checked'
}

/** standing sums a check up. Coming by our link is not a check, nor is what
 *  was acknowledged without one, nor any word that is not known here. */
export function standing(c: Checked | null): Standing {
  if (c?.how === 'changed_since_check') return 'changed'
  if (c?.how === 'came_by_your_link') return 'came'
  return c && ways.includes(c.how) ? 'checked' : 'unchecked'
}
