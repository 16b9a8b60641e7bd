// SPDX-License-Identifier: AGPL-3.0-or-later
// Links in what people wrote: http and https only, found, never fetched. The
// shown text of a link is what was written; where that could mislead about
// where it leads, the true host stands beside it.

export interface Link {
  kind: 'link'
  /** As the browser resolves it; always http: or https:. */
  href: string
  /** As it was written. */
  text: string
  /** The true host, where the written one could be taken for another. */
  host: string | null
}

// A link ends at white space, at what quotes it, and at any control or format
// character: those change how the rest is drawn, not where it leads.
const start = /https?:\/\/[^\s<>"`\p{Cc}\p{Cf}\p{Co}\p{Cn}]+/iuy
const word = /[\p{L}\p{N}_]/u
const trailing = /[.,;:!?'*_…’”»]/u
const pairs: Record<string, string> = { ')': '(', ']': '[', '}': '{' }

/** linkAt reads the link that begins at a place, or null. */
export function linkAt(text: string, at: number): Link | null {
  if (at > 0 && word.test(before(text, at))) return null
  start.lastIndex = at
  const found = start.exec(text)?.[0]
  if (!found) return null
  const written = trim(found)
  let url: URL
  try {
    url = new URL(written)
  } catch {
    return null
  }
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return null
  const literal = /^https?:\/\/([^/?#\\]*)/i.exec(written)?.[1] ?? ''
  return { kind: 'link', href: url.href, text: written, host: literal.toLowerCase() === url.host ? null : url.host }
}

/** before is the character that ends at a place, whole. */
export function before(text: string, at: number): string {
  const low = text.charCodeAt(at - 1)
  const half = low >= 0xdc00 && low <= 0xdfff && at > 1
  return text.slice(half ? at - 2 : at - 1, at)
}

// A sentence's own punctuation after a link is not part of it; a bracket is
// when it was opened within.
function trim(found: string): string {
  const open: Record<string, number> = {}
  for (const c of found) if (c in pairs || '([{'.includes(c)) open[c] = (open[c] ?? 0) + 1
  let end = found.length
  for (; end > 0; end--) {
    const c = found[end - 1] ?? ''
    const opener = pairs[c]
    if (opener) {
      if ((open[opener] ?? 0) >= (open[c] ?? 0)) break
      open[c] = (open[c] ?? 0) - 1
    } else if (!trailing.test(c)) break
  }
  return found.slice(0, end)
}
