// SPDX-License-Identifier: AGPL-3.0-or-later
import { expect, test } from '@playwright/test'
import { readInvitation } from '../src/text/invitation.ts'
import { readWords } from '../src/text/words.ts'

// The link of docs/protocol/introduction.md.
const host = 'localhost:8440'
const secret = 'AXLbtzNsdngAI_g9pMNV8u7qhXM7E9NHdpeRd5DBIpCEAAAAAGsLv2AAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw'
const ends = 0x6b0bbf60 * 1000

test('a link says who made it and when it ends', () => {
  expect(readInvitation(`ada/${secret}`, host, ends)).toEqual({ fragment: `ada/${secret}`, handle: 'ada@localhost:8440', expires: ends, wrong: '' })
  expect(readInvitation(`ada/${secret}`, host, ends + 1).wrong).toBe('expired')
})

test('what is no whole link is refused', () => {
  const other = 'Ag' + secret.slice(2) // version 2
  for (const bad of ['', 'ada', 'ada/', `ada/${secret.slice(1)}`, `ada/${secret}A`, `Ada/${secret}`, `/${secret}`, `ada/${secret.replace('_', '+')}`, `ada/${other}`, `ada/x/${secret}`, `ada/${secret.slice(0, 44)}f_________${secret.slice(54)}`]) {
    expect(readInvitation(bad, host, 0), bad).toEqual({ fragment: '', handle: '', expires: 0, wrong: 'unreadable' })
  }
})

const words = Array.from({ length: 24 }, (_, i) => 'abcdefghijklmnopqrstuvwx'.charAt(i).repeat(3))

test('words are read as typed, numbered, and in the columns of a terminal', () => {
  expect(readWords(` ${words.join('\n')} `)).toEqual(words)
  expect(readWords(words.map((w) => w.toUpperCase()).join(', '))).toEqual(words)
  expect(readWords('Recovery sheet of ada@localhost:8440\nOn 22 November 2026\n\n' + words.map((w, i) => `${i + 1}. ${w}`).join('\n'))).toEqual(words)
  const rows = Array.from({ length: 6 }, (_, r) => [0, 6, 12, 18].map((c) => `${r + c + 1} ${words[r + c]}`).join('   '))
  expect(readWords(rows.join('\n'))).toEqual(words)
  expect(readWords('')).toEqual([])
  expect(readWords('one 2 three')).toEqual(['one', 'three'])
})
