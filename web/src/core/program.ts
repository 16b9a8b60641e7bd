// SPDX-License-Identifier: AGPL-3.0-or-later
// The core's program: fetched, refused unless it is the very file this page
// was built with, and compiled. The page does it, so that a tab that only
// waits can have it ready; what runs is an instance in the worker.
import wasmURL from '../../dist-core/clarion.wasm?url'

declare const __CORE_SHA256__: string

const unreachable = { code: 'core_unreachable', text: 'The program could not be fetched from the server.', hint: 'Check the connection and reload.' }
const altered = { code: 'core_altered', text: 'The program the server gave is not the one this page was made with.', hint: 'Reload. If it stays, tell whoever runs this server, by another way.' }

/** Held by the one tab that has the program ready before it needs it. */
const nextLock = 'clarion next'
/** How long that tab, once it is next in line, sees to its screen first, in ms. */
const screenFirst = 2000

let compiled: Promise<WebAssembly.Module> | null = null

/** program is the core as this page's worker takes it, got once; a try that
 *  failed is made again by the next call. It rejects with a Failure. */
export function program(): Promise<WebAssembly.Module> {
  if (!compiled) {
    compiled = fetched().then((bytes) => WebAssembly.compile(bytes))
    compiled.catch(() => (compiled = null))
  }
  return compiled
}

async function fetched(): Promise<ArrayBuffer> {
  const answer = await fetch(wasmURL, { credentials: 'omit' }).catch(() => null)
  if (!answer?.ok) throw unreachable
  const bytes = await answer.arrayBuffer().catch(() => null)
  if (!bytes) throw unreachable
  const hash = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((b) => b.toString(16).padStart(2, '0')).join('')
  if (hash !== __CORE_SHA256__) throw altered
  return bytes
}

/** standBy has the program ready in the tab that is next in line to run the
 *  core, and in no other, since it takes some 18 MB. `done` says that this tab
 *  waits no longer. Nothing but speed hangs on the order of these locks. */
export function standBy(done: AbortSignal): void {
  navigator.locks
    .request(nextLock, { signal: done }, async () => {
      if (done.aborted) return
      const got = setTimeout(() => void program().catch(() => undefined), screenFirst)
      await new Promise((ended) => done.addEventListener('abort', ended))
      clearTimeout(got)
    })
    .catch(() => undefined) // it was done before its turn
}
