// SPDX-License-Identifier: AGPL-3.0-or-later
// What is heard and seen in a call, as the browser decoded it. Every page keeps
// a list of its connections, and its microphone is a tone of 440 Hz.
import { expect, type BrowserContext, type Page } from '@playwright/test'

/** A browser with a camera and a microphone that need nobody's word. */
export const launch = {
  executablePath: process.env.CLARION_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-quic',
    '--no-first-run',
    '--disable-dev-shm-usage',
    '--use-fake-device-for-media-stream=device-count=2,fps=10,display-media-type=browser',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
  ],
}

interface Listening extends Window {
  connections: RTCPeerConnection[]
}

/** listen readies a context before its pages load. Unless it is a plain one, its
 *  microphone is the tone. */
export async function listen(context: BrowserContext, plain = false): Promise<void> {
  await context.addInitScript((plain) => {
    const w = window as unknown as Listening & { RTCPeerConnection: typeof RTCPeerConnection }
    w.connections = []
    const real = w.RTCPeerConnection
    w.RTCPeerConnection = class extends real {
      constructor(c?: RTCConfiguration) {
        super(c)
        w.connections.push(this)
      }
    }
    const devices = navigator.mediaDevices
    if (!devices) return
    const ask = devices.getUserMedia.bind(devices)
    devices.getUserMedia = async (c) => {
      // Two pages encode and decode here on one machine: a small picture.
      if (c?.audio && plain) return ask(c)
      if (!c?.audio) return ask({ video: { ...(typeof c?.video === 'object' ? { deviceId: c.video.deviceId } : {}), width: 320, height: 240, frameRate: 10 } })
      const context = new AudioContext()
      const tone = context.createOscillator()
      const out = context.createMediaStreamDestination()
      tone.frequency.value = 440
      tone.connect(out)
      tone.start()
      return out.stream
    }
  }, plain)
}

export interface Inbound {
  samples: number
  /** Of sound: packets, and bytes of what they carry. */
  packets: number
  bytes: number
  frames: number
  state: string
  path: string
}

/** inbound is what has been decoded so far, over all connections of the page. */
export function inbound(page: Page): Promise<Inbound> {
  return page.evaluate(async () => {
    const all = { samples: 0, packets: 0, bytes: 0, frames: 0, state: '', path: '' }
    for (const pc of (window as unknown as Listening).connections) {
      if (pc.connectionState === 'closed') continue
      all.state = pc.connectionState
      const report = await pc.getStats()
      report.forEach((s) => {
        if (s.type === 'inbound-rtp') {
          all.samples += s.totalSamplesReceived ?? 0
          all.frames += s.framesDecoded ?? 0
          if (s.kind === 'audio') {
            all.packets += s.packetsReceived ?? 0
            all.bytes += s.bytesReceived ?? 0
          }
        }
        if (s.type === 'transport' && s.selectedCandidatePairId) {
          const pair = report.get(s.selectedCandidatePairId)
          all.path = `${report.get(pair.localCandidateId)?.candidateType}-${report.get(pair.remoteCandidateId)?.candidateType}`
        }
      })
    }
    return all
  })
}

/** open is how many connections of the page are not closed. */
export function open(page: Page): Promise<number> {
  return page.evaluate(() => (window as unknown as Listening).connections.filter((c) => c.connectionState !== 'closed').length)
}

/** rises waits until sound, and picture if asked for, are decoded, and go on
 *  to be for seconds. */
export async function rises(page: Page, picture: boolean, seconds: number): Promise<void> {
  await expect(async () => {
    const i = await inbound(page)
    expect(i.samples).toBeGreaterThan(0)
    if (picture) expect(i.frames).toBeGreaterThan(0)
  }).toPass({ timeout: 30_000 })
  let before = await inbound(page)
  for (let n = 0; n < seconds; n++) {
    await expect(async () => {
      const now = await inbound(page)
      if (now.samples < before.samples) before = now // another round of the call has a connection of its own
      expect(now.samples).toBeGreaterThanOrEqual(before.samples + 24_000) // at 48 kHz, half of a second's
      if (picture) expect(now.frames).toBeGreaterThan(before.frames)
      before = now
    }).toPass({ timeout: 5000 })
  }
}

/** tone is how loud 440 Hz is in what the page decodes, in decibels below full. */
export function tone(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const pc = (window as unknown as Listening).connections.find((c) => c.connectionState === 'connected')
    const track = pc?.getReceivers().find((r) => r.track.kind === 'audio')?.track
    if (!track) return -200
    const context = new AudioContext()
    const analyser = context.createAnalyser()
    analyser.fftSize = 8192
    analyser.smoothingTimeConstant = 0
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
    const bins = new Float32Array(analyser.frequencyBinCount)
    const until = performance.now() + 700
    while (performance.now() < until) await new Promise((f) => requestAnimationFrame(f))
    analyser.getFloatFrequencyData(bins)
    const at = Math.round((440 * analyser.fftSize) / context.sampleRate)
    await context.close()
    return Math.max(...bins.slice(at - 2, at + 3), -200)
  })
}

/** still sees that nothing more is decoded. */
export async function still(page: Page): Promise<void> {
  const before = await inbound(page)
  await page.evaluate(() => new Promise((done) => setTimeout(done, 1500)))
  const now = await inbound(page)
  expect([now.samples, now.frames]).toEqual([before.samples, before.frames])
}
