// SPDX-License-Identifier: AGPL-3.0-or-later
// The worker that runs the core. It fetches the WebAssembly, refuses it
// unless it is the very file this page was built with, and passes calls in
// and events out.
import '../../dist-core/wasm_exec.js'
import wasmURL from '../../dist-core/clarion.wasm?url'
import type { CallName, Core, CoreEntry } from './generated'
import { asFailure, type Call, type CoreState, type FromWorker, type ToWorker } from './protocol'

declare const __CORE_SHA256__: string

interface GoProgram {
  importObject: WebAssembly.Imports
  run(instance: WebAssembly.Instance): Promise<void>
}

const scope = self as unknown as { postMessage(m: FromWorker): void; clarionCore?: CoreEntry; Go: new () => GoProgram }

/** The vault of this origin. */
const vault = 'clarion'

let entry: Promise<CoreEntry> | null = null
let core: Core | null = null

const post = (m: FromWorker) => scope.postMessage(m)
const state = (s: CoreState) => post({ kind: 'state', state: s })

async function fetchCore(): Promise<ArrayBuffer> {
  const answer = await fetch(wasmURL, { credentials: 'omit' })
  if (!answer.ok) throw { code: 'core_unreachable', text: 'The program could not be fetched from the server.', hint: 'Check the connection and reload.' }
  const bytes = await answer.arrayBuffer()
  const hash = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((b) => b.toString(16).padStart(2, '0')).join('')
  if (hash !== __CORE_SHA256__) {
    throw { code: 'core_altered', text: 'The program the server gave is not the one this page was made with.', hint: 'Reload. If it stays, tell whoever runs this server, by another way.' }
  }
  return bytes
}

async function start(): Promise<CoreEntry> {
  const { instance } = await WebAssembly.instantiate(await fetchCore(), go.importObject)
  go.run(instance).then(
    () => state({ phase: 'failed', failure: { code: 'core_crashed', text: 'The program ended.', hint: '' } }),
    (e) => state({ phase: 'failed', failure: { ...asFailure(e), code: 'core_crashed' } }),
  )
  if (!scope.clarionCore) throw asFailure(new Error('the program did not start'))
  return scope.clarionCore
}

const go = new scope.Go()

async function open(passphrase: string | undefined): Promise<void> {
  if (core) return
  state({ phase: 'starting' })
  try {
    entry ??= start()
    core = await (await entry).open(passphrase === undefined ? { vault } : { vault, passphrase })
  } catch (e) {
    const failure = asFailure(e)
    const locked = failure.code === 'passphrase_needed' || failure.code === 'passphrase_wrong'
    state({ phase: locked ? 'locked' : 'failed', failure })
    if (!core && !locked) entry = null
    return
  }
  state({ phase: 'ready' })
  void pump(core)
}

async function pump(opened: Core): Promise<void> {
  for (let event = await opened.next(); event !== null; event = await opened.next()) post({ kind: 'event', event })
  core = null
  state({ phase: 'failed', failure: { code: 'core_crashed', text: 'The core ended.', hint: '' } })
}

async function carryOut(call: Call): Promise<void> {
  try {
    if (!core) throw asFailure(new Error('the core is not open'))
    post({ kind: 'outcome', outcome: { id: call.id, value: await core.call(call.name as CallName, call.params as never) } })
  } catch (e) {
    post({ kind: 'outcome', outcome: { id: call.id, failure: asFailure(e) } })
  }
}

self.onmessage = (e: MessageEvent<ToWorker>) => {
  if (e.data.kind === 'open') void open(e.data.passphrase)
  else void carryOut(e.data.call)
}
