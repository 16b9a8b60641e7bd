// SPDX-License-Identifier: AGPL-3.0-or-later
// What is built, held to its budgets and rules, and how the first screen
// loads. Every rule here is first tried on something that breaks it.
import { expect, test } from '@playwright/test'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'
import { uncatalogued } from './catalogue'
import { appear, overflowing, unfit } from './look'
import { Person } from './person'
import { Server } from './server'
import { shift, Watch } from './watch'

const web = new URL('../', import.meta.url).pathname
const dist = web + 'dist/'

/** Budgets in bytes as they travel: brotli for text, as they are for fonts. */
const budgets = { js: 60_000, css: 12_000, font: 55_000, core: 1_500_000, call: 170_000 }
type Kind = Exclude<keyof typeof budgets, 'call'>

const kindOf = (path: string): Kind | null => {
  if (path.endsWith('.js')) return 'js'
  if (path.endsWith('.css')) return 'css'
  if (path.endsWith('.woff2')) return 'font'
  return path.endsWith('.wasm') ? 'core' : null
}

/** travels is how many bytes of a file pass the network. */
const travels = (path: string): number => statSync(existsSync(dist + path + '.br') ? dist + path + '.br' : dist + path).size

/** sums adds the files of a first load up by kind. The core's own programs,
 *  the worker with its loader, count with the core. */
function sums(paths: string[], size: (path: string) => number = travels): Record<Kind, number> {
  const all: Record<Kind, number> = { js: 0, css: 0, font: 0, core: 0 }
  for (const p of new Set(paths)) {
    const kind = /(^|\/)(worker|wasm_exec)[-.]/.test(p) ? 'core' : kindOf(p)
    if (kind) all[kind] += size(p)
  }
  return all
}

const over = (got: Record<Kind, number>): string[] =>
  (Object.keys(got) as Kind[]).filter((k) => got[k] > budgets[k]).map((k) => `${k}: ${got[k]} of ${budgets[k]} bytes`)

const components = (folder = web + 'src/'): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((f) => (f.isDirectory() ? components(`${folder}${f.name}/`) : f.name.endsWith('.svelte') ? [folder + f.name] : []))

test('the first load is within its budgets', async ({ browser }) => {
  expect(over(sums(['a.js'], () => budgets.js + 1)), 'control').toHaveLength(1)
  expect(over(sums(['a.js', 'b.css'], () => 12_001)), 'control').toEqual(['css: 12001 of 12000 bytes'])

  const server = await Server.start()
  const context = await browser.newContext({ serviceWorkers: 'block' })
  try {
    const page = await context.newPage()
    const paths: string[] = []
    context.on('request', (r) => paths.push(new URL(r.url()).pathname.slice(1)))
    await page.goto(server.url)
    await expect(page.getByRole('heading', { level: 1, name: 'Lin runs this server' })).toBeVisible()
    await page.evaluate(() => document.fonts.ready.then(() => undefined))
    const got = sums(paths)
    console.log(`first load: ${JSON.stringify(got)}`)
    expect(Object.values(got).filter((n) => n === 0), `nothing of some kind was seen: ${paths.join(' ')}`).toHaveLength(got.core ? 0 : 1)
    expect(over(got)).toEqual([])
  } finally {
    await context.close()
    await server.close()
  }
})

test('the core is within its budget', () => {
  const core = readdirSync(dist + 'assets').filter((f) => f.endsWith('.wasm')).map((f) => `assets/${f}`)
  expect(core).toHaveLength(1)
  expect(existsSync(dist + core[0] + '.br'), 'the core travels compressed').toBe(true)
  console.log(`core: ${travels(core[0] ?? '')} bytes in brotli`)
  expect(over(sums(core))).toEqual([])
})

/** needs lists a part of the app and all that it cannot begin without. */
function needs(part: RegExp, all = new Set<string>()): Set<string> {
  const files = readdirSync(dist + 'assets').filter((f) => f.endsWith('.js'))
  const add = (file: string): void => {
    if (all.has(file)) return
    all.add(file)
    for (const [, other] of readFileSync(`${dist}assets/${file}`, 'utf8').matchAll(/(?:from|import)"\.\/([^"]+)"/g)) add(other ?? '')
  }
  files.filter((f) => part.test(f)).forEach(add)
  return all
}

test('what a call is made of comes with the first call, and is within its budget', () => {
  const before = needs(/^Main-/)
  const call = [...needs(/^(Talk|Before)-/)].filter((f) => !before.has(f))
  expect(before.size, 'control').toBeGreaterThan(3)
  expect(call.length, 'control').toBeGreaterThan(1)
  expect(call.filter((f) => readFileSync(`${dist}assets/${f}`, 'utf8').includes('RTCPeerConnection'))).toHaveLength(1)
  expect([...before].filter((f) => readFileSync(`${dist}assets/${f}`, 'utf8').includes('RTCPeerConnection'))).toEqual([])
  const size = call.reduce((sum, f) => sum + travels(`assets/${f}`), 0)
  console.log(`call: ${size} bytes in brotli`)
  expect(size).toBeLessThanOrEqual(budgets.call)
})

test('what travels compressed is the file it stands beside', () => {
  const js = readdirSync(dist + 'assets').filter((f) => f.endsWith('.js'))
  expect(js.length).toBeGreaterThan(1)
  for (const f of js) expect(brotliCompressSync(readFileSync(`${dist}assets/${f}`)).length).toBeGreaterThan(travels(`assets/${f}`) / 2)
})

test('every word of every screen stands in the catalogue', () => {
  expect(uncatalogued('<p>Hello</p>'), 'control').toEqual(['1: Hello'])
  expect(uncatalogued('<p>{x}</p>\n<Field label="Name" />'), 'control').toEqual(['2: label="Name"'])
  expect(uncatalogued('{#if a}<b>no {x}</b>{/if}'), 'control').toEqual(['1: no'])
  expect(uncatalogued('<input name="days" /><p class="small">{x}: · </p><code>clarion listen</code>'), 'control').toEqual([])
  const all = components()
  expect(all.length).toBeGreaterThan(40)
  expect(all.flatMap((f) => uncatalogued(readFileSync(f, 'utf8')).map((w) => `${f.slice(web.length)}:${w}`))).toEqual([])
})

test('the catalogue is whole and sorted', () => {
  const seen = new Map<string, string>()
  const wrong: string[] = []
  const settings = JSON.parse(readFileSync(web + 'project.inlang/settings.json', 'utf8')) as { 'plugin.inlang.messageFormat': { pathPattern: string[] } }
  const listed = settings['plugin.inlang.messageFormat'].pathPattern.map((p) => p.replace('./messages/{locale}/', ''))
  const files = readdirSync(web + 'messages/en')
  expect(listed.toSorted()).toEqual(files.toSorted())
  for (const f of files) {
    const keys = Object.keys(JSON.parse(readFileSync(`${web}messages/en/${f}`, 'utf8')) as object)
    if (keys.join() !== keys.toSorted().join()) wrong.push(`${f} is not sorted`)
    for (const k of keys) {
      if (!/^[a-z][a-z0-9_]*$/.test(k)) wrong.push(`${f}: ${k} is not snake_case`)
      if (seen.has(k)) wrong.push(`${k} stands in ${f} and in ${seen.get(k)}`)
      seen.set(k, f)
    }
  }
  expect(wrong).toEqual([])
})

test('the gates of the browser find what they look for', async ({ browser }) => {
  const server = await Server.start()
  const context = await browser.newContext()
  try {
    const watch = new Watch(context, () => server.url)
    await watch.policy(context)
    const page = await context.newPage()
    await page.goto(server.url)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await appear(page, 'light')
    expect(await unfit(page)).toEqual([])
    expect(await overflowing(page)).toEqual([])
    expect(watch.seen).toEqual([])

    await page.evaluate(() => {
      const p = document.createElement('p')
      p.textContent = 'too faint and too wide'
      p.style.color = '#ddd'
      p.style.inlineSize = '5000px'
      document.querySelector('main')?.append(p)
      const image = document.createElement('img')
      image.src = 'https://elsewhere.example/x.png'
      document.querySelector('main')?.append(image)
      console.error('words')
    })
    expect((await unfit(page)).join()).toMatch(/color-contrast.*image-alt|image-alt.*color-contrast/s)
    expect((await overflowing(page)).join()).toMatch(/scrolls to the side/)
    await expect.poll(() => watch.seen.join('\n')).toMatch(/console error: words/)
    await expect.poll(() => watch.seen.join('\n')).toMatch(/policy: img-src https:\/\/elsewhere\.example/)
    const other = new Watch(context, () => 'http://another')
    await page.reload()
    await expect.poll(() => other.seen.join('\n')).toMatch(/request to http:\/\/127/)
  } finally {
    await context.close()
    await server.close()
  }
})

test('nothing moves while the first screen comes', async ({ browser }) => {
  const server = await Server.start()
  try {
    for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 844 }]) {
      const lin = await Person.arrive(browser, server, 'lin', { viewport })
      await lin.open()
      await expect(lin.page.getByRole('heading', { name: 'What this server will hold about you' })).toBeVisible()
      await lin.page.evaluate(() => document.fonts.ready.then(() => undefined))
      const { sum, what } = await shift(lin.page)
      console.log(`layout shift at ${viewport.width} px: ${sum}`)
      expect(sum, what.join('\n')).toBeLessThanOrEqual(0.02)

      await lin.page.evaluate(() => {
        const block = document.createElement('div')
        block.style.blockSize = '300px'
        document.querySelector('#app')?.prepend(block)
      })
      await expect.poll(async () => (await shift(lin.page)).sum, { message: 'control' }).toBeGreaterThan(0.02)
      await lin.leave()
    }
  } finally {
    await server.close()
  }
})
