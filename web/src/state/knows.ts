// SPDX-License-Identifier: AGPL-3.0-or-later
// What the server says it holds about one conversation, signed.
import type { MailboxHoldings } from '../core/generated'
import { saveFile } from '../text/file'
import { stamp } from '../text/time'
import { call, failure } from './core.svelte'
import { hex } from './holdings.svelte'
import type { Answer } from './people.svelte'

/** knows asks the server, by the conversation's own pass. */
export async function knows(conversation: string): Promise<Answer<MailboxHoldings>> {
  try {
    return { value: await call('conversationHoldings', { conversation }), failure: null }
  } catch (e) {
    return { value: null, failure: failure(e) }
  }
}

/** savedKnows is the answer in the form of `clarion holdings --json`. */
export function savedKnows(h: MailboxHoldings): string {
  const hour = (at: number): string => (at === 0 ? '' : stamp(at))
  return (
    JSON.stringify({
      conversation: h.conversation,
      mailbox: hex(h.mailbox),
      tables: h.tables.map((t) => ({ table: t.table, rows: t.rows })),
      sizes: h.sizes.map((s) => ({ bytes: s.size, rows: s.rows })),
      epoch: h.epoch,
      head: h.head,
      keep: h.keep,
      agreed: h.agreed,
      first_gone: hour(h.firstGone),
      last_gone: hour(h.lastGone),
      forget: stamp(h.forget),
      could: h.could,
      cannot: h.cannot,
      signature: hex(h.signature),
      at: stamp(h.at),
      host: h.host,
      server_key: hex(h.serverKey),
    }) + '\n'
  )
}

/** saveKnows hands the answer out as a file. */
export function saveKnows(h: MailboxHoldings): void {
  saveFile('clarion-conversation.json', 'application/json', savedKnows(h))
}
