// SPDX-License-Identifier: AGPL-3.0-or-later
// What a connection's own figures say: the way it takes, and how well sound
// and picture come through.

export interface Reading {
  /** Empty while it is not known. */
  path: 'direct' | 'relay' | ''
  /** Host name of the relay in use. */
  relay: string
  /** There and back, in ms. */
  away: number | null
  /** Share of the other side's sound that was lost since the last reading. */
  lost: number
  /** Share of ours that was lost, as the other side says. */
  lostThere: number
  /** Packets of sound that came since the last reading. */
  heard: number
  /** Bits per second that may be sent, as the browser estimates. */
  room: number | null
}

type Stat = Record<string, unknown>

const number = (v: unknown): number => (typeof v === 'number' ? v : 0)
const text = (v: unknown): string => (typeof v === 'string' ? v : '')

/** hostOf takes the host out of a relay's address (RFC 7065). */
export function hostOf(url: string): string {
  const rest = url.replace(/^(turns?|stuns?):/, '').split('?')[0] ?? ''
  return rest.startsWith('[') ? rest.slice(1, rest.indexOf(']')) : rest.replace(/:\d+$/, '')
}

export class Reader {
  readonly #pc: RTCPeerConnection
  #received = 0
  #missing = 0

  constructor(pc: RTCPeerConnection) {
    this.#pc = pc
  }

  async read(): Promise<Reading> {
    const all = await this.#pc.getStats()
    const of = (id: unknown): Stat => (typeof id === 'string' ? ((all.get(id) as Stat | undefined) ?? {}) : {})
    const r: Reading = { path: '', relay: '', away: null, lost: 0, lostThere: 0, heard: 0, room: null }
    for (const s of all.values() as IterableIterator<Stat>) {
      if (s.type === 'transport' && s.selectedCandidatePairId) this.#way(r, of(s.selectedCandidatePairId), of)
      else if (s.type === 'inbound-rtp' && s.kind === 'audio') this.#sound(r, s)
      else if (s.type === 'remote-inbound-rtp' && s.kind === 'audio') r.lostThere = number(s.fractionLost)
    }
    return r
  }

  #way(r: Reading, pair: Stat, of: (id: unknown) => Stat): void {
    const mine = of(pair.localCandidateId)
    const theirs = of(pair.remoteCandidateId)
    if (!mine.candidateType) return
    const relayed = mine.candidateType === 'relay' || theirs.candidateType === 'relay'
    r.path = relayed ? 'relay' : 'direct'
    if (relayed) r.relay = hostOf(text(mine.url)) || this.#firstRelay()
    if (pair.currentRoundTripTime !== undefined) r.away = number(pair.currentRoundTripTime) * 1000
    if (pair.availableOutgoingBitrate !== undefined) r.room = number(pair.availableOutgoingBitrate)
  }

  /** Both sides of a call are given the same relay. */
  #firstRelay(): string {
    const urls = this.#pc.getConfiguration().iceServers?.flatMap((s) => s.urls) ?? []
    return hostOf(urls.find((u) => u.startsWith('turn')) ?? '')
  }

  #sound(r: Reading, s: Stat): void {
    const received = number(s.packetsReceived)
    const missing = Math.max(0, number(s.packetsLost))
    r.heard = Math.max(0, received - this.#received)
    const gone = Math.max(0, missing - this.#missing)
    r.lost = r.heard + gone > 0 ? gone / (r.heard + gone) : 0
    this.#received = received
    this.#missing = missing
  }
}
