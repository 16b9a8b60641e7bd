// SPDX-License-Identifier: AGPL-3.0-or-later
// What a person does about other people. Each function reloads the list when
// it is done and gives back the failure, or null.
import type { Conversation, Invite, Safety, Scanned } from '../core/generated'
import { reload } from './conversations.svelte'
import { call, core, failure, type Failure } from './core.svelte'
import { tell, tellFailure, untell } from './notices.svelte'
import { go } from './route.svelte'
import { m } from '../paraglide/messages.js'

/** Either a value or why there is none. */
export type Answer<T> = { value: T; failure: null } | { value: null; failure: Failure }

// The core tells nobody of what is done here: the other tabs look again.
const tabs = new BroadcastChannel('clarion people')
tabs.onmessage = () => {
  if (core.state.phase === 'ready') void reload()
}

async function ask<T>(f: () => Promise<T>): Promise<Answer<T>> {
  try {
    const value = await f()
    tabs.postMessage('changed')
    void reload()
    return { value, failure: null }
  } catch (e) {
    void reload()
    return { value: null, failure: failure(e) }
  }
}

/** answer takes a contact request, lets it drop, or refuses the person. */
export async function answer(handle: string, how: 'accept' | 'decline' | 'block'): Promise<void> {
  const got = await ask<Conversation | null>(() => {
    if (how === 'accept') return call('accept', { linkOrHandle: handle })
    return call(how, { handle })
  })
  if (got.failure) tellFailure(got.failure)
  else if (got.value) go({ name: 'conversation', id: got.value.id })
  else if (how === 'block') tellBlocked(handle)
}

function tellBlocked(handle: string): void {
  untell(m.unblocked({ handle }))
  tell('done', m.blocked({ handle }), '', { label: m.undo(), run: () => void unblock(handle) })
}

/** block refuses a person, whoever that is by now. */
export async function block(handle: string): Promise<Failure | null> {
  const { failure } = await ask(() => call('block', { handle }))
  if (!failure) {
    await reload()
    tellBlocked(handle)
  }
  return failure
}

/** unblock takes that back, and reports whether it did. */
export async function unblock(handle: string): Promise<boolean> {
  const { failure } = await ask(() => call('unblock', { handle }))
  if (failure) tellFailure(failure)
  else {
    await reload()
    untell(m.blocked({ handle }))
    tell('done', m.unblocked({ handle }))
  }
  return failure === null
}

/** invite makes a one-time link, good for that many days (1 to 30). */
export function invite(days: number): Promise<Answer<Invite>> {
  return ask(() => call('invite', { days }))
}

/** open starts a conversation with a handle, or by a link. */
export async function open(linkOrHandle: string): Promise<Answer<Conversation>> {
  const got = await ask(() => call('accept', { linkOrHandle }))
  if (got.value) go({ name: 'conversation', id: got.value.id })
  return got
}

export async function newGroup(name: string, handles: string[]): Promise<Answer<Conversation>> {
  const got = await ask(() => call('newGroup', { name, handles }))
  if (got.value) go({ name: 'conversation', id: got.value.id })
  return got
}

export function addMember(conversation: string, handle: string): Promise<Answer<null>> {
  return ask(() => call('addMember', { conversation, handle }))
}

export function removeMember(conversation: string, handle: string): Promise<Answer<null>> {
  return ask(() => call('removeMember', { conversation, handle }))
}

export function leave(conversation: string): Promise<Answer<null>> {
  return ask(() => call('leave', { conversation }))
}

export function safety(handle: string): Promise<Answer<Safety>> {
  return ask(() => call('safetyDigits', { handle }))
}

export async function check(handle: string): Promise<Failure | null> {
  return (await ask(() => call('check', { handle, how: 'digits' }))).failure
}

export function scanned(handle: string, code: string): Promise<Answer<Scanned>> {
  return ask(() => call('checkScanned', { handle, code }))
}

export async function uncheck(handle: string): Promise<void> {
  const got = await ask(() => call('uncheck', { handle }))
  if (got.failure) tellFailure(got.failure)
}

/** acknowledge goes on with changed keys that were not checked again. */
export async function acknowledge(handle: string): Promise<Failure | null> {
  return (await ask(() => call('acknowledge', { handle }))).failure
}

/** setKeep changes how many days the server keeps a conversation's messages. */
export function setKeep(conversation: string, days: number): Promise<Answer<null>> {
  return ask(() => call('setKeep', { conversation, days }))
}
