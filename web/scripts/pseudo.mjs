// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds the app once more for a test, in a language that nobody speaks: every
// message a third longer, in Hebrew letters, right to left. It shows what a
// translation would meet, and what does not pass through the catalogue.
// What it makes lies in test-results/pseudo and is in no release.
import { compile } from '@inlang/paraglide-js'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const web = new URL('../', import.meta.url).pathname
const made = join(web, 'test-results/pseudo')
rmSync(made, { recursive: true, force: true })
mkdirSync(join(made, 'messages/en'), { recursive: true })
mkdirSync(join(made, 'project.inlang'), { recursive: true })

const letters = 'אבגדהוזחטיכלמנסעפצקרשת'
const letter = (c) => letters[(c.toLowerCase().charCodeAt(0) - 97) % letters.length]

/** pseudo leaves what stands in braces as it is. */
const pseudo = (text) =>
  text.replaceAll(/\{[^}]*\}|[A-Za-z]+/g, (word) => (word[0] === '{' ? word : [...word].map(letter).join('') + letters.slice(0, Math.ceil(word.length / 3))))

/** Of a message with forms only the forms are words. */
const message = (value) => {
  if (typeof value === 'string') return pseudo(value)
  return value.map((v) => ({ ...v, match: Object.fromEntries(Object.entries(v.match).map(([k, text]) => [k, pseudo(text)])) }))
}

const files = readdirSync(join(web, 'messages/en'))
for (const f of files) {
  const catalogue = JSON.parse(readFileSync(join(web, 'messages/en', f), 'utf8'))
  const turned = Object.fromEntries(Object.entries(catalogue).map(([key, value]) => [key, key.startsWith('$') ? value : message(value)]))
  writeFileSync(join(made, 'messages/en', f), JSON.stringify(turned))
}
const settings = JSON.parse(readFileSync(join(web, 'project.inlang/settings.json'), 'utf8'))
settings.modules = ['../../node_modules/@inlang/plugin-message-format/dist/index.js']
writeFileSync(join(made, 'project.inlang/settings.json'), JSON.stringify(settings))
await compile({ project: join(made, 'project.inlang'), outdir: join(made, 'paraglide') })
const messages = join(made, 'paraglide/messages.js')
if (!/[א-ת]/.test(readdirSync(join(made, 'paraglide/messages')).map((f) => readFileSync(join(made, 'paraglide/messages', f), 'utf8')).join(''))) {
  throw new Error('the messages were not turned')
}

await build({
  root: web,
  configFile: join(web, 'vite.config.ts'),
  logLevel: 'error',
  plugins: [{ name: 'pseudo', enforce: 'pre', resolveId: (id) => (id.endsWith('/paraglide/messages.js') ? messages : null) }],
  build: { outDir: join(made, 'dist'), emptyOutDir: true },
})
const index = join(made, 'dist/index.html')
const html = readFileSync(index, 'utf8')
const turned = html.replace('<html lang="en" dir="ltr">', '<html lang="he" dir="rtl">')
if (turned === html) throw new Error('index.html has another beginning')
writeFileSync(index, turned)
