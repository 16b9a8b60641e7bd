// SPDX-License-Identifier: AGPL-3.0-or-later
// How a call begins: when its offer is made, and when the first picture of the
// other side is decoded; the app's connection and a bare one alike.
{
  const at = () => performance.timeOrigin + performance.now()
  const patience = 60_000
  const pause = (ms) => new Promise((done) => setTimeout(done, ms))
  let way = 'direct'
  let servers = []
  let offered = 0
  let seen = 0

  /** What a connection may use: for a relayed way one place of the relay alone. */
  const limited = (c) => {
    if (way === 'direct') return { iceServers: c.iceServers, iceTransportPolicy: 'all' }
    const some = (c.iceServers ?? []).map((s) => ({ ...s, urls: [s.urls].flat().filter((u) => u.startsWith('turn:') && u.endsWith(`transport=${way}`)) }))
    return { iceServers: some.filter((s) => s.urls.length > 0), iceTransportPolicy: 'relay' }
  }

  async function look(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader()
    const { value } = await reader.read()
    if (value) seen ||= at()
    value?.close()
    await reader.cancel()
  }

  let last = null
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(c = {}) {
      if (c.iceServers?.length) servers = c.iceServers
      super({ ...c, ...limited(c) })
      last = this
      this.addEventListener('track', (e) => e.track.kind === 'video' && void look(e.track))
    }
    createOffer(...how) {
      offered ||= at()
      return super.createOffer(...how)
    }
  }

  async function until(what, found) {
    for (const from = performance.now(); ; ) {
      const got = await found()
      if (got) return got
      if (performance.now() - from > patience) throw new Error(`waited in vain for ${what}; the page says: ${document.body.innerText.slice(0, 600)}`)
      await pause(10)
    }
  }

  /** used is the kind of candidates that carry the connection, and the relay's transport. */
  const used = () =>
    until('a pair of candidates', async () => {
      const all = [...(await last.getStats()).values()]
      const pair = all.find((s) => s.type === 'candidate-pair' && s.id === all.find((t) => t.type === 'transport')?.selectedCandidatePairId)
      const local = all.find((s) => s.id === pair?.localCandidateId)
      return local && (local.candidateType === 'relay' ? local.relayProtocol : 'direct')
    })

  let pc = null
  let stream = null
  let out = []
  Object.assign(bench, {
    /** by sets the way of the next connection. */
    by: (next) => {
      way = next
      offered = seen = 0
    },
    offered: () => offered,
    seen: () => until('a picture', () => seen),
    used,
    video: () => until('the choice of video', () => [...document.querySelectorAll('label')].find((l) => l.innerText.trim() === 'Video')).then((l) => l.click()),
    preview: () => until('the own picture', () => [...document.querySelectorAll('video')].some((v) => v.videoWidth > 0)),
    // ── the bare connection ────────────────────────────────────────────────
    /** take makes it ready, with picture and sound at hand as before a call. */
    ready: async () => {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 24, max: 30 } } })
      pc = new RTCPeerConnection({ iceServers: servers, bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' })
      out = []
      pc.onicecandidate = ({ candidate }) => candidate && out.push({ candidate: candidate.toJSON() })
      for (const t of stream.getTracks()) pc.addTrack(t, stream)
    },
    offer: async () => {
      await pc.setLocalDescription(await pc.createOffer())
      out.unshift({ description: pc.localDescription.toJSON() })
    },
    /** next is what the other side is to be told. */
    next: () => until('something to tell', () => seen || out.length > 0).then(() => out.splice(0)),
    told: async (all) => {
      for (const { description, candidate } of all) {
        if (candidate) await pc.addIceCandidate(candidate)
        if (!description) continue
        await pc.setRemoteDescription(description)
        if (description.type !== 'offer') continue
        await pc.setLocalDescription(await pc.createAnswer())
        out.unshift({ description: pc.localDescription.toJSON() })
      }
    },
    over: () => {
      pc.close()
      for (const t of stream.getTracks()) t.stop()
    },
  })
}
