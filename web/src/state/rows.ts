// SPDX-License-Identifier: AGPL-3.0-or-later
// From what a history holds to what is drawn: days, the line of what is new,
// and which bubbles belong together.
import type { ItemKind, Line, Message } from '../core/generated'

/** One item of a history. A key never changes, a place may. */
export interface Item {
  key: string
  /** 0 for a message not sent yet, which stands last. */
  seq: number
  kind: ItemKind
  message: Message | null
  line: Line | null
}

export type Row =
  | { row: 'day'; key: string; at: number }
  | { row: 'new'; key: string; count: number }
  | { row: 'line'; key: string; kind: ItemKind; line: Line }
  | { row: 'message'; key: string; message: Message; first: boolean; last: boolean; state: boolean; again: boolean }

/** Bubbles of one person this close together, in ms, are one group. */
const together = 5 * 60_000

/** sorted puts items in their order: by place, what is unsent last. */
export function sorted(items: Item[]): Item[] {
  const place = (i: Item) => (i.seq === 0 && i.message ? Infinity : i.seq)
  return items.toSorted((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)))
}

/**
 * rows lays a sorted history out. day gives equal texts for equal days; fresh
 * is the key of the first unread item, or empty, and count how many are.
 */
export function rows(items: Item[], day: (at: number) => string, fresh: string, count: number): Row[] {
  const list: Row[] = []
  const lastOwn = items.findLast((i) => i.message?.own && i.message.state !== 'failed')?.key
  const again = writtenAgain(items)
  const told = new Set(items.filter((i) => i.line && i.kind !== 'code_changed').map((i) => i.seq))
  let today = ''
  let before: { from: string; at: number; row: Extract<Row, { row: 'message' }> } | null = null
  for (const i of items) {
    if (i.kind === 'code_changed' && told.has(i.seq)) continue // the line beside it says why
    const at = i.message?.at ?? i.line?.at ?? 0
    const d = day(at)
    if (d !== today) {
      today = d
      before = null
      list.push({ row: 'day', key: `day/${d}/${i.key}`, at })
    }
    if (i.key === fresh) {
      before = null
      list.push({ row: 'new', key: 'new', count })
    }
    if (i.line) {
      before = null
      list.push({ row: 'line', key: i.key, kind: i.kind, line: i.line })
    } else if (i.message) {
      const m = i.message
      const joins: boolean = before !== null && before.from === m.from && Math.abs(at - before.at) < together
      if (joins && before) before.row.last = false
      const state = m.own && (i.key === lastOwn || m.state === 'queued' || m.state === 'failed')
      const row: Row = { row: 'message', key: i.key, message: m, first: !joins, last: true, state, again: again.has(i.key) }
      list.push(row)
      before = { from: m.from, at, row }
    }
  }
  return list
}

/** writtenAgain gives the keys of what failed and stands once more below, as
 *  when the person sent it again: there is nothing left to do about it. */
function writtenAgain(items: Item[]): Set<string> {
  const keys = new Set<string>()
  const below = new Set<string>()
  for (const i of items.toReversed()) {
    if (!i.message?.own) continue
    if (i.message.state === 'failed' && below.has(i.message.text)) keys.add(i.key)
    below.add(i.message.text)
  }
  return keys
}

const far = ['queued', 'sent', 'delivered', 'read']

/** further is the one of two tellings of a message that knows more. */
export function further(a: Message, b: Message): Message {
  if (a.state === 'failed' || b.state === 'failed') return b
  return far.indexOf(a.state) > far.indexOf(b.state) ? { ...b, state: a.state, seq: a.seq || b.seq } : b
}

/** merged puts news among items: what is known is replaced where it stands. */
export function merged(items: Item[], news: Item[]): Item[] {
  const byKey = new Map(items.map((i) => [i.key, i]))
  for (const i of news) {
    const was = byKey.get(i.key)?.message
    const message = was && i.message ? further(was, i.message) : i.message
    byKey.set(i.key, { ...i, message, seq: message?.seq ?? i.seq })
  }
  return sorted([...byKey.values()])
}

/** unknown gives those of the news that are not among items. */
export function unknown(items: Item[], news: Item[]): Item[] {
  const keys = new Set(items.map((i) => i.key))
  return news.filter((i) => !keys.has(i.key))
}
