// SPDX-License-Identifier: AGPL-3.0-or-later
// History and contacts as files. They are made of what the screens show and of
// nothing else: no key, no pass, no state of a conversation's keys.
import type { Contact, Conversation, Message } from '../core/generated'
import { account } from './account.svelte'
import { call, failure, type Failure } from './core.svelte'
import { stamp } from '../text/time'

export type Form = 'json' | 'text'

export const exporting = $state({
  running: false,
  /** Conversations read, and how many there are. */
  done: 0,
  of: 0,
  messages: 0,
  failure: null as Failure | null,
})

interface Read {
  conversation: Conversation
  messages: Message[]
}

let stopped = false

/** stopExport ends an export before its next conversation. */
export function stopExport(): void {
  stopped = true
}

/** exportHistory gathers everything; null when it failed or was stopped. */
export async function exportHistory(form: Form): Promise<string | null> {
  if (exporting.running) return null
  Object.assign(exporting, { running: true, done: 0, of: 0, messages: 0, failure: null })
  stopped = false
  try {
    const [contacts, conversations] = await Promise.all([call('contacts', {}), call('conversations', {})])
    exporting.of = conversations.length
    const all: Read[] = []
    for (const conversation of conversations) {
      if (stopped) return null
      const messages = await call('history', { conversation: conversation.id })
      all.push({ conversation, messages })
      exporting.done++
      exporting.messages += messages.length
    }
    const handle = account.me?.handle ?? ''
    const at = stamp(Date.now())
    return form === 'json' ? asJSON(handle, at, contacts, all) : asText(handle, at, contacts, all)
  } catch (e) {
    exporting.failure = failure(e)
    return null
  } finally {
    exporting.running = false
  }
}

function asJSON(handle: string, at: string, contacts: Contact[], all: Read[]): string {
  const value = {
    format: 'clarion export',
    version: 1,
    account: handle,
    at,
    contacts: contacts.map((c) => ({
      handle: c.handle,
      state: c.state,
      checked: c.checked ? { how: c.checked.how, at: stamp(c.checked.at) } : null,
    })),
    conversations: all.map(({ conversation: c, messages }) => ({
      id: c.id,
      name: c.name,
      direct: c.direct,
      members: c.members,
      messages: messages.map((w) => ({ id: w.id, seq: w.seq, at: stamp(w.at), from: w.from, text: w.text, state: w.state })),
    })),
  }
  return JSON.stringify(value, null, 1) + '\n'
}

function asText(handle: string, at: string, contacts: Contact[], all: Read[]): string {
  const out = [`Clarion: ${handle}, ${at}`, '', 'Contacts']
  for (const c of contacts) out.push(`  ${c.handle} (${c.state})`)
  for (const { conversation: c, messages } of all) {
    out.push('', `${c.name}: ${c.members.join(', ')}`)
    for (const w of messages) out.push(`  ${stamp(w.at)}  ${w.from}: ${w.text.replaceAll('\n', '\n      ')}`)
  }
  return out.join('\n') + '\n'
}
