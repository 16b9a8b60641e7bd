// SPDX-License-Identifier: AGPL-3.0-or-later
// Whose vault this is.
import type { Me } from '../core/generated'
import { call, core, failure, onReady } from './core.svelte'
import { tellFailure } from './notices.svelte'

// Only this bit is kept outside the vault: it lets the page paint the right
// screen before the core is ready, and notice that the vault was evicted.
const knownKey = 'clarion account here'

export const account = $state({
  /** undefined: not known yet; null: this vault has no account. */
  me: undefined as Me | null | undefined,
  /** An account was here, whether or not the vault still is. */
  known: localStorage.getItem(knownKey) !== null,
  /** The recovery sheet of an account made a moment ago, until confirmed. */
  sheet: null as string[] | null,
})

/** The handle that was here, for someone whose browser lost its storage. */
export const lostHandle = (): string => localStorage.getItem(knownKey) ?? ''

/** look asks the core whose vault this is, and goes online. */
export async function look(): Promise<void> {
  try {
    const me = await call('whoAmI', {})
    account.me = me
    account.known = true
    localStorage.setItem(knownKey, me.handle)
    await goOnline()
  } catch (e) {
    const f = failure(e)
    if (f.code === 'no_account') account.me = null
    else tellFailure(f)
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
    if (f.code !== 'unreachable') tellFailure(f)
  }
}

/** forget is what remains to do once everything was deleted. */
export function forget(): void {
  localStorage.removeItem(knownKey)
  account.me = null
  account.known = false
  account.sheet = null
}

onReady(() => void look())
