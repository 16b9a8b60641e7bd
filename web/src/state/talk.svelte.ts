// SPDX-License-Identifier: AGPL-3.0-or-later
// Calls between people: what rings, what is on, and what is over. One tab has
// the media of a call; the others know of it and show nothing of it.
import type { Call, CallReason, Report } from '../core/generated'
import type { Devices, Missing } from '../call/devices'
import type { Engine as Carrier, Quality } from '../call/engine'
import type { Way } from '../call/peer'
import { m } from '../paraglide/messages.js'
import { bare, contact, other, reload } from './conversations.svelte'
import { call, failure, on, onReady } from './core.svelte'
import { tell, tellFailure } from './notices.svelte'

/** A call that is over, for as long as its end is shown. */
export interface Over {
  peer: string
  conversation: string
  reason: CallReason
  incoming: boolean
  video: boolean
  seconds: number
}

export const talk = $state({
  /** Calls that ring here. */
  ringing: [] as Call[],
  /** The call that this account is in, in whatever tab. */
  now: null as Call | null,
  /** The media are in this tab. */
  here: false,
  /** Media flow, by which way, how well. */
  up: false,
  way: { path: 'unknown', relay: '' } as Way,
  quality: 'good' as Quality,
  /** The picture was given up for the sound. */
  narrow: false,
  muted: false,
  camera: false,
  sharing: false,
  mine: null as MediaStream | null,
  theirs: null as MediaStream | null,
  missing: null as Missing | null,
  /** A microphone is open. */
  listening: false,
  /** Shown small, so that one can write meanwhile. */
  small: false,
  over: null as Over | null,
  report: null as Report | null,
  /** Devices that were chosen; empty for the browser's own choice. */
  microphone: '',
  cameraId: '',
  speaker: '',
  alwaysRelay: false,
})

const mark = 'call' // of sessionStorage: the call whose media this tab has

let engine: Carrier | null = null
let audio: MediaStreamTrack | null = null
let video: MediaStreamTrack | null = null
let silence: (() => void) | null = null

const parts = {
  devices: () => import('../call/devices'),
  engine: () => import('../call/engine'),
  peer: () => import('../call/peer'),
}

/** canCall says whether a conversation may have a call at all. */
export function canCall(c: { direct: boolean; state: string; members: string[]; name: string }): boolean {
  const person = contact(other(c as Parameters<typeof other>[0]))
  return c.direct && c.state === 'active' && person?.state === 'accepted'
}

/** Tracks that are sent at this moment. */
async function send(): Promise<void> {
  await engine?.send(talk.muted ? null : audio, video)
  talk.mine = video ? new MediaStream([video]) : null
  const now = talk.now
  if (now && now.state !== 'calling') {
    await call('tellMedia', { call: now.id, audio: !talk.muted && audio !== null, video: video !== null, screen: talk.sharing }).catch(() => null)
  }
}

/** take asks for the devices that are wanted and not there yet. */
async function take(wantVideo: boolean): Promise<void> {
  const d = await parts.devices()
  talk.missing = null
  const watched = (t: MediaStreamTrack): MediaStreamTrack => {
    t.addEventListener('ended', () => void gone(t))
    return t
  }
  try {
    audio ??= watched(await d.microphone(talk.microphone))
  } catch (e) {
    talk.missing = d.missing(e)
  }
  if (!wantVideo || video) return
  try {
    video = watched(await d.camera(talk.cameraId))
    talk.camera = true
  } catch (e) {
    talk.missing ??= d.missing(e)
  }
}

/** A device was unplugged, or the browser's own bar stopped sharing. */
async function gone(track: MediaStreamTrack): Promise<void> {
  if (track === video) {
    video = null
    talk.camera = talk.sharing = false
  } else if (track === audio) {
    audio = null
    talk.missing = 'none'
  } else return
  await send()
}

async function begin(certificate: RTCCertificate, conversation: string): Promise<void> {
  const { Engine } = await parts.engine()
  const id = () => talk.now?.id ?? ''
  engine?.stop()
  engine = new Engine(certificate, talk.alwaysRelay, {
    relay: () => call('relayServers', { conversation }).catch((e: unknown) => {
      if (failure(e).code === 'no_relay') return null
      throw e
    }),
    describe: (sdp) => call('describeCall', { call: id(), sdp }),
    candidate: (c) => call('candidateCall', { call: id(), ...c }).catch(() => null),
    connected: () => call('connectedCall', { call: id() }).catch(() => null),
    restart: () => call('restartCall', { call: id() }).catch(() => null),
    up(up, way) {
      const changed = up !== talk.up || way.path !== talk.way.path || way.relay !== talk.way.relay
      talk.up = up
      talk.way = way
      if (changed) void weigh()
    },
    media: (stream) => (talk.theirs = stream),
    quality: (q) => (talk.quality = q),
    narrow: (n) => (talk.narrow = n),
    failed: (e) => tellFailure(failure(e)),
  })
  talk.here = true
  await send()
}

/** weigh asks anew who could hear the call. */
export async function weigh(): Promise<void> {
  const now = talk.now
  if (!now || !talk.here) return
  talk.report = await whoCouldHear(now.conversation, now.id).catch(() => talk.report)
}

/** whoCouldHear asks for a call that is on, or for one that would begin. */
export function whoCouldHear(conversation: string, id = ''): Promise<Report> {
  const sends = { audio: !talk.muted, video: talk.camera, screen: talk.sharing }
  const facts = { path: talk.way.path, relay: talk.way.relay, browser: true, pageHost: location.host, alwaysRelay: talk.alwaysRelay, sends }
  return call('whoCouldHear', { conversation, ...(id ? { call: id } : {}), facts })
}

/** prepare readies devices and an engine, before the core may ask it for
 *  anything. It gives the fingerprint, or null when there is no device. */
async function prepare(conversation: string, withVideo: boolean): Promise<string | null> {
  talk.over = null
  await take(withVideo)
  if (!audio && !video) {
    release()
    return null
  }
  const { certificate, fingerprint } = await (await parts.peer()).drawCertificate()
  await begin(certificate, conversation)
  return fingerprint
}

function mine(k: Call): void {
  talk.now = k
  sessionStorage.setItem(mark, k.id)
  void weigh()
}

/** start calls the other person of a conversation. False: it came to nothing. */
export async function start(conversation: string, withVideo: boolean): Promise<boolean> {
  talk.small = false
  try {
    const fingerprint = await prepare(conversation, withVideo)
    if (!fingerprint) return false
    mine(await call('startCall', { conversation, fingerprint, video: withVideo }))
    await send()
    return true
  } catch (e) {
    release()
    tellFailure(failure(e))
    return false
  }
}

/** answerCall takes a call that rings, in this tab. */
export async function answerCall(k: Call, withVideo: boolean): Promise<void> {
  talk.small = false
  try {
    const fingerprint = await prepare(k.conversation, withVideo)
    if (!fingerprint) return
    sessionStorage.setItem(mark, k.id)
    talk.now = { ...k, state: 'connecting' }
    mine(await call('answerCall', { call: k.id, fingerprint, video: withVideo }))
    await send()
  } catch (e) {
    release()
    if (failure(e).code !== 'call_taken') tellFailure(failure(e))
    void refresh()
  }
}

/** end hangs up, gives up or declines. */
export async function end(id: string): Promise<void> {
  await call('endCall', { call: id }).catch((e: unknown) => {
    if (failure(e).code !== 'no_such_call') tellFailure(failure(e))
  })
}

/** resume goes on with a call after this page was loaded anew. */
async function resume(k: Call): Promise<void> {
  try {
    const fingerprint = await prepare(k.conversation, k.video)
    if (!fingerprint) return
    sessionStorage.setItem(mark, k.id)
    mine(await call('resumeCall', { call: k.id, fingerprint, video: k.video }))
    await send()
  } catch (e) {
    release()
    tellFailure(failure(e))
  }
}

/** again takes part in another round, which the other side began. */
async function again(k: Call): Promise<void> {
  const { certificate, fingerprint } = await (await parts.peer()).drawCertificate()
  talk.up = false
  await begin(certificate, k.conversation)
  await call('answerCall', { call: k.id, fingerprint, video: talk.camera }).catch((e: unknown) => tellFailure(failure(e)))
}

/** release lets the media of this tab go. */
function release(): void {
  engine?.stop()
  engine = null
  for (const t of [audio, video]) t?.stop()
  audio = video = null
  sessionStorage.removeItem(mark)
  Object.assign(talk, {
    here: false, up: false, muted: false, camera: false, sharing: false, narrow: false, listening: false, mine: null, theirs: null, report: null,
    way: { path: 'unknown', relay: '' }, quality: 'good',
  })
}

/** preview readies devices before a call, so that a person sees and hears what
 *  will be sent. endPreview lets them go unless a call took them over. */
export async function preview(withVideo: boolean): Promise<void> {
  if (!withVideo && video) {
    video.stop()
    video = null
    talk.camera = false
  }
  await take(withVideo)
  talk.mine = video ? new MediaStream([video]) : null
  talk.listening = audio !== null
}

export function endPreview(): void {
  if (!talk.now) release()
}

/** watchMine tells how loud this side's microphone is, 0 to 1, until what it
 *  gives back is called. */
export async function watchMine(f: (level: number) => void): Promise<() => void> {
  const { watchLevel } = await parts.devices()
  return audio ? watchLevel(audio, f) : () => {}
}

/** devicesHere lists what this device has. */
export async function devicesHere(): Promise<Devices> {
  return (await parts.devices()).devices()
}

export async function mute(muted: boolean): Promise<void> {
  talk.muted = muted
  await send()
}

/** picture switches the camera on or off. */
export async function picture(wanted: boolean): Promise<void> {
  if (video) {
    video.stop()
    video = null
  }
  talk.camera = talk.sharing = false
  if (wanted) await take(true)
  await send()
}

/** share shows the screen in place of the camera; the browser asks which. */
export async function share(wanted: boolean): Promise<void> {
  if (!wanted) return picture(false)
  const d = await parts.devices()
  try {
    const track = await d.screen()
    video?.stop()
    video = track
    talk.sharing = true
    talk.camera = false
    track.addEventListener('ended', () => void gone(track))
    await send()
  } catch (e) {
    if (d.missing(e) !== 'denied') talk.missing = d.missing(e)
  }
}

/** use takes another microphone or camera, also in the middle of a call. */
export async function use(kind: 'microphone' | 'camera' | 'speaker', id: string): Promise<void> {
  if (kind === 'speaker') {
    talk.speaker = id
    return
  }
  if (kind === 'microphone') {
    talk.microphone = id
    audio?.stop()
    audio = null
  } else {
    talk.cameraId = id
    if (!talk.camera) return
    video?.stop()
    video = null
  }
  await take(kind === 'camera')
  await send()
}

/** compare says what came of reading the code aloud. */
export async function compare(same: boolean): Promise<void> {
  const now = talk.now
  if (!now) return
  await call('compareCode', { call: now.id, same }).catch((e: unknown) => tellFailure(failure(e)))
  await weigh()
}

export async function setAlwaysRelay(wanted: boolean): Promise<void> {
  talk.alwaysRelay = wanted
  await call('setSetting', { name: 'always_relay', value: wanted ? 'on' : '' }).catch((e: unknown) => tellFailure(failure(e)))
}

/** ringtone sounds while something rings here, and no longer. */
async function ringtone(): Promise<void> {
  const wanted = talk.ringing.length > 0 && !talk.here
  if (!wanted) {
    silence?.()
    silence = null
  } else if (!silence) {
    silence = () => {}
    const stop = (await parts.devices()).ring()
    if (talk.ringing.length > 0) silence = stop
    else stop()
  }
  document.title = wanted ? m.call_title({ name: bare(talk.ringing[0]?.peer ?? '') }) : 'Clarion'
}

/** known puts what the core says of a call in its place. */
function known(k: Call): void {
  talk.ringing = talk.ringing.filter((r) => r.id !== k.id)
  if (k.state === 'ended') {
    if (talk.now?.id === k.id) talk.now = null
  } else if (k.state === 'ringing') {
    talk.ringing = [...talk.ringing, k]
  } else {
    talk.now = k
  }
  void ringtone()
}

async function refresh(): Promise<void> {
  const list = await call('calls', {}).catch(() => [] as Call[])
  talk.ringing = list.filter((k) => k.state === 'ringing')
  talk.now = list.find((k) => k.state !== 'ringing') ?? null
  void ringtone()
  const lost = talk.now
  if (lost?.state === 'lost' && sessionStorage.getItem(mark) === lost.id) await resume(lost)
  else if (!talk.now && talk.here) release()
}

const ours = (id: string): boolean => talk.here && engine !== null && talk.now?.id === id

on('call_changed', ({ call: k, was }) => {
  if (was && talk.now?.id === was && talk.here) {
    talk.now = k
    sessionStorage.setItem(mark, k.id)
  }
  const before = talk.now
  known(k)
  if (ours(k.id) && (before?.code !== k.code || before.compared !== k.compared || before.state !== k.state)) void weigh()
  if (ours(k.id) && before?.state === 'calling' && k.state === 'connecting') void send()
})
on('call_offer_wanted', (e) => {
  if (ours(e.call)) void engine?.offer(e.restart)
})
on('call_described', (e) => {
  if (ours(e.call)) void engine?.described(e.offer, e.sdp, e.restart)
})
on('call_candidate', (e) => {
  if (ours(e.call)) engine?.candidate(e.candidate)
})
on('call_again', (e) => {
  if (talk.now && ours(e.call)) void again(talk.now)
})
on('call_ended', (e) => {
  if (talk.here && sessionStorage.getItem(mark) === e.call) {
    release()
    talk.over = { peer: e.peer, conversation: e.conversation, reason: e.reason, incoming: e.incoming, video: e.video, seconds: e.seconds }
    if (e.reason === 'tampered') tell('brass', m.call_tampered(), m.call_tampered_hint())
  }
  void reload()
})
onReady(() => {
  void refresh()
  call('setting', { name: 'always_relay' }).then((v) => (talk.alwaysRelay = v === 'on'), () => {})
})
addEventListener('pagehide', () => {
  if (talk.here && talk.now) void call('loseCall', { call: talk.now.id }).catch(() => null)
})
