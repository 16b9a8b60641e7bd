// SPDX-License-Identifier: AGPL-3.0-or-later
// What every tab knows of calls: which ring, which is on and in which tab its
// media are, and what was missed. The engine itself is in line.svelte.ts,
// which is fetched with the screens of a call.
import type { Call, CallReason, Conversation } from '../core/generated'
import { onAccount } from './account.svelte'
import { contact, other, reload } from './conversations.svelte'
import { call, failure, on, onReady, type Failure } from './core.svelte'
import { tellFailure } from './notices.svelte'

/** A call that ended in this tab, until the person has seen how. */
export interface Over {
  conversation: string
  peer: string
  incoming: boolean
  video: boolean
  reason: CallReason
  seconds: number
}

/** Held by the tab that has the media. */
export const mediaLock = 'clarion call'
/** By this a reloaded tab knows that the media were here. */
const markKey = 'clarion call'
const seenSetting = 'calls_seen'
/** Names the wish that calls are relayed. */
export const relaySetting = 'always_relay'

export interface Mark {
  call: string
  video: boolean
  muted: boolean
}

function read(): Mark | null {
  try {
    const m: unknown = JSON.parse(sessionStorage.getItem(markKey) ?? 'null')
    return typeof m === 'object' && m !== null && 'call' in m ? (m as Mark) : null
  } catch {
    return null
  }
}

export const talk = $state({
  /** Calls that ring here, the oldest first. */
  ringing: [] as Call[],
  /** The call that this device takes part in, in whichever tab. */
  now: null as Call | null,
  /** Its media are in this tab. */
  here: false,
  /** The call whose media this tab had before it was loaded anew. */
  mark: read(),
  /** That call is coming back. */
  resuming: false,
  over: null as Over | null,
  /** The call fills the page, or floats over what is written meanwhile. */
  full: true,
  /** Missed calls that were not looked at. */
  missed: 0,
  /** Calls are relayed always; null while it is not known. */
  alwaysRelay: null as boolean | null,
})

/** mark notes, for this tab alone, that it has the media of a call. */
export function mark(m: Mark | null): void {
  talk.mark = m
  if (m) sessionStorage.setItem(markKey, JSON.stringify(m))
  else sessionStorage.removeItem(markKey)
}

/** canCall says whether a conversation may have a call at all. */
export function canCall(c: Conversation): boolean {
  return c.direct && c.state === 'active' && contact(other(c))?.state === 'accepted'
}

const isOn = (c: Call): boolean => c.state !== 'ringing' && c.state !== 'ended'

function put(c: Call): void {
  talk.ringing = talk.ringing.filter((r) => r.id !== c.id)
  if (c.state === 'ringing') talk.ringing.push(c)
  else if (isOn(c)) {
    if (!talk.now || talk.now.id === c.id || !talk.here) talk.now = c
  } else if (talk.now?.id === c.id) talk.now = null
  watch()
}

/** look asks which calls there are: a core has begun. */
async function look(): Promise<void> {
  try {
    const all = await call('calls', {})
    talk.ringing = all.filter((c) => c.state === 'ringing')
    talk.now = all.find(isOn) ?? null
    if (!talk.now) mark(null)
    watch()
    for (const f of lookers) f()
  } catch (e) {
    const f = failure(e)
    if (f.code !== 'not_registered' && f.code !== 'device_replaced') tellFailure(f)
  }
}

const lookers = new Set<() => void>()

/** onLook calls f each time the calls were read anew. */
export function onLook(f: () => void): void {
  lookers.add(f)
}

// ── the tab with the media ───────────────────────────────────────────────

let watched = ''
let watching: AbortController | null = null

/** watch waits, in every other tab, for the end of the one with the media, and
 *  then says for it that its engine is gone. */
function watch(): void {
  const c = talk.now
  const id = c && !talk.here && (c.state === 'connecting' || c.state === 'connected') ? c.id : ''
  if (id === watched) return
  watched = id
  watching?.abort()
  watching = null
  if (!id) return
  const own = (watching = new AbortController())
  navigator.locks
    .request(mediaLock, { signal: own.signal }, async () => {
      if (!own.signal.aborted) await call('loseCall', { call: id }).catch(() => undefined)
    })
    .catch(() => undefined)
}

/** takeMedia holds the media's lock in this tab until the function it gives
 *  back is called; it fails with a Failure when another tab has it. */
export async function takeMedia(): Promise<() => void> {
  talk.here = true
  watch()
  return new Promise((resolve, reject) => {
    const late = AbortSignal.timeout(5000)
    navigator.locks
      .request(mediaLock, { signal: late }, () => new Promise<void>((free) => resolve(free)))
      .catch(() => {
        talk.here = false
        reject({ code: 'call_in_progress', text: '', hint: '' } satisfies Failure)
      })
  })
}

/** endCall ends a call whose media are not here. */
export async function endCall(id: string): Promise<void> {
  try {
    await call('endCall', { call: id })
  } catch (e) {
    const f = failure(e)
    if (f.code !== 'no_such_call') tellFailure(f)
  }
}

// ── missed calls, and the one wish ───────────────────────────────────────

async function load(): Promise<void> {
  try {
    const [seen, relay, past] = await Promise.all([call('setting', { name: seenSetting }), call('setting', { name: relaySetting }), call('callHistory', { limit: 99 })])
    talk.alwaysRelay = relay === 'on'
    talk.missed = past.filter((p) => p.reason === 'missed' && p.began > Number(seen)).length
  } catch {
    // Asked again when a core begins.
  }
}

/** seenCalls notes that the person looked at the list of calls. */
export function seenCalls(): void {
  if (talk.missed === 0) return
  talk.missed = 0
  void call('setSetting', { name: seenSetting, value: String(Date.now()) }).catch(() => undefined)
}

export async function setAlwaysRelay(wish: boolean): Promise<void> {
  const before = talk.alwaysRelay
  talk.alwaysRelay = wish
  try {
    await call('setSetting', { name: relaySetting, value: wish ? 'on' : '' })
  } catch (e) {
    talk.alwaysRelay = before
    tellFailure(failure(e))
  }
}

on('call_incoming', () => void look())
on('call_changed', (e) => put(e.call))
on('call_ended', (e) => {
  if (e.reason === 'missed') talk.missed++
  void reload()
})
onReady(() => void look())
onAccount(() => {
  void look()
  void load()
})
