// SPDX-License-Identifier: AGPL-3.0-or-later
// Quiet sounds, made here: a call that comes, and the other side's ringing.

/** Notes in Hz with their beginnings in s; how long until they come again. */
const tones = {
  incoming: { notes: [[523.25, 0], [659.25, 0.22], [523.25, 0.9], [659.25, 1.12]], every: 3, loud: 0.07 },
  outgoing: { notes: [[425, 0]], every: 4, loud: 0.03 },
} as const

export type Tone = keyof typeof tones

function note(context: AudioContext, hertz: number, at: number, loud: number, long: number): void {
  const source = context.createOscillator()
  const gain = context.createGain()
  source.frequency.value = hertz
  gain.gain.setValueAtTime(0, at)
  gain.gain.linearRampToValueAtTime(loud, at + 0.03)
  gain.gain.exponentialRampToValueAtTime(0.0001, at + long)
  source.connect(gain).connect(context.destination)
  source.start(at)
  source.stop(at + long)
}

/** ring sounds until the function it gives back is called. A browser lets no
 *  page sound that nobody has touched: it begins with a touch. Of several tabs
 *  one sounds. */
export function ring(tone: Tone): () => void {
  const over = new AbortController()
  const begin = () => void navigator.locks.request(`clarion tone ${tone}`, { signal: over.signal }, () => sound(tone, over.signal)).catch(() => undefined)
  if (navigator.userActivation?.hasBeenActive ?? true) begin()
  else for (const touch of ['pointerdown', 'keydown']) addEventListener(touch, begin, { once: true, signal: over.signal })
  return () => over.abort()
}

function sound(tone: Tone, over: AbortSignal): Promise<void> {
  const { notes, every, loud } = tones[tone]
  const context = new AudioContext()
  const once = () => notes.forEach(([hertz, at]) => note(context, hertz, context.currentTime + 0.05 + at, loud, tone === 'incoming' ? 0.6 : 1))
  once()
  const timer = setInterval(once, every * 1000)
  return new Promise((done) => {
    over.addEventListener('abort', () => {
      clearInterval(timer)
      void context.close()
      done()
    })
  })
}
