// SPDX-License-Identifier: AGPL-3.0-or-later
// The worker of the tab that holds the core: begun, watched, and begun again
// when it dies. The vault is whole at any moment, so the core starts from it.
import type { CoreEvent } from './generated'
import { program } from './program'
import { asFailure, type Call, type CoreState, type FromWorker, type Opening, type Outcome, type ToWorker } from './protocol'

/** Waits between restarts of a worker that died, in ms. */
const restartAfter = [0, 500, 2000, 10_000]
/** A worker that worked this long, in ms, had nothing to do with earlier ends. */
const soundAfter = 60_000
/** How often a worker is asked whether it lives, in ms, and how often in a
 *  row it may stay silent: Argon2id keeps it busy for seconds. */
const pingEvery = 10_000
const pingsMissed = 3

export interface EngineListeners {
  event: (e: CoreEvent) => void
  outcome: (o: Outcome) => void
  state: (s: CoreState) => void
  opener: (o: Uint8Array | null) => void
  /** Another tab opened the vault: this core can change nothing any more. */
  taken: () => void
}

export class Engine {
  readonly #makeWorker: () => Worker
  readonly #to: EngineListeners
  #worker: Worker | null = null
  #life = new AbortController() // ends the watch over the worker
  #timers: ReturnType<typeof setInterval>[] = []
  #opening: Opening
  #crashes = 0
  #silent = 0
  #readyAt = Infinity
  #ended = false

  constructor(makeWorker: () => Worker, opening: Opening, to: EngineListeners) {
    this.#makeWorker = makeWorker
    this.#opening = opening
    this.#to = to
  }

  /** start begins; it returns at once. */
  start(): void {
    const worker = this.#makeWorker()
    this.#worker = worker
    const current = () => worker === this.#worker
    worker.onmessage = (e: MessageEvent<FromWorker>) => {
      if (current()) this.#heard(e.data)
    }
    worker.onerror = (e) => {
      if (current()) this.#died(e.message)
    }
    this.#silent = 0
    this.#timers.push(setInterval(() => this.#ping(), pingEvery))
    this.#open()
  }

  /** end ends the worker for good. */
  end(): void {
    this.#ended = true
    this.#stop()
  }

  /** call hands a call to the core; its outcome comes to the listener. */
  call(call: Call): void {
    try {
      this.#post({ kind: 'call', call })
    } catch (e) {
      this.#to.outcome({ id: call.id, failure: asFailure(e) }) // what cannot be cloned
    }
  }

  /** unlock tries a passphrase on a vault that asked for one. */
  unlock(passphrase: string): void {
    this.#open(passphrase)
  }

  /** #open lets the worker open the vault, once it can have the program. */
  #open(passphrase?: string): void {
    const worker = this.#worker
    const opening = { ...this.#opening, ...(passphrase === undefined ? {} : { passphrase }) }
    program().then(
      (p) => worker?.postMessage({ kind: 'open', opening, program: p } satisfies ToWorker),
      (e) => {
        if (worker !== null && worker === this.#worker) this.#to.state({ phase: 'failed', failure: asFailure(e) })
      },
    )
  }

  #post(m: ToWorker): void {
    this.#worker?.postMessage(m)
  }

  #stop(): void {
    this.#worker?.terminate()
    this.#worker = null
    this.#life.abort()
    this.#life = new AbortController()
    for (const t of this.#timers.splice(0)) clearInterval(t)
    this.#readyAt = Infinity
  }

  #heard(m: FromWorker): void {
    switch (m.kind) {
      case 'alive':
        this.#watch(m.lock)
        return
      case 'pong':
        this.#silent = 0
        return
      case 'event':
        this.#to.event(m.event)
        return
      case 'outcome':
        this.#to.outcome(m.outcome)
        return
      case 'opener':
        this.#opening = m.opener ? { opener: m.opener } : {}
        this.#to.opener(m.opener)
        return
      case 'state':
        this.#state(m.state)
    }
  }

  #state(s: CoreState): void {
    switch (s.failure?.code) {
      case 'core_crashed':
        this.#died(s.failure.text)
        return
      case 'vault_taken':
        this.#to.taken()
        return
      case 'vault_busy':
        // We hold the page's lock, so whoever has the vault open is no core
        // of any page that still counts.
        if (!this.#opening.take) {
          this.#opening = { ...this.#opening, take: true }
          this.#open()
          return
        }
    }
    if (s.phase === 'ready') this.#readyAt = performance.now()
    this.#to.state(s)
  }

  /** #watch waits for the lock that ends with the worker, however it dies. */
  #watch(lock: string): void {
    const worker = this.#worker
    navigator.locks
      .request(lock, { signal: this.#life.signal }, () => {
        if (worker !== null && worker === this.#worker) this.#died('')
      })
      .catch(() => undefined) // the watch ended first
  }

  #ping(): void {
    if (this.#silent++ >= pingsMissed) this.#died('')
    else this.#post({ kind: 'ping' })
  }

  #died(text: string): void {
    if (performance.now() - this.#readyAt > soundAfter) this.#crashes = 0
    this.#stop()
    const wait = restartAfter[this.#crashes++]
    if (wait === undefined) {
      this.#to.state({ phase: 'failed', failure: { code: 'core_crashed', text: text || 'The core ended.', hint: 'Reload the page. What you wrote is kept on this device.' } })
      return
    }
    this.#to.state({ phase: 'starting' })
    setTimeout(() => {
      if (!this.#ended && !this.#worker) this.start()
    }, wait)
  }
}
