// SPDX-License-Identifier: AGPL-3.0-or-later
// The call whose media are in this tab: the person's hand on the engine.
import { devices, onDevices, type Devices } from '../call/devices'
import { Own } from '../call/own'
import { Player } from '../call/player'
import { Session } from '../call/session'
import { ring } from '../call/tone'
import { nothing, type CallEvent, type Shown } from '../call/types'
import type { Call } from '../core/generated'
import { account } from './account.svelte'
import { call, failure, on, type Failure } from './core.svelte'
import { endCall, mark, mediaLock, onLook, relaySetting, takeMedia, talk, type Mark } from './talk.svelte'
import { tellFailure } from './notices.svelte'

export { callWords } from './calls'
export type { Fault } from '../call/devices'
export type { Quality } from '../call/quality'
export { meter, speakersChosen } from '../call/devices'
export { screens } from '../call/screen'

export const line = $state({
  ...nothing(),
  /** Devices of this machine, as far as the browser tells. */
  devices: { microphones: [], cameras: [], speakers: [] } as Devices,
  /** Where the other side is heard; empty for the system's own choice. */
  speaker: '',
  /** The browser would not sound without a click. */
  silent: false,
  /** A call is on its way out or in, and the core has not answered. */
  busy: false,
})

let session: Session | null = null
let own: Own | null = null
let free: (() => void) | null = null

const show = (s: Partial<Shown>): void => {
  Object.assign(line, s)
  if (s.call && s.call.state !== 'ended') talk.now = s.call
  keepMark()
}

function keepMark(): void {
  if (session?.id) mark({ call: session.id, video: line.camera, muted: line.muted })
}

/** look reads which devices there are. */
export async function lookDevices(): Promise<void> {
  line.devices = await devices()
}

onDevices(() => void lookDevices())

/** warm turns the microphone on, and the camera if it is wanted, before a
 *  call; the call then takes them over. */
export async function warm(video: boolean): Promise<Own> {
  const mine = (own ??= new Own())
  mine.to = { changed: () => preview(mine), gone: (what) => (line.gone = what) }
  line.gone = ''
  await Promise.all([mine.audio ? undefined : mine.listen(), video && !mine.video ? mine.look() : undefined])
  await lookDevices()
  return mine
}

function preview(o: Own): void {
  Object.assign(line, o.shown)
}

/** cold lets the devices go that no call took over. */
export function cold(): void {
  if (session) return
  own?.end()
  own = null
  Object.assign(line, nothing())
}

async function begin(go: (s: Session) => Promise<Call>): Promise<Failure | null> {
  if (line.busy || session) return null
  line.busy = true
  try {
    free = await takeMedia()
    const mine = (own ??= new Own())
    const made = (session = new Session(call, mine, await relayed(), show))
    talk.over = null
    const c = await go(made)
    if (made !== session) return null // hung up meanwhile
    talk.now = c
    preview(mine)
    keepMark()
    return null
  } catch (e) {
    close()
    return failure(e)
  } finally {
    line.busy = false
  }
}

/** relayed is the wish that calls are relayed, from the vault and not guessed. */
async function relayed(): Promise<boolean> {
  return talk.alwaysRelay ?? (await call('setting', { name: relaySetting })) === 'on'
}

/** start calls. The devices are those that were looked at before. */
export async function start(conversation: string, video: boolean): Promise<Failure | null> {
  const failed = await begin((s) => s.start(conversation, video))
  if (failed) return failed
  talk.full = true
  return null
}

/** answer takes a call that rings; the devices come while it connects. */
export async function answer(c: Call, video: boolean): Promise<void> {
  void warm(video)
  const failed = await begin((s) => s.answer(c, video))
  if (failed && failed.code !== 'call_taken' && failed.code !== 'no_such_call') tellFailure(failed)
  else talk.full = true
}

/** resume goes on with a call whose engine is gone. */
export async function resume(c: Call, was: Mark | null): Promise<void> {
  talk.resuming = true
  own?.end()
  own = new Own()
  own.muted = was?.muted ?? false
  void warm(was?.video ?? false)
  const failed = await begin((s) => s.resume(c, was?.video ?? false))
  talk.resuming = false
  if (failed && failed.code !== 'call_taken' && failed.code !== 'no_such_call') tellFailure(failed)
}

/** close lets the media in this tab go. */
function close(): void {
  session?.close()
  session = null
  own?.end()
  own = null
  free?.()
  free = null
  talk.here = false
  mark(null)
  Object.assign(line, nothing(), { silent: false, busy: false })
}

// ── what the person does in a call ───────────────────────────────────────

export async function hangUp(): Promise<void> {
  const id = session?.id
  if (!id) return close() // it had not begun: the core's answer finds nobody
  await endCall(id)
  if (session?.id === id) close() // nobody told that it ended: the core is away
}

export const mute = (wish = !line.muted): void => own?.mute(wish)

export async function camera(wish = !line.camera): Promise<void> {
  line.held = false
  line.gone = ''
  if (wish) await own?.look()
  else own?.dark()
  await lookDevices()
}

export async function share(wish = !line.sharing): Promise<void> {
  try {
    if (wish) await own?.share()
    else own?.dark()
  } catch (e) {
    tellFailure(failure(e))
  }
}

export async function useMicrophone(id: string): Promise<void> {
  await own?.listen(id)
}

export async function useCamera(id: string): Promise<void> {
  await own?.look(id)
}

/** chosen tells which devices are in use. */
export const chosen = (): { mic: string; cam: string } => ({ mic: own?.mic ?? '', cam: own?.cam ?? '' })

/** compare notes what came of reading the short code aloud. */
export async function compare(same: boolean): Promise<void> {
  if (!session) return
  await call('compareCode', { call: session.id, same }).catch((e) => tellFailure(failure(e)))
}

// ── what the core tells ──────────────────────────────────────────────────

const hear = (e: CallEvent): void => session?.event(e)
for (const kind of ['call_changed', 'call_offer_wanted', 'call_described', 'call_candidate', 'call_again'] as const) on(kind, hear)
on('call_ended', (e) => {
  if (!session || session.id !== e.call) return
  close()
  talk.over = { conversation: e.conversation, peer: e.peer, incoming: e.incoming, video: e.video, reason: e.reason, seconds: e.seconds }
})

/** goOn finds, after a reload, the call that was in this tab; and when a core
 *  began anew under a call, gives it another round. */
async function goOn(): Promise<void> {
  if (going) return
  going = true
  await goOnOnce().finally(() => (going = false))
}

let going = false // the calls are read more than once while a page begins

async function goOnOnce(): Promise<void> {
  const c = talk.now
  if (!c) {
    if (session?.id) close()
    return
  }
  if (session) {
    if (session.id === c.id && c.state === 'lost') await session.resume(c, line.camera).catch(() => undefined)
    return
  }
  const m = talk.mark
  if (m?.call !== c.id || line.busy || !account.me) return
  if (!(await unheld())) {
    mark(null) // a copy of the tab that has the call
    return
  }
  if (c.state === 'connecting' || c.state === 'connected') await call('loseCall', { call: c.id }).catch(() => undefined)
  await resume(c, m)
}

/** unheld reports whether no tab has the media; one that only looks is gone in
 *  a moment. */
function unheld(): Promise<boolean> {
  return navigator.locks.request(mediaLock, { signal: AbortSignal.timeout(2000) }, () => true).catch(() => false)
}

onLook(() => void goOn())
void goOn()

// ── the other side's sound ───────────────────────────────────────────────

const player = new Player(() => (line.silent = true))

/** unsilence sounds after all: the person has clicked. */
export function unsilence(): void {
  line.silent = false
  player.play()
}

export function useSpeaker(id: string): void {
  line.speaker = id
  player.speaker(id)
}

addEventListener('pagehide', () => {
  if (session?.id) void call('loseCall', { call: session.id }).catch(() => undefined)
})

// ── sounds ───────────────────────────────────────────────────────────────

const tone = $derived(talk.ringing.length > 0 && !talk.here ? 'incoming' : talk.here && line.call?.state === 'calling' && line.call.peerRings ? 'outgoing' : null)

$effect.root(() => {
  $effect(() => player.set(line.sound))
  $effect(() => (tone ? ring(tone) : undefined))
})
