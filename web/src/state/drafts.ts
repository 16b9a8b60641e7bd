// SPDX-License-Identifier: AGPL-3.0-or-later
// What was written and not sent, by conversation. It is kept in the vault a
// moment after the last key, and at once when the page goes away.
import { call } from './core.svelte'

/** How long after the last key a draft is kept, in ms. */
const pause = 400

const waiting = new Map<string, { text: string; timer: ReturnType<typeof setTimeout> }>()

/** draft is what was written in a conversation and not sent. */
export async function draft(conversation: string): Promise<string> {
  const w = waiting.get(conversation)
  return w ? w.text : await call('draft', { conversation }).catch(() => '')
}

/** keepDraft keeps it, a moment later unless it is wanted now; an empty text
 *  keeps nothing. */
export function keepDraft(conversation: string, text: string, now = false): void {
  clearTimeout(waiting.get(conversation)?.timer)
  const keep = () => {
    waiting.delete(conversation)
    call('setDraft', { conversation, text }).catch(() => undefined) // too long, or no room: it is still on the screen
  }
  if (now) keep()
  else waiting.set(conversation, { text, timer: setTimeout(keep, pause) })
}
