// SPDX-License-Identifier: AGPL-3.0-or-later
// The worker that runs the core: the program that the page gives it
// (program.ts), with calls passed in and events out.
import '../../dist-core/wasm_exec.js'
import type { CallName, Core, CoreEntry } from './generated'
import { asFailure, type Call, type CoreState, type FromWorker, type Opening, type ToWorker } from './protocol'

interface GoProgram {
  importObject: WebAssembly.Imports
  run(instance: WebAssembly.Instance): Promise<void>
}

const scope = self as unknown as { postMessage(m: FromWorker): void; clarionCore?: CoreEntry; Go: new () => GoProgram }

/** The vault of this origin. */
const vault = 'clarion'

let entry: Promise<CoreEntry> | null = null
let core: Core | null = null
let opening = false

const post = (m: FromWorker) => scope.postMessage(m)
const state = (s: CoreState) => post({ kind: 'state', state: s })
const failed = (e: unknown) => state({ phase: 'failed', failure: asFailure(e) })

/** Calls after which another opener opens the vault. */
const rekeying: ReadonlySet<string> = new Set<CallName>(['setPassphrase', 'changePassphrase', 'removePassphrase'])

async function start(program: WebAssembly.Module): Promise<CoreEntry> {
  const go = new scope.Go()
  const instance = await WebAssembly.instantiate(program, go.importObject)
  go.run(instance).then(
    () => failed({ code: 'core_crashed', text: 'The program ended.', hint: '' }),
    (e) => failed({ ...asFailure(e), code: 'core_crashed' }),
  )
  if (!scope.clarionCore) throw { code: 'core_crashed', text: 'The program did not start.', hint: '' }
  return scope.clarionCore
}

async function open(how: Opening, program: WebAssembly.Module): Promise<void> {
  if (core || opening) return
  opening = true
  state({ phase: 'starting' })
  try {
    entry ??= start(program)
    entry.catch(() => (entry = null)) // another try starts it again
    core = await (await entry).open({ vault, ...how })
  } catch (e) {
    const failure = asFailure(e)
    const locked = failure.code === 'passphrase_needed' || failure.code === 'passphrase_wrong'
    state({ phase: locked ? 'locked' : 'failed', failure })
    return
  } finally {
    opening = false
  }
  post({ kind: 'opener', opener: await core.opener() })
  state({ phase: 'ready' })
  void pump(core)
}

/** pump brings the events up, and says why the core ends. */
async function pump(opened: Core): Promise<void> {
  try {
    for (let event = await opened.next(); event !== null; event = await opened.next()) post({ kind: 'event', event })
    failed({ code: 'core_crashed', text: 'The core ended.', hint: '' })
  } catch (e) {
    failed(e) // its vault was taken, or has gone
  }
  core = null
}

async function carryOut(call: Call): Promise<void> {
  try {
    if (!core) throw { code: 'core_closed', text: 'The core is not open.', hint: '' }
    const value = await core.call(call.name as CallName, call.params as never)
    if (rekeying.has(call.name)) post({ kind: 'opener', opener: (await core?.opener()) ?? null })
    post({ kind: 'outcome', outcome: { id: call.id, value } })
  } catch (e) {
    post({ kind: 'outcome', outcome: { id: call.id, failure: asFailure(e) } })
  }
}

self.onmessage = (e: MessageEvent<ToWorker>) => {
  switch (e.data.kind) {
    case 'open':
      void open(e.data.opening, e.data.program)
      return
    case 'call':
      void carryOut(e.data.call)
      return
    case 'ping':
      post({ kind: 'pong' })
  }
}

// Nothing else tells a page that its worker has died.
const life = `clarion worker ${crypto.randomUUID()}`
void navigator.locks.request(life, () => {
  post({ kind: 'alive', lock: life })
  return new Promise<never>(() => undefined)
})
