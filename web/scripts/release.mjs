// SPDX-License-Identifier: AGPL-3.0-or-later
// After vite: names the release by its own files, tells the service worker
// what to keep, and puts a brotli form beside each file.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname

const files = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((f) => (f.isDirectory() ? files(join(dir, f.name)) : [join(dir, f.name)]))

const all = files(dist).filter((f) => !f.endsWith('.br') && !f.endsWith('.keep')).sort()
const paths = all.map((f) => '/' + relative(dist, f)).filter((p) => p !== '/sw.js')
const kept = paths.map((p) => (p === '/index.html' ? '/' : p))

const hash = createHash('sha256')
for (const f of all) hash.update(relative(dist, f)).update('\0').update(readFileSync(f))
const release = hash.digest('hex').slice(0, 16)

const sw = join(dist, 'sw.js')
const text = readFileSync(sw, 'utf8')
const words = JSON.parse(readFileSync(new URL('../messages/en/common.json', import.meta.url), 'utf8'))
const offline = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${words.app_name}</title><h1>${words.app_name}</h1><p>${words.offline_page}</p></html>`
const filled = { __FILES__: kept, __RELEASE__: release, __OFFLINE__: offline }
for (const place of Object.keys(filled)) if (!text.includes(place)) throw new Error(`sw.js has no place for ${place}`)
writeFileSync(sw, Object.entries(filled).reduce((t, [place, value]) => t.replaceAll(place, () => JSON.stringify(value)), text))

// The core comes compressed already, which takes longer than all the rest.
const packedCore = new URL('../dist-core/clarion.wasm.br', import.meta.url)
const packed = existsSync(packedCore) ? readFileSync(packedCore) : Buffer.alloc(0)
const unpacked = packed.length ? brotliDecompressSync(packed) : packed

for (const f of all) {
  if (f.endsWith('.wasm') && readFileSync(f).equals(unpacked)) {
    writeFileSync(f + '.br', packed)
    continue
  }
  if (/\.(woff2|png)$/.test(f)) continue // compressed as they are
  const small = brotliCompressSync(readFileSync(f), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: statSync(f).size },
  })
  writeFileSync(f + '.br', small)
}
console.log(`release ${release}: ${paths.length} files`)
