// SPDX-License-Identifier: AGPL-3.0-or-later
// One core for all tabs. The tab that holds the Web Lock runs it in a worker;
// the others ask through that tab. When it closes, the lock passes on and the
// next tab starts the core from the vault.
//
//	following ──lock──▶ holding ──lock stolen, vault taken, freeze──▶ following
//
// The lock only elects: what keeps the vault from having two owners is the
// fence inside it (cmd/clarion-wasm/idbvault_js.go). docs/decisions/tabs.md
// says what happens when a tab ends, hangs or wakes.
import { Engine } from './engine'
import type { Calls, CoreEvent } from './generated'
import { standBy } from './program'
import { repeatable } from './repeatable'
import type { Between, Call, CoreState, Failure, Outcome } from './protocol'

const lockName = 'clarion core'
const channelName = 'clarion core'
/** How often a following tab looks whether the holder is silent, in ms. */
const lookEvery = 500
/** A call unanswered this long, in ms, is asked again, and makes a following
 *  tab ask whether the holder lives. */
const doubtAfter = 1000
/** A holder silent this long after being asked, in ms, has its lock taken, if
 *  this tab could look as often in that time as it should: on a machine that
 *  is too busy to run either, nobody is taken for dead. */
const takeAfter = 3000
/** A holder that a person's tab has not heard for this long, in ms, is asked
 *  whether it lives: it may hang while nothing is asked of it. */
const quietAfter = 15_000
/** Answers that a holder gives again when they are asked for again. */
const remembered = 64
/** At most one correction of another tab that takes itself for the holder in
 *  this time, in ms. */
const correctEvery = 1000

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
  /** Another tab runs another release of the app, or no longer does. */
  otherRelease: (other: boolean) => void
}

const moved: Failure = {
  code: 'core_moved',
  text: 'The page that was doing this has gone.',
  hint: 'Look whether it happened before you do it again.',
}

/** Failures of a core that has ended: another one is asked. */
const ended: ReadonlySet<string> = new Set(['core_closed', 'vault_taken'])

export class Core {
  readonly tab = [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, '0')).join('')
  readonly #release: string
  readonly #listeners: CoreListeners
  readonly #makeWorker: () => Worker
  readonly #channel = new BroadcastChannel(channelName)
  readonly #waiting = new Map<string, Waiting>() // calls of this tab
  readonly #asked = new Map<string, { from: string; call: Call }>() // calls in the worker
  readonly #given = new Map<string, Outcome>() // the last answers to other tabs
  #calls = 0
  #state: CoreState = { phase: 'starting' }
  #holder: string | null = null // which tab holds the core, once known
  #heardAt = -Infinity // when the holder was heard last
  #engine: Engine | null = null // runs the core while this tab holds it
  #pending: AbortController | null = null // our place in the queue for the lock
  #letGo: (() => void) | null = null // ends our hold of the lock
  #opener: Uint8Array | null = null // in place of the vault's passphrase
  #doubted: number | null = null // since when
  #looked = 0 // how often since then
  #corrected = -Infinity
  #other = false
  #missed = false // this tab slept and heard nothing

  constructor(release: string, makeWorker: () => Worker, listeners: CoreListeners) {
    this.#release = release
    this.#makeWorker = makeWorker
    this.#listeners = listeners
  }

  /** start joins the tabs; it returns at once. */
  start(): void {
    if (!isSecureContext) {
      this.#setState({ phase: 'failed', failure: { code: 'no_tls', text: 'This page did not come under TLS, so the browser lends it no cryptography.', hint: 'Open it at its https address.' } })
      return
    }
    this.#channel.onmessage = (e: MessageEvent<Between>) => this.#heard(e.data)
    this.#join(true)
    // A frozen tab cannot answer, so it hands the core over and does not wait
    // for it; a page kept for "back" may be frozen at any moment.
    document.addEventListener('freeze', () => this.#leave())
    document.addEventListener('resume', () => this.#wake())
    window.addEventListener('pagehide', (e) => {
      if (e.persisted) this.#leave()
    })
    window.addEventListener('pageshow', (e) => {
      if (e.persisted) this.#wake()
    })
    setInterval(() => this.#doubt(), lookEvery)
  }

  /** call asks the core, wherever it runs. It rejects with a Failure. */
  call<N extends keyof Calls>(name: N, params: Calls[N]['params']): Promise<Calls[N]['result']> {
    return new Promise((resolve, reject) => {
      const call: Call = { id: `${this.tab}/${++this.#calls}`, name, params }
      const waiting: Waiting = { call, resolve: resolve as (v: unknown) => void, reject, sentTo: null, since: 0 }
      this.#waiting.set(call.id, waiting)
      this.#send(waiting)
    })
  }

  /** unlock gives the passphrase to the core, wherever it runs. */
  unlock(passphrase: string): void {
    if (this.#engine) this.#engine.unlock(passphrase)
    else if (this.#holder) this.#say({ kind: 'unlock', to: this.#holder, passphrase })
  }

  // ── calls of this tab ──────────────────────────────────────────────────

  #send(w: Waiting): void {
    if (this.#state.phase !== 'ready') return // sent when it is
    w.since = performance.now()
    if (this.#engine) {
      w.sentTo = this.tab
      this.#ask(this.tab, w.call)
    } else if (this.#holder) {
      try {
        this.#say({ kind: 'call', to: this.#holder, from: this.tab, call: w.call })
        w.sentTo = this.#holder
      } catch (e) {
        this.#answered({ id: w.call.id, failure: { code: 'core_failed', text: String(e), hint: '' } })
      }
    }
  }

  /** The core began anew somewhere: what it was asked is asked again where
   *  that does no harm, and given back to its caller where it might. */
  #sendAgain(): void {
    for (const w of [...this.#waiting.values()]) {
      if (w.sentTo !== null && !repeatable.has(w.call.name)) {
        this.#waiting.delete(w.call.id)
        w.reject(moved)
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
    if (!o.failure) w.resolve(o.value)
    else if (o.failure.code === 'usage' && this.#other) {
      w.reject({ code: 'other_release', text: 'Another tab runs another release of Clarion, which does not know this.', hint: 'Reload all tabs.' })
    } else w.reject(o.failure)
  }

  // ── between tabs ───────────────────────────────────────────────────────

  #say(m: Between): void {
    this.#channel.postMessage(m)
  }

  #who(fresh = false): void {
    this.#say({ kind: 'who', release: this.#release, fresh })
  }

  #heard(m: Between): void {
    switch (m.kind) {
      case 'who':
        this.#heardWho(m.release, m.fresh)
        return
      case 'here':
        this.#heardHolder(m.holder, m.release, m.state, m.opener)
        return
      case 'call':
        if (m.to === this.tab) this.#heardCall(m.from, m.call)
        return
      case 'not yet': {
        const w = this.#waiting.get(m.id)
        if (m.to === this.tab && w) w.sentTo = null
        return
      }
      case 'unlock':
        if (m.to === this.tab) this.#engine?.unlock(m.passphrase)
        return
      case 'outcome':
        this.#heardAt = performance.now()
        if (m.to === this.tab) this.#answered(m.outcome)
        return
      case 'event':
        if (this.#engine || m.holder !== this.#holder) return
        this.#heardAt = performance.now()
        this.#listeners.event(m.event)
    }
  }

  #heardWho(release: string, fresh: boolean): void {
    if (!this.#engine) return
    if (release !== this.#release) this.#setOther(true)
    // A core that failed here may begin in a tab that was just loaded.
    if (fresh && this.#state.phase === 'failed') {
      this.#leave()
      this.#join()
    } else this.#announce()
  }

  #heardHolder(holder: string, release: string, state: CoreState, opener: Uint8Array | null): void {
    const now = performance.now()
    if (this.#engine) {
      // A late word of one that does not know yet that it lost the lock.
      if (now - this.#corrected > correctEvery) {
        this.#corrected = now
        this.#announce()
      }
      return
    }
    this.#heardAt = now
    const another = holder !== this.#holder
    const begun = state.phase === 'ready' && (another || this.#state.phase !== 'ready')
    this.#holder = holder
    if (state.phase === 'ready') this.#opener = opener
    this.#setOther(release !== this.#release)
    if (state.phase === 'ready' && (begun || this.#missed)) {
      this.#missed = false
      this.#setState({ phase: 'starting' }) // whatever is shown is read again
    }
    this.#setState(state, begun)
  }

  #heardCall(from: string, call: Call): void {
    const given = this.#given.get(call.id)
    if (!this.#engine || this.#asked.has(call.id)) return
    if (given) this.#say({ kind: 'outcome', to: from, outcome: given })
    else if (this.#state.phase !== 'ready') this.#say({ kind: 'not yet', to: from, id: call.id })
    else this.#ask(from, call)
  }

  #announce(): void {
    this.#say({ kind: 'here', holder: this.tab, release: this.#release, state: this.#state, opener: this.#opener })
  }

  /** #setState tells the page. What a core that has begun is asked again goes
   *  first, a message before whatever the screens read. */
  #setState(state: CoreState, begun = false): void {
    this.#state = state
    if (begun) this.#sendAgain()
    this.#listeners.state(state, this.#engine !== null)
  }

  #setOther(other: boolean): void {
    if (this.#other !== other) this.#listeners.otherRelease((this.#other = other))
  }

  /** #doubt asks again for late answers, and after a holder that owes one or
   *  that nobody has heard; when it stays silent, its lock is taken. */
  #doubt(): void {
    if (this.#engine || !this.#pending) return
    const now = performance.now()
    const silent = now - this.#heardAt
    const late = [...this.#waiting.values()].filter((w) => w.sentTo !== null && now - w.since > doubtAfter)
    const quiet = silent > (this.#state.phase === 'starting' ? doubtAfter : document.visibilityState === 'visible' ? quietAfter : Infinity)
    if (this.#holder !== null && late.length === 0 && !quiet) {
      this.#doubted = null
      return
    }
    if (this.#doubted === null || this.#heardAt >= this.#doubted) {
      if (this.#doubted !== null && now - this.#doubted < doubtAfter) return // it lives, and is slow
      this.#doubted = now
      this.#looked = 0
      this.#who()
      // The holder knows by its id a call that it has, and does not repeat it.
      for (const w of late) if (w.sentTo === this.#holder) this.#send(w)
      return
    }
    if (++this.#looked >= takeAfter / lookEvery && now - this.#doubted >= takeAfter) {
      this.#doubted = null
      this.#queue(true)
    }
  }

  // ── holding the core ───────────────────────────────────────────────────

  #join(fresh = false): void {
    this.#queue()
    this.#who(fresh)
  }

  #wake(): void {
    this.#missed = true
    this.#join()
  }

  /** #queue waits for the lock, or takes it from a tab that hangs. A tab has
   *  one place in the queue at most: a second one would be granted to it just
   *  when it lets the first one go. */
  #queue(steal = false): void {
    if (this.#letGo || (this.#pending && !steal)) return
    this.#pending?.abort()
    const pending = new AbortController()
    this.#pending = pending
    standBy(pending.signal)
    let held: (() => void) | null = null
    navigator.locks
      .request(lockName, steal ? { steal } : { signal: pending.signal }, () => {
        if (pending.signal.aborted) return undefined // we left while it was granted
        this.#pending = null
        pending.abort() // the wait is over
        return new Promise<void>((release) => this.#hold((held = release), steal))
      })
      .catch(() => {
        // Taken by a tab that found us silent; or only our place was given up.
        if (held !== null && held === this.#letGo) {
          this.#drop()
          this.#join()
        }
      })
  }

  #hold(release: () => void, take: boolean): void {
    this.#letGo = release
    this.#holder = this.tab
    this.#doubted = null
    const opening = { ...(this.#opener ? { opener: this.#opener } : {}), ...(take ? { take } : {}) }
    const engine: Engine = new Engine(this.#makeWorker, opening, {
      event: (e) => {
        this.#say({ kind: 'event', holder: this.tab, event: e })
        this.#listeners.event(e)
      },
      outcome: (o) => this.#outcome(o),
      opener: (o) => {
        this.#opener = o
        if (this.#state.phase === 'ready') this.#announce()
      },
      state: (s) => {
        if (s.phase === 'starting') this.#asked.clear()
        this.#setState(s, s.phase === 'ready')
        this.#announce()
      },
      taken: () => {
        if (engine !== this.#engine) return
        this.#leave()
        this.#join()
      },
    })
    this.#engine = engine
    this.#setState({ phase: 'starting' })
    this.#announce()
    engine.start()
  }

  /** #leave gives up the core or the place in the queue for it. */
  #leave(): void {
    const letGo = this.#letGo
    this.#drop()
    letGo?.()
  }

  #drop(): void {
    this.#pending?.abort()
    this.#pending = null
    this.#letGo = null
    if (!this.#engine) return
    this.#engine.end()
    this.#engine = null
    this.#holder = null
    this.#asked.clear()
    this.#given.clear()
    this.#setState({ phase: 'starting' })
  }

  #ask(from: string, call: Call): void {
    this.#asked.set(call.id, { from, call })
    this.#engine?.call(call)
  }

  #outcome(o: Outcome): void {
    const asked = this.#asked.get(o.id)
    // What a core says that has ended is no answer: the next one is asked.
    if (!asked || (o.failure && ended.has(o.failure.code))) return
    this.#asked.delete(o.id)
    if (asked.from === this.tab) {
      this.#answered(o)
      return
    }
    this.#say({ kind: 'outcome', to: asked.from, outcome: o })
    this.#given.set(o.id, o)
    const oldest = this.#given.keys().next()
    if (this.#given.size > remembered && !oldest.done) this.#given.delete(oldest.value)
  }
}
