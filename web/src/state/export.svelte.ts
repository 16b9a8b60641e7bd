// SPDX-License-Identifier: AGPL-3.0-or-later
// History and contacts as files. They are made of what the screens show and of
// nothing else: no key, no pass, no state of a conversation's keys.
import type { Contact, Conversation, HistoryItem } from '../core/generated'
import { m } from '../paraglide/messages.js'
import { account } from './account.svelte'
import { call, failure, type Failure } from './core.svelte'
import { keysChanged, standing } from './standing'
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
  items: HistoryItem[] // oldest first
}

/** The most that one page of history holds. */
const pageLimit = 200

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
      const items = await readAll(conversation.id)
      if (items === null) return null
      all.push({ conversation, items })
      exporting.done++
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

/** readAll reads a conversation page by page; null when it was stopped. */
async function readAll(conversation: string): Promise<HistoryItem[] | null> {
  const pages: HistoryItem[][] = []
  let before = ''
  do {
    if (stopped) return null
    const page = await call('historyPage', { conversation, limit: pageLimit, ...(before ? { before } : {}) })
    pages.push(page.items)
    before = page.before
    exporting.messages += page.items.filter((i) => i.message).length
  } while (before)
  return pages.reverse().flat()
}

/** A handle; nothing for one that is not known, which the core gives as "@". */
const whom = (handle: string): string => (handle === '@' ? '' : handle)

/** An item of history as a program reads it: a message, or what happened. */
function plain({ kind, message: w, line: l }: HistoryItem): object {
  if (w) return { kind, id: w.id, seq: w.seq, at: stamp(w.at), from: w.from, text: w.text, state: w.state }
  if (l) return { kind, seq: l.seq, at: stamp(l.at), by: whom(l.by), handle: whom(l.handle), name: l.name, members: l.members, keep: l.keep }
  return { kind }
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
      checked: c.checked && standing(c.checked) === 'checked' ? { how: c.checked.how, at: stamp(c.checked.at) } : null,
      ...(standing(c.checked) === 'came' ? { came_by: 'link' } : {}),
      ...(keysChanged(c.checked) ? { changed: true } : {}),
    })),
    conversations: all.map(({ conversation: c, items }) => ({
      id: c.id,
      name: c.name,
      direct: c.direct,
      members: c.members,
      history: items.map(plain),
    })),
  }
  return JSON.stringify(value, null, 1) + '\n'
}

function asText(handle: string, at: string, contacts: Contact[], all: Read[]): string {
  const out = [`Clarion: ${handle}, ${at}`, '', m.export_contacts()]
  for (const c of contacts) out.push(`  ${c.handle} (${c.state})`)
  for (const { conversation: c, items } of all) {
    out.push('', `${c.name}: ${c.members.join(', ')}`)
    for (const { kind, message: w, line: l } of items) {
      if (w) out.push(`  ${stamp(w.at)}  ${w.from}: ${w.text.replaceAll('\n', '\n      ')}`)
      else if (l) out.push(`  ${stamp(l.at)}  (${[kind.replaceAll('_', ' '), whom(l.handle), l.name, ...l.members, l.keep || ''].filter((w) => w !== '').join(' ')})`)
    }
  }
  return out.join('\n') + '\n'
}
