// SPDX-License-Identifier: AGPL-3.0-or-later
// What passes between a tab, the tab that holds the core, and its worker.
// All of it is structured-cloned, never text.
import type { CoreEvent } from './generated'

/** Why a call was not carried out; the same three as in the terminal. */
export interface Failure {
  code: string
  text: string
  hint: string
  /** What was to be sent waits in the vault and leaves later. */
  queued?: boolean
}

/** A call of the core under an id of its caller's choice. */
export interface Call {
  id: string
  name: string
  params: unknown
}

/** The answer to the call of that id: a failure or a value. */
export interface Outcome {
  id: string
  value?: unknown
  failure?: Failure
}

/** Where the core stands. `locked` waits for the passphrase. */
export type Phase = 'starting' | 'locked' | 'ready' | 'failed'

export interface CoreState {
  phase: Phase
  /** Why, when it has failed. */
  failure?: Failure
}

/** From the holding tab down to its worker. */
export type ToWorker =
  | { kind: 'open'; passphrase?: string }
  | { kind: 'call'; call: Call }

/** From the worker up to the tab that holds it. */
export type FromWorker =
  | { kind: 'state'; state: CoreState }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'event'; event: CoreEvent }

/** Between tabs, on a BroadcastChannel of this origin. */
export type Between =
  | { kind: 'who' }
  | { kind: 'here'; holder: string; release: string; state: CoreState }
  | { kind: 'call'; to: string; from: string; call: Call }
  | { kind: 'unlock'; to: string; passphrase: string }
  | { kind: 'outcome'; to: string; outcome: Outcome }
  | { kind: 'event'; event: CoreEvent }

/** AsFailure gives whatever was thrown the form of a failure. */
export function asFailure(e: unknown): Failure {
  if (typeof e === 'object' && e !== null && 'code' in e && 'text' in e) {
    const f = e as Failure
    return { code: String(f.code), text: String(f.text), hint: String(f.hint ?? ''), queued: f.queued === true }
  }
  const text = e instanceof Error ? e.message : String(e)
  return { code: 'core_failed', text, hint: 'Reload the page. What you wrote is kept on this device.' }
}
