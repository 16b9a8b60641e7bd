// SPDX-License-Identifier: AGPL-3.0-or-later
// What was written and not sent, by conversation. It is kept in the vault a
// moment after the last key, and at once when the page goes away.
import { call } from './core.svelte'
import { keeping, unkept } from './keeping'

/** How long after the last key a draft is kept, in ms. */
const pause = 400

interface Waiting {
  text: string
  timer: ReturnType<typeof setTimeout> | undefined
  kept: () => void
}

const waiting = new Map<string, Waiting>()

/** draft is what was written in a conversation and not sent. */
export async function draft(conversation: string): Promise<string> {
  const w = waiting.get(conversation)
  return w ? w.text : await call('draft', { conversation }).catch(() => '')
}

/** keepDraft keeps it, a moment later unless it is wanted now; an empty text
 *  keeps nothing. */
export function keepDraft(conversation: string, text: string, now = false): void {
  let w = waiting.get(conversation)
  if (!w) {
    const made: Waiting = { text, timer: undefined, kept: () => undefined }
    unkept(new Promise<void>((kept) => (made.kept = kept)))
    waiting.set(conversation, (w = made))
  }
  w.text = text
  clearTimeout(w.timer)
  if (now) keep(conversation)
  else w.timer = setTimeout(() => keep(conversation), pause)
}

function keep(conversation: string): void {
  const w = waiting.get(conversation)
  if (!w) return
  clearTimeout(w.timer)
  waiting.delete(conversation)
  keeping(call('setDraft', { conversation, text: w.text }))
    .catch(() => undefined) // too long, or no room: it is still on the screen
    .finally(w.kept)
}

/** keepDrafts keeps at once what would be kept a moment later. */
export function keepDrafts(): void {
  for (const conversation of [...waiting.keys()]) keep(conversation)
}
