// SPDX-License-Identifier: AGPL-3.0-or-later
// A language that is longer, in other letters, and runs right to left. The
// app is built once more for it (scripts/pseudo.mjs), and the server hands that
// out instead of its own, under the same policy and over the same vault.
import { expect, test, type Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { appear, narrow, overflowing, unfit, wide } from './look'
import { Person } from './person'
import { Server } from './server'

const web = new URL('../', import.meta.url).pathname
const made = web + 'test-results/pseudo/dist'
const shots = web + 'shots/'
const wrong: string[] = []

/** `own`: all words on it are the app's own, none the server's or the core's. */
async function look(page: Page, name: string, own = true): Promise<void> {
  mkdirSync(shots, { recursive: true })
  expect(await page.evaluate(() => document.documentElement.dir)).toBe('rtl')
  for (const size of [wide, narrow, { width: 320, height: 640 }]) {
    await page.setViewportSize(size)
    await appear(page, 'light')
    if (size.width > 320) await page.screenshot({ path: `${shots}${name}-${size.width}-light.png`, animations: 'disabled' })
    for (const w of [...(await overflowing(page)), ...(await unfit(page))]) wrong.push(`${name}, ${size.width} px: ${w}`)
  }
  await page.setViewportSize(wide)
  if (!own) return
  // Whatever is still in Latin letters did not come from the catalogue.
  const latin = await page.evaluate(() => {
    const found: string[] = []
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walk.nextNode()) {
      const n = walk.currentNode
      if (!n.parentElement?.closest('noscript, code, .code, kbd, bdi, [data-message], time, dd, input, [aria-hidden]')) found.push(...(n.nodeValue?.match(/[A-Za-z]{3,}/g) ?? []))
    }
    return found
  })
  const known = /^(ada|omar|Lin|Iceland|example|org|November|Clarion|Sun|Mon|Tue|Wed|Thu|Fri|Sat|[A-Z][a-z]+day)$/
  for (const w of latin) if (!known.test(w)) wrong.push(`${name}: “${w}” is not in the catalogue`)
}

test('a language of other letters that runs right to left', async ({ browser }) => {
  execFileSync('node', ['scripts/pseudo.mjs'], { cwd: web })
  const server = await Server.start()
  const ada = await Person.arrive(browser, server, 'ada', { serviceWorkers: 'block' })
  const omar = await Person.arrive(browser, server, 'omar', { serviceWorkers: 'block' })
  for (const p of [ada, omar]) p.watch.expected.push(/Service Worker registration blocked by Playwright/)
  try {
    await ada.open()
    await ada.register()
    await ada.ready()
    const link = await ada.invite()
    await omar.open(link.slice(server.url.length))
    await omar.register()
    await omar.go('ada')
    await omar.say('Tea at four?')
    await ada.go('omar')
    await ada.reads('Tea at four?')
    await ada.say('At five, by the harbour. Bring the long rope and both of the lamps, it will be dark by then.')

    const page = ada.page
    await omar.page.close()
    await server.stop()
    await server.again('--app', made)
    await page.reload()
    await expect(page.locator('html')).toHaveAttribute('dir', 'rtl')
    const row = page.getByRole('navigation').getByRole('listitem').getByRole('button').filter({ hasText: 'omar' })
    await expect(page.getByRole('navigation').getByText(server.host), 'online again').toBeVisible({ timeout: 60_000 })
    await row.click()
    await expect(page.locator('[data-message]')).toHaveCount(2)
    const [side, content] = [await page.getByRole('navigation').boundingBox(), await page.locator('main').boundingBox()]
    expect(side?.x ?? 0, 'the list is on the right').toBeGreaterThan(content?.x ?? 0)
    await look(page, '50-rtl-conversation')
    await page.locator('main header button[aria-pressed]').first().click()
    await expect(page.getByRole('complementary')).toBeVisible()
    await look(page, '51-rtl-person')
    await page.keyboard.press('Escape')
    await page.getByRole('navigation').locator('header button').click()
    await expect(page.getByRole('dialog')).toBeVisible()
    await look(page, '52-rtl-new')
    await page.keyboard.press('Escape')
    await page.getByRole('navigation').locator('footer button').last().click()
    await expect(page.locator('[data-section="knows"]')).toBeVisible()
    await look(page, '53-rtl-settings', false)

    const lin = await Person.arrive(browser, server, 'lin', { serviceWorkers: 'block' })
    lin.watch.expected.push(/Service Worker registration blocked by Playwright/)
    await lin.open()
    await expect(lin.page.locator('main.wide h1')).toBeVisible()
    await look(lin.page, '54-rtl-first-run', false)
    await lin.leave()
    expect(wrong).toEqual([])
  } finally {
    await omar.leave()
    await ada.leave()
    await server.close()
  }
})
