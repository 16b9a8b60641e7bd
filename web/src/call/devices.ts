// SPDX-License-Identifier: AGPL-3.0-or-later
// Microphone, camera, screen: asked of the browser, and let go again.

/** Why a device is not to be had; each has its words on the screen. */
export type Missing = 'denied' | 'none' | 'busy' | 'insecure' | 'failed'

/** missing tells from a browser's error why there is no device. */
export function missing(e: unknown): Missing {
  if (!navigator.mediaDevices) return 'insecure'
  switch (e instanceof DOMException ? e.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
  }
  return 'failed'
}

/** A microphone's sound, cleaned as calls are used to. */
export async function microphone(id: string): Promise<MediaStreamTrack> {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1, ...(id ? { deviceId: { exact: id } } : {}) }
  return first(await navigator.mediaDevices.getUserMedia({ audio }))
}

/** A camera's picture, of a size that two people need. */
export async function camera(id: string): Promise<MediaStreamTrack> {
  const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 }, ...(id ? { deviceId: { exact: id } } : {}) }
  return first(await navigator.mediaDevices.getUserMedia({ video }))
}

/** The screen, a window or a tab, as the person chooses in the browser's own dialog. */
export async function screen(): Promise<MediaStreamTrack> {
  const track = first(await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false }))
  track.contentHint = 'detail'
  return track
}

function first(stream: MediaStream): MediaStreamTrack {
  const track = stream.getTracks()[0]
  if (!track) throw new DOMException('no track', 'NotFoundError')
  return track
}

export interface Device {
  id: string
  label: string
}

export interface Devices {
  microphones: Device[]
  cameras: Device[]
  speakers: Device[]
}

/** devices lists what there is; without permission the labels are empty. */
export async function devices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? []
  const of = (kind: MediaDeviceKind) =>
    all.filter((d) => d.kind === kind && d.deviceId !== '' && d.deviceId !== 'communications').map((d) => ({ id: d.deviceId, label: d.label }))
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') }
}

/** watchLevel calls f some times a second with how loud a track is, 0 to 1.
 *  What it returns ends it. */
export function watchLevel(track: MediaStreamTrack, f: (level: number) => void): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, s) => sum + s * s, 0) / samples.length
    f(power > 0 ? Math.min(1, Math.max(0, 1 + Math.log10(power) / 5)) : 0)
  }, 100)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}

/** ring sounds, quietly, until what it returns is called. A browser that lets no
 *  page sound before it was touched stays silent. */
export function ring(): () => void {
  const context = new AudioContext()
  const gain = context.createGain()
  gain.gain.value = 0
  gain.connect(context.destination)
  for (const frequency of [440, 554]) {
    const tone = context.createOscillator()
    tone.frequency.value = frequency
    tone.connect(gain)
    tone.start()
  }
  const sound = () => {
    const t = context.currentTime
    gain.gain.setTargetAtTime(0.06, t, 0.02)
    gain.gain.setTargetAtTime(0, t + 0.8, 0.05)
  }
  sound()
  const timer = setInterval(sound, 3000)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}
