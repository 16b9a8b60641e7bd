// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Call, Calls, CoreEvent } from '../core/generated'
import type { Fault } from './devices'
import type { Quality } from './quality'

/** Asks the core, wherever it runs. */
export type Ask = <N extends keyof Calls>(name: N, params: Calls[N]['params']) => Promise<Calls[N]['result']>

/** The events that a call's media engine lives by. */
export type CallEvent = Extract<CoreEvent, { event: 'call_changed' | 'call_offer_wanted' | 'call_described' | 'call_candidate' | 'call_again' }>

/** What can be shown of the call whose media is in this tab. */
export interface Shown {
  call: Call | null
  /** The other side's; their lines stay as long as a connection does. */
  sound: MediaStreamTrack | null
  picture: MediaStreamTrack | null
  /** Our own microphone, muted or not, for a meter. */
  heard: MediaStreamTrack | null
  /** Our own picture, as it is sent. */
  own: MediaStreamTrack | null
  muted: boolean
  /** The camera is on, or about to be. */
  camera: boolean
  sharing: boolean
  micFault: Fault | null
  cameraFault: Fault | null
  /** What ended by itself a moment ago. */
  gone: '' | 'microphone' | 'camera' | 'screen'
  /** Our picture was stopped so that sound comes through. */
  held: boolean
  connected: boolean
  quality: Quality
  path: '' | 'direct' | 'relay'
  relay: string
}

export const nothing = (): Shown => ({
  call: null,
  sound: null,
  picture: null,
  heard: null,
  own: null,
  muted: false,
  camera: false,
  sharing: false,
  micFault: null,
  cameraFault: null,
  gone: '',
  held: false,
  connected: false,
  quality: '',
  path: '',
  relay: '',
})
