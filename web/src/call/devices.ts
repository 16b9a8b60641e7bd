// SPDX-License-Identifier: AGPL-3.0-or-later
// Microphones, cameras and speakers of this device.

/** Why a device gives nothing. */
export type Fault = 'denied' | 'missing' | 'busy' | 'insecure' | 'failed'

export interface Choice {
  id: string
  /** Empty until the browser tells names, which it does after permission. */
  label: string
}

export interface Devices {
  microphones: Choice[]
  cameras: Choice[]
  /** Empty where the browser lets no page choose. */
  speakers: Choice[]
}

/** fault says what was wrong when a device was asked for. */
export function fault(e: unknown): Fault {
  const name = e instanceof DOMException ? e.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  return name === 'InsecureError' ? 'insecure' : 'failed'
}

async function one(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  // A page that did not come under TLS has no devices at all.
  if (!navigator.mediaDevices) throw new DOMException('no devices here', 'InsecureError')
  const track = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0]
  if (!track) throw new DOMException('no track', 'NotFoundError')
  return track
}

const wish = (id: string) => (id ? { deviceId: { ideal: id } } : {})

export async function microphone(id = ''): Promise<MediaStreamTrack> {
  const track = await one({ audio: { ...wish(id), echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
  track.contentHint = 'speech'
  return track
}

export async function camera(id = ''): Promise<MediaStreamTrack> {
  const track = await one({ video: { ...wish(id), width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 24, max: 30 } } })
  track.contentHint = 'motion'
  return track
}

/** Whether this browser lets a page choose where sound comes out. */
export const speakersChosen = 'setSinkId' in HTMLMediaElement.prototype

export async function devices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? []
  const of = (kind: MediaDeviceKind): Choice[] =>
    all.filter((d) => d.kind === kind && d.deviceId !== '' && d.deviceId !== 'communications').map((d) => ({ id: d.deviceId, label: d.label }))
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: speakersChosen ? of('audiooutput') : [] }
}

/** onDevices calls f when a device comes or goes, until the function it gives back is called. */
export function onDevices(f: () => void): () => void {
  navigator.mediaDevices?.addEventListener('devicechange', f)
  return () => navigator.mediaDevices?.removeEventListener('devicechange', f)
}

/** meter tells how loud a track is, from 0 to 1, until it is ended. */
export function meter(track: MediaStreamTrack, level: (v: number) => void): () => void {
  const context = new AudioContext()
  const source = context.createMediaStreamSource(new MediaStream([track]))
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  source.connect(analyser)
  void context.resume().catch(() => undefined)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const power = Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length)
    // Decibels: silence in a room is some -60, a voice near by some -20.
    level(Math.min(1, Math.max(0, (20 * Math.log10(power + 1e-6) + 60) / 50)))
  }, 100)
  return () => {
    clearInterval(timer)
    source.disconnect()
    void context.close()
  }
}
