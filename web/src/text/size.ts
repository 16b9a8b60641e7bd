// SPDX-License-Identifier: AGPL-3.0-or-later

/** The longest text of one message, in bytes of UTF-8 (client/message.go). */
export const maxText = 16000

/** bytes is the length of a text in bytes of UTF-8, as it travels. */
export function bytes(text: string): number {
  let n = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x80) n += 1
    else if (c < 0x800) n += 2
    else if (c >= 0xd800 && c < 0xdc00 && isLow(text.charCodeAt(i + 1))) {
      n += 4
      i++
    } else n += 3
  }
  return n
}

const isLow = (c: number) => c >= 0xdc00 && c < 0xe000
