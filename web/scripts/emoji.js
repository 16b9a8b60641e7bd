// SPDX-License-Identifier: AGPL-3.0-or-later
// The picker's data, reduced while building to what it shows: one line for
// each group, of "emoji name" pairs. Fetched when the picker opens first.
import { readFileSync } from 'node:fs'

const source = new URL('../node_modules/unicode-emoji-json/data-by-group.json', import.meta.url)
const id = 'virtual:emoji'

/** reduce gives [group, [emoji, name, emoji, name, …]] for each group. */
export function reduce() {
  return JSON.parse(readFileSync(source, 'utf8')).map((g) => [g.slug, g.emojis.flatMap((e) => [e.emoji, e.name])])
}

/** emoji is the plugin that provides `virtual:emoji`. */
export function emoji() {
  return {
    name: 'clarion-emoji',
    resolveId: (wanted) => (wanted === id ? '\0' + id : undefined),
    load: (wanted) => (wanted === '\0' + id ? `export default ${JSON.stringify(reduce())}` : undefined),
  }
}
