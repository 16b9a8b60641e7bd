// SPDX-License-Identifier: AGPL-3.0-or-later
// What a person chooses for the account or for this browser's vault.
import type { Device } from '../core/generated'
import { call, failure, onReady, type Failure } from './core.svelte'
import { tellFailure } from './notices.svelte'

export const settings = $state({
  /** Delivered and read marks are sent; null while it is not known. */
  marks: null as boolean | null,
  /** The vault opens with a passphrase only; null while it is not known. */
  passphrase: null as boolean | null,
  /** What the directory names as this account's devices, once asked. */
  devices: null as Device[] | null,
  devicesFailure: null as Failure | null,
})

/** askDevices asks the server's directory anew. */
export async function askDevices(): Promise<void> {
  settings.devicesFailure = null
  try {
    settings.devices = await call('devices', {})
  } catch (e) {
    settings.devicesFailure = failure(e)
  }
}

async function load(): Promise<void> {
  try {
    settings.passphrase = await call('passphrase', {})
    settings.marks = await call('marks', {})
  } catch (e) {
    const f = failure(e)
    if (f.code !== 'not_registered' && f.code !== 'device_replaced') tellFailure(f)
  }
}

/** loadSettings asks the core for what is not known yet. */
export function loadSettings(): void {
  if (settings.marks === null || settings.passphrase === null) void load()
}

export async function setMarks(on: boolean): Promise<void> {
  const before = settings.marks
  settings.marks = on
  try {
    await call('setMarks', { on })
  } catch (e) {
    settings.marks = before
    tellFailure(failure(e))
  }
}

/** changePassphrase puts next in place of now; either may be empty for none. */
export async function changePassphrase(now: string, next: string): Promise<Failure | null> {
  try {
    if (now === '') await call('setPassphrase', { passphrase: next })
    else if (next === '') await call('removePassphrase', { now })
    else await call('changePassphrase', { now, next })
    settings.passphrase = next !== ''
    return null
  } catch (e) {
    return failure(e)
  }
}

onReady(() => {
  settings.marks = null
  settings.passphrase = null
})
