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

/** How the vault is opened: by a passphrase, by what a tab that had it open
 *  handed on in its place, by neither; taking it from whoever hangs. */
export interface Opening {
  passphrase?: string
  opener?: Uint8Array
  take?: boolean
}

/** From the holding tab down to its worker. */
export type ToWorker =
  | { kind: 'open'; opening: Opening; program: WebAssembly.Module }
  | { kind: 'call'; call: Call }
  | { kind: 'ping' }

/** From the worker up to the tab that holds it. */
export type FromWorker =
  /** It runs, and holds this lock for as long as it lives. */
  | { kind: 'alive'; lock: string }
  | { kind: 'pong' }
  | { kind: 'state'; state: CoreState }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'event'; event: CoreEvent }
  /** What opens the vault in place of its passphrase; null when it has none. */
  | { kind: 'opener'; opener: Uint8Array | null }

/** Between tabs, on a BroadcastChannel of this origin. */
export type Between =
  /** Who holds the core? `fresh` says that the tab was just opened. */
  | { kind: 'who'; release: string; fresh: boolean }
  | { kind: 'here'; holder: string; release: string; state: CoreState; opener: Uint8Array | null }
  | { kind: 'call'; to: string; from: string; call: Call }
  /** The call of that id was not begun; it may be asked again. */
  | { kind: 'not yet'; to: string; id: string }
  | { kind: 'unlock'; to: string; passphrase: string }
  | { kind: 'outcome'; to: string; outcome: Outcome }
  | { kind: 'event'; holder: string; event: CoreEvent }

/** AsFailure gives whatever was thrown the form of a failure. */
export function asFailure(e: unknown): Failure {
  if (typeof e === 'object' && e !== null && 'code' in e && 'text' in e) {
    const f = e as Failure
    return { code: String(f.code), text: String(f.text), hint: String(f.hint ?? ''), queued: f.queued === true }
  }
  const text = e instanceof Error ? e.message : String(e)
  return { code: 'core_failed', text, hint: 'Reload the page. What you wrote is kept on this device.' }
}
