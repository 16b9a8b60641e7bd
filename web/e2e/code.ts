// SPDX-License-Identifier: AGPL-3.0-or-later
// Codes to scan: those of a screen, and pictures and films of them.
import type { Locator } from '@playwright/test'

/** A code's modules by rows, true for dark, with its quiet border. */
export type Modules = boolean[][]

/** modules reads a code off a screen, from the path that draws it. */
export async function modules(code: Locator): Promise<Modules> {
  const { side, path } = await code.evaluate((svg) => ({ side: Number(svg.getAttribute('viewBox')?.split(' ')[2]), path: svg.querySelector('path')?.getAttribute('d') ?? '' }))
  const dark = new Set([...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map((m) => `${m[1]} ${m[2]}`))
  return Array.from({ length: side }, (_, y) => Array.from({ length: side }, (_, x) => dark.has(`${x} ${y}`)))
}

/** film is what a camera sees that is held before the code: a few frames of
 *  YUV4MPEG2, 640 by 480, the code in the middle of a grey wall. */
export function film(code: Modules): Buffer {
  const [width, height] = [640, 480]
  const scale = Math.floor((height - 40) / code.length)
  const [left, top] = [(width - code.length * scale) >> 1, (height - code.length * scale) >> 1]
  const luma = Buffer.alloc(width * height, 150)
  for (const [y, row] of code.entries()) {
    for (const [x, dark] of row.entries()) {
      for (let line = 0; line < scale; line++) {
        const at = (top + y * scale + line) * width + left + x * scale
        luma.fill(dark ? 16 : 235, at, at + scale)
      }
    }
  }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((width * height) / 2, 128)])
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420\n`), frame, frame, frame])
}
