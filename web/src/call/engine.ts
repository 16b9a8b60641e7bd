// SPDX-License-Identifier: AGPL-3.0-or-later
// The media of one call in this tab, over as many connections as its rounds
// need. Steps run one after another; the core decides which there are.
import type { CallCandidate, Relay } from '../core/generated'
import { Peer, type Way } from './peer'

/** What the engine asks of the core, and tells the screens. */
export interface Signals {
  relay(): Promise<Relay | null>
  describe(sdp: string): Promise<unknown>
  candidate(c: CallCandidate): Promise<unknown>
  connected(): Promise<unknown>
  restart(): Promise<unknown>
  /** Media flow, or do not. */
  up(up: boolean, way: Way): void
  media(stream: MediaStream): void
  quality(q: Quality): void
  /** The picture was given up for the sound, or may come back. */
  narrow(narrow: boolean): void
  failed(e: unknown): void
}

/** How the connection is, in the few words that people can use. */
export type Quality = 'good' | 'fair' | 'poor' | 'lost'

const comesUp = 6000 // from both descriptions to a connection, ms
const comesBack = 3000 // from a connection's end to a restart
const again = 5000 // between two restarts
const measured = 2000
const tooNarrow = 100_000 // bits a second: too few for a picture beside the sound
const wideEnough = 250_000

export class Engine {
  private peer: Peer | null = null
  private steps: Promise<void> = Promise.resolve()
  private audio: MediaStreamTrack | null = null
  private video: MediaStreamTrack | null = null
  private up = false
  private overdue = 0 // when to ask for a restart, ms; 0 while there is nothing to wait for
  private narrowFor = 0
  private narrow = false
  private readonly timers: ReturnType<typeof setInterval>[]
  private stopped = false

  constructor(private readonly certificate: RTCCertificate, private readonly relayOnly: boolean, private readonly to: Signals) {
    this.timers = [setInterval(() => this.tend(), 500), setInterval(() => void this.measure(), measured)]
    addEventListener('online', this.network)
    const connection = (navigator as { connection?: EventTarget }).connection
    connection?.addEventListener('change', this.network)
  }

  private step(f: () => Promise<void>): Promise<void> {
    this.steps = this.steps.then(f).catch((e: unknown) => {
      if (!this.stopped) this.to.failed(e)
    })
    return this.steps
  }

  private async fresh(): Promise<Peer> {
    this.drop()
    const relay = await this.to.relay()
    const peer: Peer = new Peer(this.certificate, relay, this.relayOnly, {
      candidate: (c) => void this.to.candidate(c),
      connection: (up) => void this.changed(peer, up),
      media: (stream) => this.to.media(stream),
    })
    await peer.send(this.audio, this.picture())
    return (this.peer = peer)
  }

  private picture(): MediaStreamTrack | null {
    return this.narrow ? null : this.video
  }

  private async changed(peer: Peer, up: boolean): Promise<void> {
    if (peer !== this.peer) return
    this.up = up
    this.overdue = up ? 0 : Date.now() + comesBack
    if (up) await this.to.connected()
    this.to.up(up, up ? await peer.way() : { path: 'unknown', relay: '' })
    if (!up) this.to.quality('lost')
  }

  /** offer is asked of the side that describes itself first. */
  offer(restart: boolean): Promise<void> {
    return this.step(async () => {
      const peer = restart && this.peer ? this.peer : await this.fresh()
      await this.to.describe(await peer.offer(restart))
      this.wait()
    })
  }

  /** described takes the other side's description. */
  described(offer: boolean, sdp: string, restart: boolean): Promise<void> {
    return this.step(async () => {
      const peer = !this.peer || (offer && !restart) ? await this.fresh() : this.peer
      const answer = await peer.take(offer, sdp)
      if (answer) await this.to.describe(answer)
      this.wait()
    })
  }

  private wait(): void {
    if (!this.up) this.overdue = Date.now() + comesUp
  }

  candidate(c: CallCandidate): void {
    void this.step(async () => this.peer?.candidate(c))
  }

  /** drop lets the connection go; another round makes another. */
  drop(): void {
    this.peer?.close()
    this.peer = null
    this.up = false
    this.overdue = 0
  }

  /** send puts tracks in place of those that are sent. */
  send(audio: MediaStreamTrack | null, video: MediaStreamTrack | null): Promise<void> {
    this.audio = audio
    this.video = video
    return this.step(async () => this.peer?.send(audio, this.picture()))
  }

  private readonly network = (): void => {
    if (this.peer) this.overdue = Date.now() + 500 // another network: look for another way at once
  }

  private tend(): void {
    if (this.overdue === 0 || Date.now() < this.overdue) return
    this.overdue = Date.now() + again
    void this.to.restart()
    this.overdueEnds()
  }

  /** A restart that finds the connection up again needs no other. */
  private overdueEnds(): void {
    if (this.up) this.overdue = 0
  }

  private async measure(): Promise<void> {
    const peer = this.peer
    if (!peer || !this.up) return
    const f = await peer.flow().catch(() => null)
    if (!f || peer !== this.peer || !this.up) return
    this.to.quality(f.loss > 0.1 || f.delay > 0.6 ? 'poor' : f.loss > 0.03 || f.delay > 0.3 ? 'fair' : 'good')
    this.to.up(true, await peer.way())
    // The picture gives way before the sound does.
    const short = f.room > 0 && f.room < tooNarrow
    this.narrowFor = short ? this.narrowFor + 1 : 0
    if (!this.narrow && this.narrowFor >= 2) await this.narrowed(true)
    else if (this.narrow && f.room > wideEnough) await this.narrowed(false)
  }

  private async narrowed(narrow: boolean): Promise<void> {
    this.narrow = narrow
    if (this.video) this.to.narrow(narrow)
    await this.send(this.audio, this.video)
  }

  /** stop ends it for good. The tracks are their owner's to end. */
  stop(): void {
    this.stopped = true
    this.timers.forEach(clearInterval)
    removeEventListener('online', this.network)
    ;(navigator as { connection?: EventTarget }).connection?.removeEventListener('change', this.network)
    this.drop()
  }
}
