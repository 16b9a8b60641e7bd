// SPDX-License-Identifier: AGPL-3.0-or-later
// The words of a recovery sheet as people paste and type them.

/** How many words a sheet has. */
export const sheetWords = 24

/**
 * readWords takes the words out of what was pasted. Where every word bears its
 * number, as on a sheet that was saved or printed in columns, the numbers give
 * the order and what stands around them is no word; a date above them loses
 * to the word of its number.
 */
export function readWords(text: string): string[] {
  const numbered = new Map<number, string>()
  for (const [, n, word] of text.matchAll(/(?<![\w.])(\d{1,2})[.)]?\s+([A-Za-z]+)/g)) {
    const place = Number(n)
    if (place >= 1 && place <= sheetWords && word) numbered.set(place, word.toLowerCase())
  }
  if (numbered.size === sheetWords) return Array.from({ length: sheetWords }, (_, i) => numbered.get(i + 1) ?? '')
  return text.toLowerCase().split(/[^a-z]+/).filter(Boolean)
}
