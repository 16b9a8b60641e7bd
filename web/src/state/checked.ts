// SPDX-License-Identifier: AGPL-3.0-or-later
// What is known of a person's keys, in one word and in a sentence.
import type { Checked } from '../core/generated'
import { m } from '../paraglide/messages.js'
import { bare } from './conversations.svelte'

export { standing, type Standing } from './standing'

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' })

/** standingWords says who found out what, how and when. */
export function standingWords(c: Checked | null, handle: string): string {
  const name = bare(handle)
  if (!c) return m.standing_unchecked({ name })
  const when = day.format(c.at)
  switch (c.how) {
    case 'invite_link':
      return m.standing_invite_link({ name, when })
    case 'came_by_your_link':
      return m.standing_came({ name, when })
    case 'digits':
      return m.standing_digits({ name, when })
    case 'qr':
      return m.standing_qr({ name, when })
    case 'changed_since_check':
      return m.standing_changed({ name })
    default:
      return m.standing_unchecked({ name })
  }
}
