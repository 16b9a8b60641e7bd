// SPDX-License-Identifier: AGPL-3.0-or-later
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { defineConfig } from 'vite'
import { emoji } from './scripts/emoji.js'

// The core is built before the page (`go run ./scripts/core`); the page's own
// loader refuses any other bytes than these.
const core = readFileSync(new URL('./dist-core/clarion.wasm', import.meta.url))
const coreHash = createHash('sha256').update(core).digest('hex')

export default defineConfig({
  plugins: [svelte(), emoji()],
  publicDir: 'public',
  define: { __CORE_SHA256__: JSON.stringify(coreHash) },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the CSP knows no data: but for pictures
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: { index: 'index.html', sw: 'src/sw.ts' },
      // A service worker has the folder it lies in as its realm.
      output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
})
