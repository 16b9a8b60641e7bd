// SPDX-License-Identifier: AGPL-3.0-or-later
import { expect, test } from '@playwright/test'
import type { Line, Message } from '../src/core/generated'
import { further, rows, sorted, type Item } from '../src/state/rows'

const minute = 60_000

function message(n: number, seq: number, from: string, at: number, state: Message['state'] = ''): Item {
  const own = from === 'ada@host'
  return { key: `message/${n}`, seq, kind: 'message', line: null, message: { id: String(n), conversation: 'c', seq, from, own, checked: null, text: `t${n}`, at, state, unread: false } }
}

function line(n: number, seq: number, at: number): Item {
  return { key: `line/${n}`, seq, kind: 'member_added', message: null, line: { seq, at, by: '', handle: 'lin@host', name: '', members: [], code: '', keep: 0 } as Line }
}

const day = (at: number) => String(Math.floor(at / (24 * 60 * minute)))
const shape = (items: Item[], fresh = '') =>
  rows(items, day, fresh, 1).map((r) => (r.row === 'message' ? `${r.message.id}${r.first ? ' first' : ''}${r.last ? ' last' : ''}${r.state ? ' state' : ''}` : r.row))

test('bubbles of one person within five minutes are a group', () => {
  const list = [message(1, 1, 'omar@host', 0), message(2, 2, 'omar@host', 4 * minute), message(3, 3, 'omar@host', 9 * minute), message(4, 4, 'lin@host', 9 * minute)]
  expect(shape(list)).toEqual(['day', '1 first', '2 last', '3 first last', '4 first last'])
})

test('days, lines and what is new part groups', () => {
  const list = [message(1, 1, 'omar@host', 0), line(2, 2, minute), message(3, 3, 'omar@host', minute), message(4, 4, 'omar@host', minute), message(5, 5, 'omar@host', 25 * 60 * minute)]
  expect(shape(list, 'message/4')).toEqual(['day', '1 first last', 'line', '3 first last', 'new', '4 first last', 'day', '5 first last'])
})

test('a changed code has a line of its own only where nothing else says why', () => {
  const code: Item = { ...line(6, 2, minute), key: 'line/6', kind: 'code_changed' }
  expect(shape([line(2, 2, minute), code])).toEqual(['day', 'line'])
  expect(shape([line(2, 1, minute), code])).toEqual(['day', 'line', 'line'])
})

test('how far a message came stands under the last own one, and under what waits or failed', () => {
  const me = 'ada@host'
  const list = [message(1, 1, me, 0, 'read'), message(2, 0, me, 0, 'failed'), message(3, 2, me, 0, 'delivered'), message(4, 0, me, 0, 'queued'), message(5, 0, me, 0, 'queued')]
  expect(shape(list)).toEqual(['day', '1 first', '2 state', '3', '4 state', '5 last state'])
  expect(shape(list.slice(0, 3))).toEqual(['day', '1 first', '2 state', '3 last state'])
})

test('what failed and stands once more below is not offered again', () => {
  const of = (n: number, text: string, state: Message['state'], from = 'ada@host'): Item => {
    const i = message(n, n, from, 0, state)
    return { ...i, message: { ...(i.message as Message), text } }
  }
  const again = (...items: Item[]) => rows(items, day, '', 0).flatMap((r) => (r.row === 'message' && r.again ? [r.message.id] : []))
  expect(again(of(1, 'one', 'failed'), of(2, 'two', 'sent'))).toEqual([])
  expect(again(of(1, 'one', 'failed'), of(2, 'one', ''))).toEqual(['1'])
  expect(again(of(1, 'one', 'failed'), of(2, 'one', 'failed')), 'the last one may still go').toEqual(['1'])
  expect(again(of(1, 'one', 'sent'), of(2, 'one', 'failed')), 'what stands above is another').toEqual([])
  expect(again(of(1, 'one', 'failed'), of(2, 'one', '', 'omar@host')), 'what another wrote is no repeat').toEqual([])
})

test('what is unsent stands last; a line without a place stands first', () => {
  const list = [message(1, 0, 'ada@host', 0, 'queued'), message(2, 7, 'omar@host', 0), message(3, 0, 'ada@host', 0, 'queued'), line(4, 0, 0), line(5, 3, 0)]
  expect(sorted(list).map((i) => i.key)).toEqual(['line/4', 'line/5', 'message/2', 'message/1', 'message/3'])
})

test('keys are distinct, whatever the clocks of the senders say', () => {
  const at = [0, 30 * 60 * minute, 0, 30 * 60 * minute]
  const keys = rows(at.map((t, n) => message(n, n + 1, 'omar@host', t)), day, '', 0).map((r) => r.key)
  expect(new Set(keys).size).toBe(keys.length)
})

test('a late telling takes nothing back', () => {
  const of = (state: Message['state'], seq: number) => message(1, seq, 'ada@host', 0, state).message as Message
  expect(further(of('delivered', 4), of('sent', 4)).state).toBe('delivered')
  expect(further(of('sent', 4), of('queued', 0))).toMatchObject({ state: 'sent', seq: 4 })
  expect(further(of('queued', 0), of('sent', 4))).toMatchObject({ state: 'sent', seq: 4 })
  expect(further(of('queued', 0), of('failed', 0)).state).toBe('failed')
})
