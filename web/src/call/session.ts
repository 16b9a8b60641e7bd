// SPDX-License-Identifier: AGPL-3.0-or-later
// The media engine of one call, as the core wants it (client/call.go): it
// brings a certificate to each round, makes the connection that the core asks
// for, and tells it what becomes of it.
//
//	start, answer, resume ─▶ offer wanted / described ─▶ connected ─▶ close
//	                              ▲   lost: restart ◀───────┘
//	                              └── again: the other side's engine is a new one
import type { Call } from '../core/generated'
import { draw, Peer } from './peer'
import { quality, Room } from './quality'
import type { Own } from './own'
import type { Ask, CallEvent, Shown } from './types'

/** No connection this long after both descriptions, in ms: ICE is restarted. */
const slow = 6000
/** A connection that was interrupted this long, in ms, likewise. */
const interrupted = 3000
/** How long, in ms, until it is tried once more. */
const again = 5000
/** How often the connection's figures are read, in ms. */
const readEvery = 2000
/** How long the relay's credential may take, in ms, before it goes on without. */
const relayWithin = 4000

export class Session {
  readonly #ask: Ask
  readonly #show: (s: Partial<Shown>) => void
  readonly #own: Own
  readonly #relayOnly: boolean
  readonly #room = new Room()
  #conversation = ''
  #id = ''
  #video = false
  #certificate: RTCCertificate | null = null
  #servers: RTCIceServer[] = []
  #peer: Peer | null = null
  #early: CallEvent[] | null = [] // before it is known which call this is
  #line: Promise<void> = Promise.resolve() // one step after the other
  #urge: ReturnType<typeof setTimeout> | undefined
  #reading: ReturnType<typeof setInterval> | undefined
  #online = () => this.#lost(0)
  #noRelay: unknown = { code: 'timeout', text: '', hint: '' }
  #closed = false

  constructor(ask: Ask, own: Own, relayOnly: boolean, show: (s: Partial<Shown>) => void) {
    this.#ask = ask
    this.#own = own
    this.#relayOnly = relayOnly
    this.#show = show
    own.to = { changed: () => this.#changed(), gone: (what) => show({ gone: what }) }
  }

  get id(): string {
    return this.#id
  }

  // ── the three ways in ──────────────────────────────────────────────────

  start(conversation: string, video: boolean): Promise<Call> {
    this.#video = video
    return this.#begin(conversation, (fingerprint) => this.#ask('startCall', { conversation, fingerprint, video }))
  }

  answer(c: Call, video: boolean): Promise<Call> {
    this.#video = video
    return this.#begin(c.conversation, (fingerprint) => this.#ask('answerCall', { call: c.id, fingerprint, video }))
  }

  /** resume goes on with a call whose engine is gone, this one's or another's. */
  resume(c: Call, video: boolean): Promise<Call> {
    this.#video = video
    this.#early = []
    return this.#begin(c.conversation, (fingerprint) => this.#ask('resumeCall', { call: c.id, fingerprint, video }))
  }

  async #begin(conversation: string, ask: (fingerprint: string) => Promise<Call>): Promise<Call> {
    this.#conversation = conversation
    this.#drop()
    const [{ certificate, fingerprint }] = await Promise.all([draw(), this.#refresh()])
    // Only relayed, and by nobody: it could not connect, so nobody is rung.
    if (this.#relayOnly && this.#servers.length === 0) throw this.#noRelay
    const c = await ask(fingerprint)
    this.#certificate = certificate
    if (this.#closed) {
      void this.#ask('endCall', { call: c.id }).catch(() => undefined)
      return c
    }
    this.#id = c.id
    this.#show({ call: c })
    addEventListener('online', this.#online)
    const early = this.#early ?? []
    this.#early = null
    for (const e of early) this.event(e)
    return c
  }

  /** #refresh asks for the means to relay; an old credential may be of no use. */
  async #refresh(): Promise<void> {
    const late = new Promise<null>((done) => setTimeout(done, relayWithin, null))
    const asked = this.#ask('relayServers', { conversation: this.#conversation }).catch((e: unknown) => ((this.#noRelay = e), null))
    const r = await Promise.race([asked, late])
    if (r) this.#servers = [{ urls: r.urls, username: r.username, credential: r.credential }]
  }

  // ── what the core says ─────────────────────────────────────────────────

  /** event takes what the core tells; what is of another call is passed over. */
  event(e: CallEvent): void {
    if (this.#closed) return
    if (this.#early) {
      this.#early.push(e)
      return
    }
    if (e.event === 'call_changed') {
      if (e.was === this.#id) this.#id = e.call.id // two calls crossed, and theirs goes on
      if (e.call.id !== this.#id) return
      this.#show({ call: e.call })
      // A restart may have been asked for although the connection held.
      if (e.call.state === 'connecting' && this.#peer?.connected && this.#peer.agreed) this.#confirm()
      return
    }
    if (e.call !== this.#id) return
    this.#line = this.#line.then(() => this.#step(e)).catch(() => this.#lost(0))
  }

  async #step(e: CallEvent): Promise<void> {
    if (this.#closed) return
    switch (e.event) {
      case 'call_offer_wanted':
        return this.#offer(e.restart)
      case 'call_described':
        return this.#described(e.sdp, e.offer, e.restart)
      case 'call_candidate':
        this.#peer ??= this.#make()
        return this.#peer.candidate(e.candidate)
      case 'call_again':
        return this.#again()
    }
  }

  async #offer(restart: boolean): Promise<void> {
    if (restart) await this.#refresh()
    const peer = restart && this.#peer ? this.#peer : this.#make()
    const sdp = await peer.offer(this.#servers, restart)
    await this.#describe(peer, sdp)
  }

  async #described(sdp: string, offer: boolean, restart: boolean): Promise<void> {
    if (offer && restart) await this.#refresh()
    const peer = this.#peer ?? this.#make()
    const answer = await peer.take(sdp, offer, this.#servers, restart)
    if (answer !== null) await this.#describe(peer, answer)
    if (peer.connected) this.#confirm()
    else this.#lost(slow)
  }

  async #describe(peer: Peer, sdp: string): Promise<void> {
    await this.#ask('describeCall', { call: this.#id, sdp })
    peer.told()
    await this.#send(peer)
  }

  /** #again answers another round: the other side has another engine. */
  async #again(): Promise<void> {
    this.#drop()
    const [{ certificate, fingerprint }] = await Promise.all([draw(), this.#refresh()])
    const c = await this.#ask('answerCall', { call: this.#id, fingerprint, video: this.#video })
    this.#certificate = certificate
    this.#show({ call: c })
  }

  // ── the connection ─────────────────────────────────────────────────────

  #make(): Peer {
    this.#peer?.close()
    if (!this.#certificate) throw new Error('a connection without a certificate')
    const peer: Peer = new Peer(this.#certificate, this.#servers, this.#relayOnly, {
      candidate: (c) => void this.#ask('candidateCall', { call: this.#id, ...c }).catch(() => undefined),
      track: (t) => this.#show(t.kind === 'audio' ? { sound: t } : { picture: t }),
      state: (s) => {
        if (peer === this.#peer) this.#stands(s)
      },
    })
    this.#peer = peer
    return peer
  }

  #drop(): void {
    this.#peer?.close()
    this.#peer = null
    clearTimeout(this.#urge)
    clearInterval(this.#reading)
    this.#show({ connected: false, sound: null, picture: null, quality: '', path: '', relay: '' })
  }

  #stands(s: RTCPeerConnectionState): void {
    switch (s) {
      case 'connected':
        clearTimeout(this.#urge)
        this.#show({ connected: true })
        this.#confirm()
        this.#tell()
        this.#watch()
        return
      case 'disconnected':
        this.#show({ connected: false })
        this.#lost(interrupted)
        return
      case 'failed':
        this.#show({ connected: false })
        this.#lost(0)
    }
  }

  /** #confirm tells the core that there is a connection, or still is. */
  #confirm(): void {
    void this.#ask('connectedCall', { call: this.#id }).catch(() => undefined)
  }

  /** #lost asks for a restart of ICE after so many ms, and again, until there
   *  is a connection or the core ends the call. */
  #lost(after: number): void {
    clearTimeout(this.#urge)
    this.#urge = setTimeout(() => {
      if (this.#closed || (after !== 0 && this.#peer?.connected)) return
      void this.#ask('restartCall', { call: this.#id }).catch(() => undefined)
      this.#lost(again)
    }, after)
  }

  #watch(): void {
    clearInterval(this.#reading)
    let silent = 0
    this.#reading = setInterval(async () => {
      const peer = this.#peer
      const r = await peer?.read().catch(() => null)
      if (!r || peer !== this.#peer || this.#closed) return
      const q = quality(r)
      silent = q === 'silent' ? silent + 1 : 0
      this.#show({ path: r.path, relay: r.relay, ...(q === 'silent' && silent < 2 ? {} : { quality: q }) })
      if (this.#own.video && this.#room.tooSmall(r)) {
        this.#room.again()
        this.#own.dark()
        this.#show({ held: true })
      }
    }, readEvery)
  }

  // ── what this side sends ───────────────────────────────────────────────

  #changed(): void {
    const o = this.#own
    this.#show({ ...o.shown, ...(o.seen || o.sharing ? { held: false } : {}) })
    this.#video = o.video !== null
    if (this.#peer) void this.#send(this.#peer)
    this.#tell()
  }

  async #send(peer: Peer): Promise<void> {
    await peer.send('audio', this.#own.audio).catch(() => undefined)
    await peer.send('video', this.#own.video, this.#own.sharing).catch(() => undefined)
  }

  #tell(): void {
    if (this.#closed || !this.#peer?.connected) return
    const o = this.#own
    void this.#ask('tellMedia', { call: this.#id, audio: o.audio !== null && !o.muted, video: o.video !== null, screen: o.sharing }).catch(() => undefined)
  }

  /** close lets the media go; what becomes of the call is for the core to say. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    removeEventListener('online', this.#online)
    this.#drop()
    this.#own.end()
  }
}
