// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Reading } from './reading'

/** How well a call goes, in a word; empty while that is not known. */
export type Quality = '' | 'good' | 'fair' | 'poor' | 'silent'

/** quality sums a reading up. What is lost on either way counts. */
export function quality(r: Reading): Quality {
  if (r.path === '') return ''
  if (r.heard === 0) return 'silent'
  const lost = Math.max(r.lost, r.lostThere)
  if (lost > 0.1 || (r.away ?? 0) > 600) return 'poor'
  if (lost > 0.03 || (r.away ?? 0) > 300) return 'fair'
  return 'good'
}

/** Below this estimate, in bits per second, a picture would cost sound. */
const narrow = 100_000
/** For how many readings in a row it has to be so. */
const patience = 3

/** Room says when a picture has to give way to sound. */
export class Room {
  #short = 0

  /** tooSmall takes a reading while a picture is sent. */
  tooSmall(r: Reading): boolean {
    this.#short = r.room !== null && r.room < narrow ? this.#short + 1 : 0
    return this.#short >= patience
  }

  again(): void {
    this.#short = 0
  }
}
