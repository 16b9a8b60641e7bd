// SPDX-License-Identifier: AGPL-3.0-or-later
// One core for all tabs. The tab that holds the Web Lock runs it in a worker;
// the others ask through that tab. When it closes, the lock passes on and the
// next tab starts the core from the vault.
//
//	waiting ──lock──▶ holding ──lock lost or freeze──▶ waiting
import type { Calls, CoreEvent } from './generated'
import { repeatable } from './repeatable'
import { asFailure, type Between, type Call, type CoreState, type Failure, type FromWorker, type Outcome, type ToWorker } from './protocol'

const lockName = 'clarion core'
const channelName = 'clarion core'
/** A call unanswered this long makes a waiting tab ask whether the holder lives. */
const doubtAfter = 4000
/** A holder silent this long after being asked has its lock taken. */
const takeAfter = 3000
/** Waits between restarts of a crashed worker, in ms; the last repeats. */
const restartAfter = [0, 500, 2000, 10000]

interface Waiting {
  call: Call
  resolve: (value: unknown) => void
  reject: (f: Failure) => void
  sentTo: string | null // the tab that was asked
  since: number
}

export interface CoreListeners {
  event: (e: CoreEvent) => void
  state: (s: CoreState, holder: boolean) => void
  /** Another tab runs another release of the app. */
  otherRelease: () => void
}

export class Core {
  readonly tab = crypto.randomUUID()
  readonly #release: string
  readonly #listeners: CoreListeners
  readonly #makeWorker: () => Worker
  readonly #channel = new BroadcastChannel(channelName)
  readonly #waiting = new Map<string, Waiting>() // calls of this tab
  readonly #asked = new Map<string, { from: string; call: Call }>() // calls in the worker
  #state: CoreState = { phase: 'starting' }
  #holder: string | null = null // which tab holds the core, once known
  #worker: Worker | null = null
  #letGo: (() => void) | null = null // ends our hold of the lock
  #crashes = 0
  #passphrase: string | undefined
  #doubted: { holder: string; since: number } | null = null

  constructor(release: string, makeWorker: () => Worker, listeners: CoreListeners) {
    this.#release = release
    this.#makeWorker = makeWorker
    this.#listeners = listeners
  }

  /** start joins the tabs; it returns at once. */
  start(): void {
    this.#channel.onmessage = (e: MessageEvent<Between>) => this.#heard(e.data)
    this.#say({ kind: 'who' })
    this.#queueForLock()
    // A frozen tab cannot answer: it hands the core over first.
    document.addEventListener('freeze', () => this.#handOver())
    document.addEventListener('resume', () => {
      this.#queueForLock()
      this.#say({ kind: 'who' })
    })
    setInterval(() => this.#doubt(), 1000)
  }

  get holding(): boolean {
    return this.#worker !== null
  }

  /** call asks the core, wherever it runs. It rejects with a Failure. */
  call<N extends keyof Calls>(name: N, params: Calls[N]['params']): Promise<Calls[N]['result']> {
    return new Promise((resolve, reject) => {
      const call: Call = { id: `${this.tab}/${crypto.randomUUID()}`, name, params }
      const waiting: Waiting = { call, resolve: resolve as (v: unknown) => void, reject, sentTo: null, since: Date.now() }
      this.#waiting.set(call.id, waiting)
      this.#send(waiting)
    })
  }

  /** unlock gives the passphrase to the core, wherever it runs. */
  unlock(passphrase: string): void {
    if (this.#worker) this.#open(passphrase)
    else if (this.#holder) this.#say({ kind: 'unlock', to: this.#holder, passphrase })
  }

  // ── calls of this tab ──────────────────────────────────────────────────

  #send(w: Waiting): void {
    if (this.#state.phase !== 'ready') return // sent when it is
    w.since = Date.now()
    if (this.#worker) {
      w.sentTo = this.tab
      this.#ask(this.tab, w.call)
    } else if (this.#holder) {
      w.sentTo = this.#holder
      this.#say({ kind: 'call', to: this.#holder, from: this.tab, call: w.call })
    }
  }

  /** The core began anew somewhere: what it was asked is asked again where
   *  that does no harm, and given back to its caller where it might. */
  #sendAgain(): void {
    for (const w of [...this.#waiting.values()]) {
      if (w.sentTo !== null && !repeatable.has(w.call.name)) {
        this.#waiting.delete(w.call.id)
        w.reject({
          code: 'core_moved',
          text: 'The page that was doing this has gone.',
          hint: 'Look whether it happened before you do it again.',
        })
        continue
      }
      w.sentTo = null
      this.#send(w)
    }
  }

  #answered(o: Outcome): void {
    const w = this.#waiting.get(o.id)
    if (!w) return
    this.#waiting.delete(o.id)
    if (o.failure) w.reject(o.failure)
    else w.resolve(o.value)
  }

  // ── between tabs ───────────────────────────────────────────────────────

  #say(m: Between): void {
    this.#channel.postMessage(m)
  }

  #heard(m: Between): void {
    switch (m.kind) {
      case 'who':
        if (this.#worker) this.#announce()
        return
      case 'here':
        this.#heardHolder(m.holder, m.release, m.state)
        return
      case 'call':
        if (m.to === this.tab && this.#worker) this.#ask(m.from, m.call)
        return
      case 'unlock':
        if (m.to === this.tab && this.#worker) this.#open(m.passphrase)
        return
      case 'outcome':
        if (m.to === this.tab) this.#answered(m.outcome)
        return
      case 'event':
        if (!this.#worker) this.#listeners.event(m.event)
    }
  }

  #heardHolder(holder: string, release: string, state: CoreState): void {
    if (this.#worker) return // we hold it: a late word of the tab before
    this.#doubted = null
    const another = holder !== this.#holder
    const begun = state.phase === 'ready' && (another || this.#state.phase !== 'ready')
    this.#holder = holder
    this.#setState(state)
    if (begun) this.#sendAgain()
    if (release !== this.#release) this.#listeners.otherRelease()
  }

  #announce(): void {
    this.#say({ kind: 'here', holder: this.tab, release: this.#release, state: this.#state })
  }

  #setState(state: CoreState): void {
    this.#state = state
    this.#listeners.state(state, this.#worker !== null)
  }

  /** #doubt asks after a holder that owes an answer and, when it stays
   *  silent, takes its lock; the vault refuses whoever lost it. */
  #doubt(): void {
    if (this.#worker || !this.#holder) return
    const now = Date.now()
    const late = [...this.#waiting.values()].some((w) => w.sentTo !== null && now - w.since > doubtAfter)
    if (!late) return
    if (!this.#doubted || this.#doubted.holder !== this.#holder) {
      this.#doubted = { holder: this.#holder, since: now }
      this.#say({ kind: 'who' })
      return
    }
    if (now - this.#doubted.since > takeAfter) {
      this.#doubted = null
      this.#queueForLock(true)
    }
  }

  // ── holding the core ───────────────────────────────────────────────────

  #queueForLock(steal = false): void {
    if (this.#letGo) return
    navigator.locks
      .request(lockName, { mode: 'exclusive', steal }, () => new Promise<void>((release) => this.#hold(release)))
      .catch(() => {
        // Taken by a tab that found us silent.
        this.#drop()
        this.#queueForLock()
        this.#say({ kind: 'who' })
      })
  }

  #hold(release: () => void): void {
    if (this.#letGo) {
      release() // two requests of ours were granted
      return
    }
    this.#letGo = release
    this.#holder = this.tab
    this.#startWorker()
  }

  #handOver(): void {
    const letGo = this.#letGo
    this.#drop()
    letGo?.()
  }

  #drop(): void {
    this.#worker?.terminate()
    this.#worker = null
    this.#letGo = null
    this.#holder = null
    this.#asked.clear()
    this.#setState({ phase: 'starting' })
  }

  #startWorker(): void {
    const worker = this.#makeWorker()
    this.#worker = worker
    worker.onmessage = (e: MessageEvent<FromWorker>) => {
      if (worker === this.#worker) this.#fromWorker(e.data)
    }
    worker.onerror = () => {
      if (worker === this.#worker) this.#crashed()
    }
    this.#setState({ phase: 'starting' })
    this.#announce()
    this.#open(this.#passphrase)
  }

  #open(passphrase: string | undefined): void {
    this.#passphrase = passphrase
    const m: ToWorker = passphrase === undefined ? { kind: 'open' } : { kind: 'open', passphrase }
    this.#worker?.postMessage(m)
  }

  #fromWorker(m: FromWorker): void {
    switch (m.kind) {
      case 'event':
        this.#say({ kind: 'event', event: m.event })
        this.#listeners.event(m.event)
        return
      case 'outcome': {
        const asked = this.#asked.get(m.outcome.id)
        this.#asked.delete(m.outcome.id)
        if (!asked) return
        if (asked.from === this.tab) this.#answered(m.outcome)
        else this.#say({ kind: 'outcome', to: asked.from, outcome: m.outcome })
        return
      }
      case 'state':
        if (m.state.failure?.code === 'core_crashed') {
          this.#crashed()
          return
        }
        this.#setState(m.state)
        this.#announce()
        if (m.state.phase === 'ready') this.#sendAgain()
    }
  }

  #ask(from: string, call: Call): void {
    this.#asked.set(call.id, { from, call })
    try {
      this.#worker?.postMessage({ kind: 'call', call } satisfies ToWorker)
    } catch (e) {
      this.#fromWorker({ kind: 'outcome', outcome: { id: call.id, failure: asFailure(e) } })
    }
  }

  /** The worker died. The vault is whole, so the core starts from it again. */
  #crashed(): void {
    this.#worker?.terminate()
    const wait = restartAfter[Math.min(this.#crashes, restartAfter.length - 1)] ?? 0
    this.#crashes++
    this.#asked.clear()
    this.#setState({ phase: 'starting' })
    this.#announce()
    const letGo = this.#letGo
    setTimeout(() => {
      if (this.#letGo === letGo && letGo !== null) this.#startWorker()
    }, wait)
  }
}
