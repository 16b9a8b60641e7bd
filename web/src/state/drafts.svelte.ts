// SPDX-License-Identifier: AGPL-3.0-or-later
// What was written and not sent, by conversation.
const kept = new Map<string, string>()

/** draft is what was written in a conversation and not sent. */
export async function draft(conversation: string): Promise<string> {
  return kept.get(conversation) ?? ''
}

/** keepDraft keeps it, a moment later unless it is wanted now; an empty text
 *  keeps nothing. */
export function keepDraft(conversation: string, text: string, now = false): void {
  void now
  if (text === '') kept.delete(conversation)
  else kept.set(conversation, text)
}
