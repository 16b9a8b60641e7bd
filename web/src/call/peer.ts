// SPDX-License-Identifier: AGPL-3.0-or-later
// One RTCPeerConnection: media of one round of one call. It is made with a
// certificate that the core was told of before, and never with another.
import type { CallCandidate, Relay } from '../core/generated'
import { tamed } from './sdp'

/** What a connection tells of itself. */
export interface PeerEvents {
  candidate(c: CallCandidate): void
  /** up is true while media can flow. */
  connection(up: boolean): void
  /** The other side's sound and picture; the stream stays the same. */
  media(stream: MediaStream): void
}

/** What is known of the way that media take. */
export interface Way {
  path: 'direct' | 'relay' | 'unknown'
  /** Host name of this side's relay, when it is in use. */
  relay: string
}

/** What has gone and come so far. */
export interface Flow {
  /** Bits a second that the network is thought to carry; 0 while unknown. */
  room: number
  /** Share of the other side's packets that were lost lately, 0 to 1. */
  loss: number
  /** Seconds from one side to the other and back. */
  delay: number
}

/** drawCertificate makes the key of one call's media, and its fingerprint as
 *  the core wants it. The key stays in the browser. */
export async function drawCertificate(): Promise<{ certificate: RTCCertificate; fingerprint: string }> {
  const certificate = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' } as EcKeyGenParams)
  const print = certificate.getFingerprints().find((f) => f.algorithm === 'sha-256')
  if (!print?.value) throw new Error('the browser names no SHA-256 fingerprint of its certificate')
  return { certificate, fingerprint: `sha-256 ${print.value.toUpperCase()}` }
}

export class Peer {
  private readonly pc: RTCPeerConnection
  private readonly incoming = new MediaStream()
  private audio: RTCRtpTransceiver | null = null
  private video: RTCRtpTransceiver | null = null
  private tracks: { audio: MediaStreamTrack | null; video: MediaStreamTrack | null } = { audio: null, video: null }
  private early: RTCIceCandidateInit[] = []
  private described = false
  private readonly relays: string[]
  private lost = { packets: 0, of: 0 }

  constructor(certificate: RTCCertificate, relay: Relay | null, relayOnly: boolean, private readonly events: PeerEvents) {
    this.relays = relay?.urls ?? []
    this.pc = new RTCPeerConnection({
      certificates: [certificate],
      iceServers: relay ? [{ urls: relay.urls, username: relay.username, credential: relay.credential }] : [],
      iceTransportPolicy: relayOnly ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
    })
    this.pc.onicecandidate = ({ candidate: c }) => {
      if (c?.candidate) events.candidate({ candidate: c.candidate, mid: c.sdpMid ?? '', line: c.sdpMLineIndex ?? 0 })
    }
    this.pc.onconnectionstatechange = () => {
      const s = this.pc.connectionState
      if (s === 'connected') events.connection(true)
      if (s === 'disconnected' || s === 'failed') events.connection(false)
    }
    this.pc.ontrack = ({ track }) => {
      for (const t of this.incoming.getTracks()) if (t.kind === track.kind && t !== track) this.incoming.removeTrack(t)
      this.incoming.addTrack(track)
      events.media(this.incoming)
    }
  }

  /** send puts tracks in place of those that are sent; null sends none. It
   *  needs no new agreement. */
  async send(audio: MediaStreamTrack | null, video: MediaStreamTrack | null): Promise<void> {
    this.tracks = { audio, video }
    await Promise.all([this.audio?.sender.replaceTrack(audio), this.video?.sender.replaceTrack(video)])
  }

  /** offer describes this side first; with restart the way is looked for anew. */
  async offer(restart: boolean): Promise<string> {
    if (!this.audio) {
      this.audio = this.pc.addTransceiver('audio', { direction: 'sendrecv' })
      this.video = this.pc.addTransceiver('video', { direction: 'sendrecv' })
      await this.prepare()
    }
    this.described = false
    await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: restart }))
    return tamed(this.pc.localDescription?.sdp ?? '')
  }

  /** take hears the other side's description; of an offer it gives the answer. */
  async take(offer: boolean, sdp: string): Promise<string | null> {
    await this.pc.setRemoteDescription({ type: offer ? 'offer' : 'answer', sdp: tamed(sdp) })
    let answer: string | null = null
    if (offer) {
      if (!this.audio) {
        for (const t of this.pc.getTransceivers()) {
          if (t.receiver.track.kind === 'audio') this.audio ??= t
          else this.video ??= t
          t.direction = 'sendrecv'
        }
        await this.prepare()
      }
      await this.pc.setLocalDescription(await this.pc.createAnswer())
      answer = tamed(this.pc.localDescription?.sdp ?? '')
    }
    this.described = true
    for (const c of this.early.splice(0)) await this.pc.addIceCandidate(c).catch(() => {})
    return answer
  }

  /** One candidate that cannot be used is passed over: there are others. */
  async candidate(c: CallCandidate): Promise<void> {
    const init = { candidate: c.candidate, sdpMid: c.mid, sdpMLineIndex: c.line }
    if (!this.described) this.early.push(init)
    else await this.pc.addIceCandidate(init).catch(() => {})
  }

  /** Few codecs, so that a description fits a frame; sound before picture. */
  private async prepare(): Promise<void> {
    this.audio?.setCodecPreferences(codecs('audio', ['audio/opus']))
    this.video?.setCodecPreferences(codecs('video', ['video/VP8', 'video/rtx']))
    await this.send(this.tracks.audio, this.tracks.video)
    await this.bound(800_000)
  }

  /** bound limits the picture, in bits a second, and puts sound before it. */
  async bound(most: number): Promise<void> {
    const set = async (t: RTCRtpTransceiver | null, change: (e: RTCRtpEncodingParameters) => void) => {
      const p = t?.sender.getParameters()
      if (!t || !p?.encodings.length) return
      p.encodings.forEach(change)
      await t.sender.setParameters(p).catch(() => {})
    }
    await set(this.audio, (e) => ((e.priority = 'high'), (e.networkPriority = 'high')))
    await set(this.video, (e) => ((e.priority = 'low'), (e.maxBitrate = most)))
  }

  private async pair(): Promise<{ pair?: RTCIceCandidatePairStats; local?: Candidate; remote?: Candidate; report: RTCStatsReport }> {
    const report = await this.pc.getStats()
    let pair: RTCIceCandidatePairStats | undefined
    for (const s of report.values()) {
      if (s.type === 'transport' && s.selectedCandidatePairId) pair = report.get(s.selectedCandidatePairId)
    }
    if (!pair) return { report }
    return { pair, local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId), report }
  }

  /** way says how media flow now. */
  async way(): Promise<Way> {
    const { local, remote } = await this.pair()
    if (!local || !remote) return { path: 'unknown', relay: '' }
    const ours = local.candidateType === 'relay'
    const path = ours || remote.candidateType === 'relay' ? 'relay' : 'direct'
    const url = ours ? (local.url ?? this.relays.find((u) => u.startsWith('turn')) ?? '') : ''
    return { path, relay: /^turns?:(\[[^\]]*\]|[^:?]*)/.exec(url)?.[1] ?? '' }
  }

  /** flow measures the connection since it was last asked. */
  async flow(): Promise<Flow> {
    const { pair, report } = await this.pair()
    const now = { packets: 0, of: 0 }
    for (const s of report.values()) {
      if (s.type !== 'inbound-rtp') continue
      now.packets += Math.max(0, s.packetsLost ?? 0)
      now.of += (s.packetsReceived ?? 0) + Math.max(0, s.packetsLost ?? 0)
    }
    const of = now.of - this.lost.of
    const loss = of > 0 ? Math.max(0, now.packets - this.lost.packets) / of : 0
    this.lost = now
    return { room: pair?.availableOutgoingBitrate ?? 0, loss, delay: pair?.currentRoundTripTime ?? 0 }
  }

  /** close ends the connection; nothing is told after it. */
  close(): void {
    this.pc.onicecandidate = this.pc.onconnectionstatechange = this.pc.ontrack = null
    this.pc.close()
  }
}

interface Candidate {
  candidateType: string
  url?: string
}

function codecs(kind: 'audio' | 'video', mimes: string[]): RTCRtpCodec[] {
  return (RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []).filter((c) => mimes.includes(c.mimeType))
}
