// SPDX-License-Identifier: AGPL-3.0-or-later

/** plain folds case and accents away, so that "Émile" is found by "emi". */
export const plain = (s: string): string => s.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()

/** matches reports whether each word of a query begins or stands in a text. */
export function matches(query: string, ...texts: string[]): boolean {
  const all = plain(texts.join(' '))
  return plain(query)
    .split(/\s+/)
    .every((word) => all.includes(word))
}
