// SPDX-License-Identifier: AGPL-3.0-or-later
// Two releases of the app, and none: an update under open tabs, a server that
// is gone, what is kept that is damaged, a browser without service workers.
import { expect, test, type BrowserContext, type Page } from '@playwright/test'
import { Person } from './person'
import { Releases } from './releases'
import { Server } from './server'
import { Tab } from './tabs'

let server: Server
let releases: Releases
let omar: Person
let link: string
const contexts: BrowserContext[] = []

test.beforeEach(async ({ browser }) => {
  server = await Server.start()
  releases = await Releases.start()
  omar = await Person.arrive(browser, server, 'omar')
  await omar.open()
  await omar.register()
  await omar.ready()
  link = await omar.invite()
})
test.afterEach(async () => {
  for (const c of contexts.splice(0)) await c.close()
  await omar.context.close()
  await releases.close()
  await server.close()
})

async function adaWith(browser: Parameters<typeof Person.arrive>[0], options: Parameters<typeof Person.arrive>[3]): Promise<Person> {
  const ada = await Person.arrive(browser, server, 'ada', { ...options, proxy: releases.proxy })
  contexts.push(ada.context)
  await ada.open(link.slice(server.url.length))
  await ada.register()
  await ada.go('omar')
  await ada.say('before')
  await omar.go('ada')
  await omar.reads('before')
  return ada
}

const entry = (p: Page): Promise<string> => p.locator('script[type=module]').first().getAttribute('src').then((s) => s ?? '')
const news = (p: Page) => p.getByText('A newer Clarion is here.')

test('an update under two open tabs: parts of the old release still come, then both renew and nothing is lost', async ({ browser }) => {
  const ada = await adaWith(browser, {})
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  await expect.poll(() => ada.page.evaluate(() => navigator.serviceWorker.controller !== null), { message: 'the first page is taken in care' }).toBe(true)
  const other = await Tab.open(ada.context, server)
  await other.go('omar')

  releases.second = true
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then((r) => r.update()).then(() => undefined))
  for (const p of [ada.page, other.page]) await expect(news(p)).toBeVisible({ timeout: 60_000 })

  await other.page.getByRole('button', { name: 'Emoji' }).click() // not fetched yet, and the server has it no more
  await expect(other.page.getByRole('dialog', { name: /emoji/i })).toBeVisible()
  await other.page.keyboard.press('Escape')

  await other.say('on the way into an update')
  await other.composer.fill('a draft in the other tab')
  await news(ada.page).locator('..').getByRole('button', { name: 'Reload' }).click()
  for (const p of [ada.page, other.page]) {
    await expect.poll(() => entry(p), { timeout: 60_000 }).toBe('/' + releases.entry())
    if (!(await Tab.of(p).composer.isVisible())) await Tab.of(p).go('omar')
    await expect(news(p)).toHaveCount(0)
  }
  await expect(other.composer).toHaveValue('a draft in the other tab', { timeout: 60_000 })
  await omar.reads('on the way into an update')
  await other.composer.press('Enter')
  await omar.reads('a draft in the other tab')
  // With the last tab of the old release gone, so are its files.
  // (The browser may count a page for a while after it was left.)
  const kept = async (): Promise<number> => {
    for (const p of ada.context.pages()) await p.goto('about:blank')
    await other.page.goto(server.url)
    return other.page.evaluate(() => caches.keys().then((names) => names.length))
  }
  await expect.poll(kept, { timeout: 60_000 }).toBe(1)
})

test('two releases side by side say so, and a part that is gone says so', async ({ browser }) => {
  const ada = await adaWith(browser, { serviceWorkers: 'block' })
  ada.watch.expected.push(/404|Failed to fetch dynamically/)
  releases.second = true
  const newer = await Tab.open(ada.context, server)
  await newer.go('omar')
  for (const p of [ada.page, newer.page]) await expect(news(p)).toBeVisible()
  await newer.say('from the newer release through the older')
  await omar.reads('from the newer release through the older')
  await ada.page.getByRole('button', { name: 'Emoji' }).click()
  await expect(ada.page.getByRole('alert').filter({ hasText: 'could not be fetched' })).toBeVisible()
  await newer.composer.fill('a draft beside')
  await news(newer.page).locator('..').getByRole('button', { name: 'Reload' }).click()
  await expect.poll(() => entry(ada.page), { timeout: 60_000 }).toBe('/' + releases.entry())
  await expect(news(ada.page)).toHaveCount(0)
})

test('with the server stopped the app opens from what is kept; what is not kept says so', async ({ browser }) => {
  const ada = await adaWith(browser, {})
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  ada.watch.networkLoss()
  ada.watch.expected.push(/503/)
  await server.stop()
  await ada.page.close()
  const tab = await Tab.open(ada.context, server)
  await tab.go('omar')
  await expect(tab.bubble('before')).toHaveCount(1)
  await tab.say('written with the server stopped')
  await expect(tab.bubble('written with the server stopped').locator('[data-state]')).toHaveText('On the way')

  const elsewhere = await ada.context.newPage()
  await elsewhere.goto(server.url + '/transparency/')
  await expect(elsewhere.getByText('There is no connection to this server')).toBeVisible()
  await elsewhere.close()
  const kept = await tab.page.evaluate(() => caches.keys())
  expect(kept).toHaveLength(1)

  await server.again()
  await omar.reads('written with the server stopped')

  // The files are gone and so is the server.
  await tab.page.evaluate(() => caches.keys().then((names) => Promise.all(names.map((n) => caches.delete(n)))))
  await server.stop()
  await tab.page.goto(server.url)
  await expect(tab.page.getByText('There is no connection to this server')).toBeVisible()
})
