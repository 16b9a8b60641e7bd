// SPDX-License-Identifier: AGPL-3.0-or-later
// Words of a screen that stand in no catalogue: text nodes and the attributes
// that people read or hear, written out in a component.
import { parse } from 'svelte/compiler'

const heard = new Set(['aria-label', 'aria-description', 'title', 'placeholder', 'alt', 'label', 'hint', 'name'])
/** Components and elements on which `name` is not read to anybody. */
const unheardNames = new Set(['input', 'form', 'meta', 'slot'])
/** Not words: signs, and keys as they are printed on keyboards. */
const notWords = /^[\s\d\p{P}\p{S}]*$|^(Ctrl|Alt|Shift|Enter|Esc|[A-Z]|↑|↓|[\s/,+])+$/u

interface Node {
  type: string
  name?: string
  data?: string
  start: number
  attributes?: Node[]
  value?: unknown
  [key: string]: unknown
}

/** uncatalogued lists them, each with its line. */
export function uncatalogued(source: string): string[] {
  const found: string[] = []
  const say = (at: number, text: string) => found.push(`${source.slice(0, at).split('\n').length}: ${text.trim()}`)
  const walk = (n: unknown): void => {
    if (Array.isArray(n)) return n.forEach(walk)
    if (typeof n !== 'object' || n === null) return
    const node = n as Node
    if (node.name === 'code' || node.name === 'kbd') return // commands and keys are the same in every language
    if (node.type === 'Text' && node.data !== undefined && !notWords.test(node.data)) say(node.start, node.data)
    for (const [key, value] of Object.entries(node)) {
      if (key === 'attributes') {
        for (const a of node.attributes ?? []) {
          const parts = Array.isArray(a.value) ? (a.value as Node[]) : []
          const isHeard = a.type === 'Attribute' && heard.has(a.name ?? '') && !(a.name === 'name' && unheardNames.has(node.name ?? ''))
          for (const p of parts) {
            if (p.type === 'Text' && isHeard && !notWords.test(p.data ?? '')) say(p.start, `${a.name}="${p.data}"`)
          }
        }
      } else if (key !== 'css' && key !== 'instance' && key !== 'module' && key !== 'expression') walk(value)
    }
  }
  walk(parse(source, { modern: true }).fragment)
  return found
}
