// SPDX-License-Identifier: AGPL-3.0-or-later
// Short words about what happened, shown at the edge and read aloud once.
import type { Failure } from '../core/protocol'
import { plainWords } from './words'

export interface Notice {
  id: number
  kind: 'done' | 'failed' | 'brass'
  text: string
  hint: string
  action?: { label: string; run: () => void }
}

export const notices = $state<{ list: Notice[] }>({ list: [] })

let next = 1
const stays = 6000

/** tell shows a notice; one that failed stays until it is dismissed. */
export function tell(kind: Notice['kind'], text: string, hint = '', action?: Notice['action']): void {
  if (notices.list.some((n) => n.text === text)) return
  const id = next++
  notices.list.push({ id, kind, text, hint, ...(action ? { action } : {}) })
  if (kind === 'done') setTimeout(() => dismiss(id), stays)
}

export function tellFailure(f: Failure): void {
  const { text, hint } = plainWords(f)
  tell('failed', text, hint)
}

/** untell takes back what is not so any more. */
export function untell(text: string): void {
  notices.list = notices.list.filter((n) => n.text !== text)
}

export function dismiss(id: number): void {
  notices.list = notices.list.filter((n) => n.id !== id)
}
