// SPDX-License-Identifier: AGPL-3.0-or-later
// The page's one connection to the core, and what is known of its state.
import { Core } from '../core/core'
import type { Calls, CoreEvent } from '../core/generated'
import type { CoreState, Failure } from '../core/protocol'
import { plainWords } from './words'
import workerURL from '../core/worker.ts?worker&url'

export type { Failure } from '../core/protocol'

/** What the screens may look at. */
export const core = $state({
  state: { phase: 'starting' } as CoreState,
  /** This tab runs the core; the others ask through it. */
  holder: false,
  online: false,
  /** Another tab runs another release of the app. */
  otherRelease: false,
})

type Listener<K extends CoreEvent['event']> = (e: Extract<CoreEvent, { event: K }>) => void

const listeners = new Map<string, Set<(e: CoreEvent) => void>>()
const readyListeners = new Set<() => void>()

/** on calls f for each event of a kind, for as long as the page lives. */
export function on<K extends CoreEvent['event']>(kind: K, f: Listener<K>): void {
  let set = listeners.get(kind)
  if (!set) listeners.set(kind, (set = new Set()))
  set.add(f as (e: CoreEvent) => void)
}

/** onReady calls f each time a core has begun: what was shown may be old. */
export function onReady(f: () => void): void {
  readyListeners.add(f)
  if (core.state.phase === 'ready') f()
}

const policy = window.trustedTypes?.createPolicy('clarion', {
  createScriptURL: (url: string) => {
    if (url === workerURL || url === '/sw.js') return url
    throw new TypeError('not a program of this page')
  },
})

/** trusted is one of this page's own programs, as the browser wants it. */
export function trusted(url: string): string {
  return (policy ? policy.createScriptURL(url) : url) as unknown as string
}

const link = new Core(
  import.meta.url, // bears the hash of this file: one release, one name
  () => new Worker(trusted(workerURL), { type: 'module', name: 'core' }),
  {
    event(e) {
      if (e.event === 'connection_changed') core.online = e.online
      for (const f of listeners.get(e.event) ?? []) f(e)
    },
    state(s, holder) {
      const began = s.phase === 'ready' && core.state.phase !== 'ready'
      core.state = s
      core.holder = holder
      if (s.phase !== 'ready') core.online = false
      if (began) readAgain()
    },
    otherRelease(other) {
      core.otherRelease = other
    },
  },
)

/** unseen says that nobody looks at this tab and that the core is elsewhere. */
export const unseen = (): boolean => !core.holder && document.visibilityState === 'hidden'

let unread = false // a core began while nobody looked at this tab

/** readAgain lets the screens read what they show. Of a tab that nobody looks
 *  at that can wait: with ten tabs a core that has begun has better to do. */
function readAgain(): void {
  unread = unseen()
  if (!unread) for (const f of readyListeners) f()
}
document.addEventListener('visibilitychange', () => {
  if (unread && core.state.phase === 'ready') readAgain()
})

/** start begins; the core is ready when core.state.phase says so. */
export function start(): void {
  link.start()
}

/** call asks the core; it rejects with a Failure. */
export function call<N extends keyof Calls>(name: N, params: Calls[N]['params']): Promise<Calls[N]['result']> {
  return link.call(name, params)
}

/** unlock opens a vault that has a passphrase. */
export function unlock(passphrase: string): void {
  link.unlock(passphrase)
}

/** failure gives what a call was rejected with. */
export function failure(e: unknown): Failure {
  if (typeof e === 'object' && e !== null && 'code' in e && 'text' in e) return plainWords(e as Failure)
  return { code: 'page_failed', text: e instanceof Error ? e.message : String(e), hint: '' }
}
