// SPDX-License-Identifier: AGPL-3.0-or-later
import { expect, test } from '@playwright/test'
import { linkAt } from '../src/text/links'
import { inline, parse, source, type Inline } from '../src/text/markdown'

const text = (s: string): Inline => ({ kind: 'text', text: s })

test('marks', () => {
  expect(inline('a **b** c')).toEqual([text('a '), { kind: 'strong', inner: [text('b')] }, text(' c')])
  expect(inline('_a_ and **b _c_**')).toEqual([
    { kind: 'em', inner: [text('a')] },
    text(' and '),
    { kind: 'strong', inner: [text('b '), { kind: 'em', inner: [text('c')] }] },
  ])
  expect(inline('`a **b**`')).toEqual([{ kind: 'code', text: 'a **b**', ticks: 1 }])
})

test('what is no mark stays text', () => {
  for (const s of ['snake_case_name', '2 ** 3 ** 4', '**', '****', '__', '_', '` alone', '**open', 'a * b * c', '<b>no</b>', '[a](javascript:alert(1))', '&amp;']) {
    expect(inline(s), s).toEqual([text(s)])
  }
})

test('blocks', () => {
  expect(parse('> one\n> two\nafter')).toEqual([
    { kind: 'quote', inner: [text('one\ntwo')] },
    { kind: 'lines', inner: [text('after')] },
  ])
  expect(parse('- a\n- **b**')).toEqual([{ kind: 'list', items: [[text('a')], [{ kind: 'strong', inner: [text('b')] }]] }])
  expect(parse('x\n```go\nif **a** {\n\n}\n```\ny')).toEqual([
    { kind: 'lines', inner: [text('x')] },
    { kind: 'code', text: 'if **a** {\n\n}' },
    { kind: 'lines', inner: [text('y')] },
  ])
  expect(parse('```\nnever closed')).toEqual([{ kind: 'lines', inner: [text('```\nnever closed')] }])
  expect(parse('a\n\nb')).toEqual([{ kind: 'lines', inner: [text('a\n\nb')] }])
  expect(parse('')).toEqual([])
})

test('links end where they end', () => {
  const links = (list: Inline[]): string[] => list.flatMap((n) => (n.kind === 'link' ? [n.text] : 'inner' in n ? links(n.inner) : []))
  const of = (s: string) => links(inline(s))
  expect(of('see https://clarion.example/a_b_c. Then')).toEqual(['https://clarion.example/a_b_c'])
  expect(of('(https://clarion.example/a_(b))')).toEqual(['https://clarion.example/a_(b)'])
  expect(of('**https://clarion.example/x**')).toEqual(['https://clarion.example/x'])
  expect(of('xhttps://clarion.example')).toEqual([])
  expect(of('javascript:alert(1) data:text/html,x ftp://a.example')).toEqual([])
  expect(of('https:// http://')).toEqual([])
})

test('a link that could mislead shows its true host', () => {
  const host = (s: string) => linkAt(s, 0)?.host
  expect(host('https://clarion.example/a')).toBeNull()
  expect(host('HTTPS://Clarion.Example/a')).toBeNull()
  expect(host('https://bank.example@evil.example/')).toBe('evil.example')
  expect(host('https://bank.example:secret@evil.example:8443/')).toBe('evil.example:8443')
  expect(host('https://\u0430pple.example/')).toBe('xn--pple-43d.example')
  expect(host('https://bank。example/')).toBe('bank.example')
  expect(host('http://2130706433/')).toBe('127.0.0.1')
  // What turns the rest of a line around ends the link before it.
  expect(linkAt('https://evil.example/\u202Emoc.knab', 0)?.text).toBe('https://evil.example/')
})

// A small generator with a seed, so that what fails can be run again.
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const pieces = ['*', '**', '_', '`', '``', '```', '\n', '> ', '- ', ' ', 'a', 'b_c', 'é', '👩‍🚀', '\u202E', '\uD800', 'https://', 'http://a.example/_x_', '@', '(', ')', '<', '&', '\t', '.']

function write(next: () => number): string {
  let s = ''
  for (let n = Math.floor(next() * 40); n > 0; n--) s += pieces[Math.floor(next() * pieces.length)]
  return s
}

test('any text: a line is kept whole, links are http, nothing is invented', () => {
  const seed = Number(process.env.CLARION_SEED ?? Date.now() % 2 ** 31)
  console.log(`CLARION_SEED=${seed}`)
  const next = random(seed)
  // A plain check: expect keeps a record of each of its million calls.
  const hold = (it: boolean, what: string) => {
    if (!it) throw new Error(what)
  }
  for (let round = 0; round < 5000; round++) {
    const s = write(next)
    const quoted = JSON.stringify(s)
    for (const line of s.split('\n')) hold(source(inline(line)) === line, `${JSON.stringify(line)} is not kept`)
    const walk = (list: Inline[], depth: number): string => {
      hold(depth < 4, `${quoted} is too deep`)
      return list
        .map((n) => {
          if (n.kind === 'link') hold(/^https?:$/.test(new URL(n.href).protocol), `${quoted} links to ${n.href}`)
          return 'inner' in n ? walk(n.inner, depth + 1) : n.text
        })
        .join('')
    }
    const shown = parse(s)
      .map((b) => (b.kind === 'code' ? b.text : b.kind === 'list' ? b.items.map((i) => walk(i, 0)).join('') : walk(b.inner, 0)))
      .join('')
    let at = 0
    for (const c of shown.split('')) {
      at = s.indexOf(c, at)
      hold(at >= 0, `${quoted} has no ${JSON.stringify(c)} there`)
      at++
    }
    const bare = (t: string) => t.replace(/[*_`\s>-]/g, '')
    hold(bare(shown) === bare(s), `${quoted} is shown as ${JSON.stringify(shown)}`)
  }
})

test('the longest message of any one sign is read at once', () => {
  for (const p of [...pieces, '**a ', '_a ', '`a ``b ', '```\n', '> **\n', 'https://a.example/(((', '- _\n']) {
    const s = p.repeat(Math.ceil(16000 / p.length))
    const before = performance.now()
    parse(s)
    // Two hundred times what it takes; a square of the length takes far longer.
    expect(performance.now() - before, JSON.stringify(p)).toBeLessThan(1500)
  }
})
