// SPDX-License-Identifier: AGPL-3.0-or-later
// What the server says it holds about this account, signed, and the file that
// `clarion holdings --check` reads.
import type { Holdings } from '../core/generated'
import { call, failure, type Failure } from './core.svelte'
import { stamp } from '../text/time'

export const holdings = $state({
  answer: null as Holdings | null,
  loading: false,
  failure: null as Failure | null,
})

/** askHoldings asks the server anew; the last answer stays until the next. */
export async function askHoldings(): Promise<void> {
  if (holdings.loading) return
  holdings.loading = true
  holdings.failure = null
  try {
    holdings.answer = await call('holdings', {})
  } catch (e) {
    holdings.failure = failure(e)
  } finally {
    holdings.loading = false
  }
}

/** trustKey takes a key, 64 hex digits, for the server's from now on, after the
 *  person compared it with the operator by another way; then it asks anew. */
export async function trustKey(key: string): Promise<Failure | null> {
  try {
    await call('trustServerKey', { key })
  } catch (e) {
    return failure(e)
  }
  void askHoldings()
  return null
}

export const hex = (b: Uint8Array): string => [...b].map((n) => n.toString(16).padStart(2, '0')).join('')

/** The server's key as the terminal prints it. */
export const serverKey = (h: Holdings): string => hex(h.serverKey)

/** savedAnswer is the answer in the form of `clarion holdings --json`. */
export function savedAnswer(h: Holdings): string {
  return (
    JSON.stringify({
      account: h.account,
      tables: h.tables.map((t) => ({ table: t.table, rows: t.rows })),
      could: h.could,
      cannot: h.cannot,
      signature: hex(h.signature),
      at: stamp(h.at),
      host: h.host,
      server_key: hex(h.serverKey),
    }) + '\n'
  )
}
