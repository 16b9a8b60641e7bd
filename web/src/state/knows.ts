// SPDX-License-Identifier: AGPL-3.0-or-later
// What the server says it holds about one conversation, signed.
import type { ConversationHoldings } from '../core/generated'
import { saveFile } from '../text/file'
import { call, failure } from './core.svelte'
import type { Answer } from './people.svelte'

/** knows asks the server, by the conversation's own pass. */
export async function knows(conversation: string): Promise<Answer<ConversationHoldings>> {
  try {
    return { value: await call('conversationHoldings', { conversation }), failure: null }
  } catch (e) {
    return { value: null, failure: failure(e) }
  }
}

/** saveKnows hands the answer out as a file. */
export function saveKnows(h: ConversationHoldings): void {
  saveFile('clarion-conversation.json', 'application/json', JSON.stringify(h))
}
