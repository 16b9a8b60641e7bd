// SPDX-License-Identifier: AGPL-3.0-or-later
// The little Markdown of a message, read into a tree that components draw:
// **bold**, _italic_, `code`, ```blocks```, > quotes, - lists and links. All
// else is text. Nothing here makes HTML. One pass, no backtracking: the work
// grows with the length of the text, whatever stands in it.
import { before, linkAt, type Link } from './links'

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'strong' | 'em'; inner: Inline[] }
  | { kind: 'code'; text: string; ticks: number }
  | Link

export type Block =
  | { kind: 'lines'; inner: Inline[] }
  | { kind: 'quote'; inner: Inline[] }
  | { kind: 'list'; items: Inline[][] }
  | { kind: 'code'; text: string }

type Mark = 'strong' | 'em'
type Token = { node: Inline } | { mark: Mark; opens: boolean; closes: boolean }

const signs: Record<Mark, string> = { strong: '**', em: '_' }
const space = /\s/u
const word = /[\p{L}\p{N}]/u
const fence = /^```[a-z0-9+#-]{0,20}\s*$/i

/** parse reads a message. */
export function parse(text: string): Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const fences = closingFences(lines)
  const blocks: Block[] = []
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? ''
    const close = fence.test(line) ? (fences[i] ?? -1) : -1
    if (close > i) {
      blocks.push({ kind: 'code', text: lines.slice(i + 1, close).join('\n') })
      i = close + 1
      continue
    }
    const kind = sort(line)
    let end = i + 1
    while (end < lines.length && sort(lines[end] ?? '') === kind && !((fences[end] ?? -1) > end)) end++
    blocks.push(block(kind, lines.slice(i, end)))
    i = end
  }
  return blocks.filter((b) => b.kind !== 'lines' || b.inner.length > 0)
}

// closingFences says for each line that may open a block where it is closed.
function closingFences(lines: string[]): number[] {
  const close = new Array<number>(lines.length).fill(-1)
  let next = -1
  for (let i = lines.length - 1; i >= 0; i--) {
    if (fence.test(lines[i] ?? '')) close[i] = next
    if (/^```\s*$/.test(lines[i] ?? '')) next = i
  }
  return close
}

function sort(line: string): 'quote' | 'list' | 'lines' {
  if (/^> ?\S/.test(line)) return 'quote'
  return /^- \S/.test(line) ? 'list' : 'lines'
}

function block(kind: 'quote' | 'list' | 'lines', lines: string[]): Block {
  if (kind === 'list') return { kind, items: lines.map((l) => inline(l.slice(2))) }
  const plain = kind === 'quote' ? lines.map((l) => l.replace(/^> ?/, '')) : blankTrimmed(lines)
  const inner: Inline[] = []
  for (const [n, line] of plain.entries()) {
    if (n > 0) pushText(inner, '\n')
    for (const node of inline(line)) push(inner, node)
  }
  return { kind, inner }
}

// Blank lines at the edges only part blocks.
function blankTrimmed(lines: string[]): string[] {
  let from = 0
  let to = lines.length
  while (from < to && (lines[from] ?? '').trim() === '') from++
  while (to > from && (lines[to - 1] ?? '').trim() === '') to--
  return lines.slice(from, to)
}

/** inline reads one line. */
export function inline(line: string): Inline[] {
  return resolve(tokens(line))
}

function tokens(line: string): Token[] {
  const list: Token[] = []
  const unclosed = new Set<number>() // runs of backticks that nothing closes further on
  let plain = 0
  const flush = (to: number) => {
    if (to > plain) list.push({ node: { kind: 'text', text: line.slice(plain, to) } })
  }
  for (let i = 0; i < line.length; ) {
    const found = special(line, i, unclosed)
    if (!found) {
      i++
      continue
    }
    flush(i)
    list.push(found.token)
    i += found.length
    plain = i
  }
  flush(line.length)
  return list
}

function special(line: string, i: number, unclosed: Set<number>): { token: Token; length: number } | null {
  const c = line[i]
  if (c === '`') return codeAt(line, i, unclosed)
  if (c === '*' && line[i + 1] === '*') return { token: markAt('strong', line, i), length: 2 }
  if (c === '_') return { token: markAt('em', line, i), length: 1 }
  if (c === 'h' || c === 'H') {
    const link = linkAt(line, i)
    if (link) return { token: { node: link }, length: link.text.length }
  }
  return null
}

function codeAt(line: string, i: number, unclosed: Set<number>): { token: Token; length: number } {
  let ticks = 1
  while (line[i + ticks] === '`') ticks++
  const asText = { token: { node: { kind: 'text', text: '`'.repeat(ticks) } } as Token, length: ticks }
  if (unclosed.has(ticks)) return asText
  for (let j = i + ticks; j < line.length; ) {
    if (line[j] !== '`') {
      j++
      continue
    }
    let run = 1
    while (line[j + run] === '`') run++
    if (run === ticks) {
      return { token: { node: { kind: 'code', text: line.slice(i + ticks, j), ticks } }, length: j + ticks - i }
    }
    j += run
  }
  unclosed.add(ticks)
  return asText
}

// An underscore inside a word is part of it: snake_case stays as it is.
function markAt(mark: Mark, line: string, i: number): Token {
  const left = i === 0 ? '' : before(line, i)
  const at = line.codePointAt(i + signs[mark].length)
  const right = at === undefined ? '' : String.fromCodePoint(at)
  const opens = right !== '' && !space.test(right) && (mark === 'strong' || !word.test(left))
  const closes = left !== '' && !space.test(left) && (mark === 'strong' || !word.test(right))
  return { mark, opens, closes }
}

// Each mark is open at most once, so the stack is never deeper than two.
function resolve(list: Token[]): Inline[] {
  const root: Inline[] = []
  const open: { mark: Mark; inner: Inline[] }[] = []
  const top = () => open.at(-1)?.inner ?? root
  const unwind = () => {
    const o = open.pop()
    if (!o) return
    pushText(top(), signs[o.mark])
    for (const n of o.inner) push(top(), n)
  }
  for (const t of list) {
    if ('node' in t) {
      push(top(), t.node)
      continue
    }
    const opened = open.findIndex((o) => o.mark === t.mark)
    if (opened >= 0 && t.closes && (open[opened]?.inner.length || opened < open.length - 1)) {
      while (open.length > opened + 1) unwind()
      const inner = open.pop()?.inner ?? []
      top().push({ kind: t.mark, inner })
    } else if (opened < 0 && t.opens) {
      open.push({ mark: t.mark, inner: [] })
    } else {
      pushText(top(), signs[t.mark])
    }
  }
  while (open.length > 0) unwind()
  return root
}

function push(list: Inline[], node: Inline): void {
  if (node.kind === 'text') pushText(list, node.text)
  else list.push(node)
}

function pushText(list: Inline[], text: string): void {
  const last = list.at(-1)
  if (last?.kind === 'text') last.text += text
  else if (text !== '') list.push({ kind: 'text', text })
}

/** source writes a line back as it stood. */
export function source(list: Inline[]): string {
  return list
    .map((n) => {
      switch (n.kind) {
        case 'text':
        case 'link':
          return n.text
        case 'code':
          return '`'.repeat(n.ticks) + n.text + '`'.repeat(n.ticks)
        default:
          return signs[n.kind] + source(n.inner) + signs[n.kind]
      }
    })
    .join('')
}
