// SPDX-License-Identifier: AGPL-3.0-or-later
// One connection to the other side's media engine: the only place that makes
// an RTCPeerConnection. It always has one line for sound and one for picture,
// both ways, so that turning a camera on needs no new agreement.
import type { CallCandidate } from '../core/generated'
import { Reader, type Reading } from './reading'
import { isOf, steady } from './sdp'

/** The most that a picture may take, in bits per second. */
const most = { camera: 1_000_000, screen: 1_500_000 }

export interface PeerListeners {
  candidate: (c: CallCandidate) => void
  /** A line of the other side is there; it stays for as long as the connection. */
  track: (t: MediaStreamTrack) => void
  state: (s: RTCPeerConnectionState) => void
}

/** draw makes a certificate for one round and names it as the core wants it. */
export async function draw(): Promise<{ certificate: RTCCertificate; fingerprint: string }> {
  const certificate = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' } as EcKeyGenParams)
  const print = certificate.getFingerprints().find((f) => f.algorithm?.toLowerCase() === 'sha-256')?.value
  if (!print) throw new Error('the browser names no sha-256 fingerprint')
  return { certificate, fingerprint: `sha-256 ${print.toUpperCase()}` }
}

export class Peer {
  readonly #pc: RTCPeerConnection
  readonly #to: PeerListeners
  readonly #reader: Reader
  readonly #relayOnly: boolean
  readonly #certificate: RTCCertificate
  #early: CallCandidate[] = [] // the other side's, before their description
  #own: CallCandidate[] | null = [] // ours, before our description has gone
  #closed = false

  constructor(certificate: RTCCertificate, servers: RTCIceServer[], relayOnly: boolean, to: PeerListeners) {
    this.#to = to
    this.#relayOnly = relayOnly
    this.#certificate = certificate
    this.#pc = new RTCPeerConnection(this.#settings(servers))
    this.#reader = new Reader(this.#pc)
    this.#pc.onicecandidate = (e) => {
      if (!e.candidate?.candidate) return
      const c = { candidate: e.candidate.candidate, mid: e.candidate.sdpMid ?? '', line: e.candidate.sdpMLineIndex ?? 0 }
      if (this.#own) this.#own.push(c)
      else to.candidate(c)
    }
    this.#pc.onconnectionstatechange = () => {
      if (!this.#closed) to.state(this.#pc.connectionState)
    }
  }

  #settings(servers: RTCIceServer[]): RTCConfiguration {
    return {
      certificates: [this.#certificate],
      iceServers: servers,
      iceTransportPolicy: this.#relayOnly ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
    }
  }

  get connected(): boolean {
    return this.#pc.connectionState === 'connected'
  }

  /** Both descriptions of an agreement are known. */
  get agreed(): boolean {
    return this.#pc.signalingState === 'stable' && this.#pc.remoteDescription !== null
  }

  /** offer makes an offer: the first one, or one that restarts ICE. The
   *  candidates that belong to it wait until told(). */
  async offer(servers: RTCIceServer[], restart: boolean): Promise<string> {
    this.#own ??= []
    if (restart) {
      this.#pc.setConfiguration(this.#settings(servers))
      // An offer that nothing came back to is of no use any more.
      if (this.#pc.signalingState === 'have-local-offer') await this.#pc.setLocalDescription({ type: 'rollback' })
    } else {
      for (const kind of ['audio', 'video']) this.#prefer(this.#pc.addTransceiver(kind, { direction: 'sendrecv' }))
      this.#lines()
    }
    const made = await this.#pc.createOffer({ iceRestart: restart })
    const sdp = steady(made.sdp ?? '')
    await this.#pc.setLocalDescription({ type: 'offer', sdp })
    return sdp
  }

  /** take takes the other side's description; for an offer it gives the answer. */
  async take(sdp: string, offer: boolean, servers: RTCIceServer[], restart: boolean): Promise<string | null> {
    const theirs = steady(sdp)
    if (!offer) {
      await this.#pc.setRemoteDescription({ type: 'answer', sdp: theirs })
      await this.#late(theirs)
      return null
    }
    this.#own ??= []
    if (restart) this.#pc.setConfiguration(this.#settings(servers))
    await this.#pc.setRemoteDescription({ type: 'offer', sdp: theirs })
    for (const t of this.#pc.getTransceivers()) {
      t.direction = 'sendrecv'
      this.#prefer(t)
    }
    this.#lines()
    const made = await this.#pc.createAnswer()
    const mine = steady(made.sdp ?? '')
    await this.#pc.setLocalDescription({ type: 'answer', sdp: mine })
    await this.#late(theirs)
    return mine
  }

  /** told lets our candidates go: the description that they belong to has. */
  told(): void {
    const own = this.#own ?? []
    this.#own = null
    for (const c of own) this.#to.candidate(c)
  }

  /** candidate takes one of the other side's, now or with its description. */
  async candidate(c: CallCandidate): Promise<void> {
    const sdp = this.#pc.remoteDescription?.sdp
    if (sdp === undefined || !isOf(c.candidate, sdp)) {
      this.#early.push(c)
      return
    }
    // One that the browser does not understand is one way less.
    await this.#pc.addIceCandidate({ candidate: c.candidate, sdpMid: c.mid || null, sdpMLineIndex: c.line }).catch(() => undefined)
  }

  async #late(sdp: string): Promise<void> {
    const now = this.#early.filter((c) => isOf(c.candidate, sdp))
    this.#early = this.#early.filter((c) => !now.includes(c)).slice(-64)
    for (const c of now) await this.candidate(c)
  }

  /** #prefer allows one codec of each kind, so that a description is short. */
  #prefer(t: RTCRtpTransceiver): void {
    const kind = t.receiver.track.kind
    const wanted = kind === 'audio' ? /^audio\/opus$/i : /^video\/(VP8|rtx)$/i
    const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs.filter((c) => wanted.test(c.mimeType)) ?? []
    if (codecs.length > 0) t.setCodecPreferences(codecs)
  }

  #lines(): void {
    for (const t of this.#pc.getTransceivers()) this.#to.track(t.receiver.track)
  }

  #sender(kind: 'audio' | 'video'): RTCRtpSender | undefined {
    return this.#pc.getTransceivers().find((t) => t.receiver.track.kind === kind)?.sender
  }

  /** send puts a track on a line, or takes it off. Sound comes before picture. */
  async send(kind: 'audio' | 'video', track: MediaStreamTrack | null, screen = false): Promise<void> {
    const sender = this.#sender(kind)
    if (!sender || this.#closed) return
    await sender.replaceTrack(track)
    const p = sender.getParameters()
    for (const e of p.encodings) {
      e.priority = kind === 'audio' ? 'high' : 'low'
      e.networkPriority = kind === 'audio' ? 'high' : 'low'
      if (kind === 'video') e.maxBitrate = screen ? most.screen : most.camera
    }
    if (kind === 'video') p.degradationPreference = screen ? 'maintain-resolution' : 'balanced'
    if (p.encodings.length > 0) await sender.setParameters(p).catch(() => undefined) // before there is an agreement
  }

  read(): Promise<Reading> {
    return this.#reader.read()
  }

  close(): void {
    this.#closed = true
    this.#pc.close()
  }
}
