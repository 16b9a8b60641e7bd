// SPDX-License-Identifier: AGPL-3.0-or-later
// The list of conversations, the people in them, and who is writing.
import type { Contact, Conversation } from '../core/generated'
import { account, onAccount } from './account.svelte'
import { call, core, failure, on, unseen } from './core.svelte'
import { tellFailure } from './notices.svelte'

export const conversations = $state({
  list: [] as Conversation[],
  contacts: [] as Contact[],
  /** Nothing was read yet: a list is neither empty nor full. */
  loading: true,
  /** Who is writing, by conversation and handle, until when (ms). */
  typing: {} as Record<string, Record<string, number>>,
})

/** How long one typing event is believed, in ms. */
const typingFor = 6000

let running: Promise<void> | null = null
let again = false

/** reload reads the list anew; calls while it runs make one more. What was
 *  done before the call is in the list when it ends. In a tab that nobody
 *  looks at it waits until somebody does. */
export function reload(): Promise<void> {
  again = true
  if (unseen()) return Promise.resolve()
  running ??= read().finally(() => (running = null))
  return running
}

document.addEventListener('visibilitychange', () => {
  if (again && core.state.phase === 'ready' && account.me) void reload()
})

async function read(): Promise<void> {
  try {
    do {
      again = false
      const [list, contacts] = await Promise.all([call('conversations', {}), call('contacts', {})])
      conversations.list = list
      conversations.contacts = contacts
      conversations.loading = false
    } while (again)
  } catch (e) {
    const f = failure(e)
    if (f.code !== 'not_registered' && f.code !== 'device_replaced') tellFailure(f)
  }
}

export function conversation(id: string): Conversation | undefined {
  return conversations.list.find((c) => c.id === id)
}

export function contact(handle: string): Contact | undefined {
  return conversations.contacts.find((c) => c.handle === handle)
}

/** listed are the conversations in the order of the list. Those with somebody
 *  who is blocked are not in it; a search finds them, and the settings do. */
export function listed(): Conversation[] {
  return conversations.list
    .filter((c) => !c.direct || !c.members.some((h) => contact(h)?.state === 'blocked'))
    .toSorted((a, b) => b.active - a.active || a.name.localeCompare(b.name))
}

/** other is the person of a one-to-one conversation. */
export function other(c: Conversation): string {
  return c.members.find((h) => h !== account.me?.handle) ?? c.name
}

/** bare is a handle without its host when that is our own. */
export function bare(handle: string): string {
  const me = account.me?.handle ?? ''
  const host = me.slice(me.indexOf('@'))
  return host && handle.endsWith(host) ? handle.slice(0, -host.length) : handle
}

/** typists lists who is writing in a conversation now. */
export function typists(id: string): string[] {
  return Object.keys(conversations.typing[id] ?? {})
}

on('typing', (e) => {
  const until = Date.now() + typingFor
  ;(conversations.typing[e.conversation] ??= {})[e.from] = until
  setTimeout(() => {
    const of = conversations.typing[e.conversation]
    if (of && (of[e.from] ?? 0) <= Date.now()) delete of[e.from]
  }, typingFor + 50)
})

on('message_arrived', (e) => {
  delete conversations.typing[e.message.conversation]?.[e.message.from]
  void reload()
})
for (const kind of ['message_state', 'contact_requested', 'conversation_joined', 'member_added', 'member_removed', 'device_added', 'identity_changed', 'keep_changed', 'code_changed', 'connection_changed', 'problem'] as const) {
  on(kind, () => void reload())
}
on('problem', (e) => {
  const lasting = e.conversation === '' || e.code === 'introduction_lapsed' // nothing in the conversation shows it
  if (lasting && e.code !== 'device_replaced') tellFailure({ code: e.code, text: e.text, hint: e.hint })
})
onAccount(() => void reload())

/** title is what a conversation is called: a group's name, or the person. */
export function title(c: Conversation): string {
  return c.direct ? bare(other(c)) : c.name
}
