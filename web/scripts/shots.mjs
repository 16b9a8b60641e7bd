// SPDX-License-Identifier: AGPL-3.0-or-later
// Writes shots/index.html, by which a person leafs through the photographs
// that the tests took: a row per screen, both widths, both appearances.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'

const folder = new URL('../shots/', import.meta.url).pathname
if (!existsSync(folder)) throw new Error('there are no photographs: run the browser tests')
const files = readdirSync(folder).filter((f) => f.endsWith('.png')).sort()
const screens = [...new Set(files.map((f) => f.replace(/-\d+-(light|dark)\.png$/, '')))]
const picture = (f) => (files.includes(f) ? `<a href="${f}"><img src="${f}" alt="${f}" loading="lazy"></a>` : '')
const rows = screens.map(
  (s) => `<section id="${s}"><h2>${s}</h2><div>${['1280-light', '1280-dark', '390-light', '390-dark'].map((k) => picture(`${s}-${k}.png`)).join('')}</div></section>`,
)
writeFileSync(
  folder + 'index.html',
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Clarion's screens</title>
<style>body{font:15px system-ui;margin:2rem;background:#888}div{display:flex;gap:1rem;overflow-x:auto;align-items:start}img{height:420px;border-radius:6px}h2{font-size:15px}</style>
<h1>Clarion's screens</h1>${rows.join('\n')}</html>\n`,
)
console.log(`${folder}index.html: ${files.length} photographs of ${screens.length} screens`)
