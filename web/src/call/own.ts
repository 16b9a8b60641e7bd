// SPDX-License-Identifier: AGPL-3.0-or-later
// What this side sends: its microphone, and its camera or its screen.
import { camera, fault, microphone, type Fault } from './devices'
import { screen } from './screen'
import type { Shown } from './types'

export type OwnShown = Pick<Shown, 'heard' | 'own' | 'muted' | 'camera' | 'sharing' | 'micFault' | 'cameraFault'>

export interface OwnListeners {
  /** Something that is sent, or the wish to, is other than before. */
  changed: () => void
  /** A device ended by itself: it was pulled out, or taken back. */
  gone: (what: 'microphone' | 'camera' | 'screen') => void
}

export class Own {
  audio: MediaStreamTrack | null = null
  video: MediaStreamTrack | null = null
  /** The video is the screen. */
  sharing = false
  muted = false
  /** The camera is wanted, and perhaps not there yet. */
  seen = false
  micFault: Fault | null = null
  cameraFault: Fault | null = null
  mic = ''
  cam = ''
  to: OwnListeners = { changed: () => undefined, gone: () => undefined }
  #ended = false

  /** What is shown of it. */
  get shown(): OwnShown {
    return { heard: this.audio, own: this.video, muted: this.muted, camera: this.seen && !this.sharing, sharing: this.sharing, micFault: this.micFault, cameraFault: this.cameraFault }
  }

  /** listen turns a microphone on in place of the one before. */
  async listen(id = this.mic): Promise<void> {
    try {
      const track = await microphone(id)
      if (this.#ended) return track.stop()
      this.#drop(this.audio)
      this.audio = track
      this.mic = track.getSettings().deviceId ?? id
      track.enabled = !this.muted
      this.micFault = null
      track.onended = () => void this.#micGone(track)
    } catch (e) {
      this.micFault = fault(e)
    }
    this.to.changed()
  }

  /** look turns a camera on in place of what was shown before. */
  async look(id = this.cam): Promise<void> {
    this.seen = true
    this.to.changed()
    try {
      const track = await camera(id)
      if (this.#ended || !this.seen) return track.stop()
      this.#drop(this.video)
      this.video = track
      this.sharing = false
      this.cam = track.getSettings().deviceId ?? id
      this.cameraFault = null
      track.onended = () => this.#videoGone(track, 'camera')
    } catch (e) {
      this.cameraFault = fault(e)
      if (!this.sharing) this.seen = false
    }
    this.to.changed()
  }

  /** share shows the screen in place of the camera, if the person chooses one. */
  async share(): Promise<void> {
    const track = await screen()
    if (!track) return
    if (this.#ended) return track.stop()
    this.#drop(this.video)
    this.video = track
    this.sharing = true
    track.onended = () => this.#videoGone(track, 'screen')
    this.to.changed()
  }

  /** dark takes camera and screen off. */
  dark(): void {
    this.#drop(this.video)
    this.video = null
    this.sharing = false
    this.seen = false
    this.to.changed()
  }

  mute(on: boolean): void {
    this.muted = on
    if (this.audio) this.audio.enabled = !on
    this.to.changed()
  }

  end(): void {
    this.#ended = true
    this.#drop(this.audio)
    this.#drop(this.video)
    this.audio = this.video = null
  }

  async #micGone(track: MediaStreamTrack): Promise<void> {
    if (this.#ended || track !== this.audio) return
    this.audio = null
    this.mic = ''
    this.to.gone('microphone')
    await this.listen('') // another one, if there is one
  }

  #videoGone(track: MediaStreamTrack, what: 'camera' | 'screen'): void {
    if (this.#ended || track !== this.video) return
    this.dark()
    this.to.gone(what)
  }

  #drop(track: MediaStreamTrack | null): void {
    if (!track) return
    track.onended = null
    track.stop()
  }
}
