// SPDX-License-Identifier: AGPL-3.0-or-later
import { call } from './core.svelte'

/** At most one word that somebody is writing in this time, in ms. */
const every = 3000

let told = 0
let where = ''

/** typing tells the others of a conversation that this person is writing. */
export function typing(conversation: string): void {
  const now = performance.now()
  if (conversation === where && now - told < every) return
  told = now
  where = conversation
  call('typing', { conversation }).catch(() => undefined) // best effort; nothing waits for it
}
