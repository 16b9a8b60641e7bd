// SPDX-License-Identifier: AGPL-3.0-or-later

/** Plays the other side's sound. A browser may want a click first: refused()
 *  is then told, and play() is for the click. */
export class Player {
  readonly #element = new Audio()
  readonly #refused: () => void
  #track: MediaStreamTrack | null = null

  constructor(refused: () => void) {
    this.#refused = refused
  }

  set(track: MediaStreamTrack | null): void {
    if (track === this.#track) return
    this.#track = track
    this.#element.srcObject = track ? new MediaStream([track]) : null
    if (track) this.play()
  }

  play(): void {
    this.#element.play().catch((e) => {
      if (e instanceof DOMException && e.name === 'NotAllowedError') this.#refused()
    })
  }

  speaker(id: string): void {
    const element = this.#element as HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> }
    void element.setSinkId?.(id).catch(() => undefined) // gone meanwhile: the system's own stays
  }
}
