// SPDX-License-Identifier: AGPL-3.0-or-later
// Whose vault this is, and how it came to be.
import type { Contact, Conversation, Deleted, Me } from '../core/generated'
import { call, core, failure, on, onReady, unlock as unlockCore } from './core.svelte'
import { tellFailure } from './notices.svelte'

// Only these are kept outside the vault. The first lets the page paint the
// right screen before the core is ready, and notice that the vault was
// emptied; the second lets a registration that was cut off go on by its name.
const knownKey = 'clarion account here'
const beginningKey = 'clarion name begun'

/** What the core found in the vault after an account came back by its sheet. */
export interface Back {
  contacts: Contact[]
  conversations: Conversation[]
}

export const account = $state({
  /** undefined: not known yet; null: this vault has no account. */
  me: undefined as Me | null | undefined,
  /** An account was here, whether or not the vault still is. */
  known: localStorage.getItem(knownKey) !== null,
  /** The recovery sheet of an account made a moment ago, until confirmed. */
  sheet: null as string[] | null,
  /** An account came back by its sheet a moment ago. */
  back: null as Back | null,
  /** Another device of the same account has taken this one's place. */
  replaced: false,
  /** The account was deleted a moment ago. */
  deleted: null as Deleted | null,
  /** A passphrase was given, and the core has not said what it thinks of it. */
  unlocking: false,
})

/** The handle that was here, for someone whose browser lost its storage. */
export const lostHandle = (): string => localStorage.getItem(knownKey) ?? ''

/** The name of a registration that was cut off, or nothing. */
export const begunName = (): string => sessionStorage.getItem(beginningKey) ?? ''

// The other tabs of this page look again when the account changes in one.
const tabs = new BroadcastChannel('clarion account')
tabs.onmessage = () => {
  if (core.state.phase === 'ready') void look()
}

const accountListeners = new Set<() => void>()

/** onAccount calls f each time it is known that this vault has an account. */
export function onAccount(f: () => void): void {
  accountListeners.add(f)
  if (account.me) f()
}

/** look asks the core whose vault this is, and goes online. */
export async function look(): Promise<void> {
  try {
    const me = await call('whoAmI', {})
    const sheet = await call('sheet', {})
    account.sheet = sheet.length > 0 ? sheet : null
    account.me = me
    account.known = true
    account.replaced = false
    for (const f of accountListeners) f()
    localStorage.setItem(knownKey, me.handle)
    // Ask the browser not to empty this vault when it runs short; only a page can.
    void navigator.storage?.persist?.().catch(() => undefined)
    await goOnline()
  } catch (e) {
    const f = failure(e)
    if (f.code === 'not_registered' || f.code === 'device_replaced') {
      account.replaced = f.code === 'device_replaced'
      account.sheet = null
      account.me = null
    } else tellFailure(f)
  }
}

/** goOnline lets the core listen; it connects again by itself from then on. */
async function goOnline(): Promise<void> {
  try {
    await call('listen', {})
    core.online = true
  } catch (e) {
    const f = failure(e)
    core.online = false
    if (f.code === 'device_replaced') throw f
    if (f.code !== 'unreachable' && f.code !== 'timeout') tellFailure(f)
  }
}

/** register makes keys here and an account there. It rejects with a Failure;
 *  called again with the same name it goes on where it stopped. */
export async function register(name: string, invite: string): Promise<void> {
  sessionStorage.setItem(beginningKey, name)
  account.deleted = null
  try {
    await call('register', { server: location.origin, name, keepSheet: true, ...(invite ? { invite } : {}) })
  } catch (e) {
    const f = failure(e)
    // The core that was asked is gone, or an earlier try went through: what is
    // in the vault now tells.
    if (f.code !== 'core_moved' && f.code !== 'already_registered') throw f
    await look()
    if (!account.me) throw f
    return
  }
  await look()
  tabs.postMessage('changed')
}

/** confirmSheet removes the words from the vault: the person has them now. */
export async function confirmSheet(): Promise<void> {
  await call('forgetSheet', {})
  sessionStorage.removeItem(beginningKey)
  account.sheet = null
  tabs.postMessage('changed')
}

/** restore brings an account back by its sheet. It rejects with a Failure. */
export async function restore(name: string, words: string[]): Promise<void> {
  account.deleted = null
  await call('restore', { server: location.origin, name, words })
  const [contacts, conversations] = await Promise.all([call('contacts', {}), call('conversations', {})])
  account.back = { contacts, conversations }
  await look()
  tabs.postMessage('changed')
}

/** deleteEverything removes the account there and the vault's content here. */
export async function deleteEverything(): Promise<void> {
  const deleted = await call('deleteEverything', {})
  localStorage.removeItem(knownKey)
  sessionStorage.removeItem(beginningKey)
  account.known = false
  account.sheet = null
  account.back = null
  account.deleted = deleted
  account.me = null
  core.online = false
  tabs.postMessage('changed')
}

/** startAnew gives up the account that was here. */
export function startAnew(): void {
  localStorage.removeItem(knownKey)
  account.known = false
}

let lockedBefore: unknown = null // the core's state when the passphrase was given

/** unlock gives the passphrase to the core, which answers by its state. */
export function unlock(passphrase: string): void {
  lockedBefore = core.state
  account.unlocking = true
  unlockCore(passphrase)
}

$effect.root(() => {
  $effect(() => {
    if (core.state.phase !== 'starting' && core.state !== lockedBefore) account.unlocking = false
  })
})

onReady(() => void look())
on('problem', (e) => {
  if (e.code === 'device_replaced') void look()
})
