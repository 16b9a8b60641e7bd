// SPDX-License-Identifier: AGPL-3.0-or-later
// What goes away: the network, the server, the page, the worker, the tab. What
// was written is neither lost nor shown twice.
import { expect, test } from '@playwright/test'
import { Looks } from './look'
import { Person } from './person'
import { Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada', { wired: true })
  omar = await Person.arrive(browser, server, 'omar', { wired: true })
  for (const p of [ada, omar]) p.watch.networkLoss()
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await ada.go('omar')
  await ada.say('before')
  await omar.reads('before')
})
test.afterAll(async () => {
  for (const p of [ada, omar]) {
    await p?.context.close()
    await p?.wire?.close()
  }
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

/** The own messages on a screen, as often as they stand there. */
const shown = async (p: Person, texts: string[]): Promise<void> => {
  for (const text of texts) await expect(p.bubble(text), text).toHaveCount(1)
}

test('without a network the shell and the history are there, and what is written goes out once', async () => {
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  ada.wire!.cut()
  await expect(ada.page.getByText('No connection to the server.').first()).toBeVisible()
  await ada.say('written offline')
  await expect(ada.state('written offline')).toHaveText('On the way')
  await looks.at(ada.page, '20-offline')

  await ada.reload()
  await ada.go('omar')
  await shown(ada, ['before', 'written offline'])
  await expect(ada.state('written offline')).toHaveText('On the way')
  await ada.say('and after a reload')
  await expect(ada.state('and after a reload')).toHaveText('On the way')

  ada.wire!.mend()
  await expect(ada.state('and after a reload')).toHaveText(/Delivered|Read/, { timeout: 90_000 })
  await shown(omar, ['before', 'written offline', 'and after a reload'])
})

test('the server is killed in a burst: nothing sent is lost, nothing shows twice', async () => {
  const texts = Array.from({ length: 24 }, (_, i) => `burst ${i + 1} of 24`)
  for (const [i, text] of texts.entries()) {
    await ada.composer.fill(text)
    await ada.composer.press('Enter')
    if (i === 11) await server.kill()
  }
  await shown(ada, texts.slice(-3))
  await server.again()
  await expect(ada.state('burst 24 of 24')).toHaveText(/Sent|Delivered|Read/, { timeout: 120_000 })
  await shown(omar, texts.slice(-1))
  for (const p of [ada, omar]) {
    const all = async () => (await p.history()).map((t) => /burst \d+ of 24/.exec(t)?.[0]).filter((t) => t !== undefined)
    expect(await all(), `each once and in order, at ${p.name}'s`).toEqual(texts)
    await p.reload()
    await p.go(p === ada ? 'omar' : 'ada')
    expect(await all(), `the same after a reload, at ${p.name}'s`).toEqual(texts)
  }
})

test('another tab works through the first and takes over when it closes', async () => {
  const second = await ada.context.newPage()
  await second.goto(server.url)
  const row = second.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').getByRole('button').filter({ hasText: 'omar' })
  await row.click()
  const composer = second.getByRole('textbox', { name: /^Message / })
  await composer.fill('from the second tab')
  await composer.press('Enter')
  await omar.reads('from the second tab')
  await shown(ada, ['from the second tab'])

  const from = Date.now()
  await ada.page.close()
  await composer.fill('after the first is gone')
  await composer.press('Enter')
  const standing = second.locator('[data-message]').filter({ hasText: 'after the first is gone' }).locator('[data-state]')
  await expect(standing).toHaveText(/Sent|Delivered|Read/, { timeout: 90_000 })
  console.log(`from the first tab's end to a message sent by the second: ${Date.now() - from} ms`)
  await omar.reads('after the first is gone')
  ada.page = second
})

test('the worker dies: the core begins again and what waits is sent once', async () => {
  const worker = ada.page.workers().find((w) => w.url().includes('worker'))
  expect(worker, 'the core runs in a worker').toBeTruthy()
  // What a crash of the core looks like from inside the worker.
  await worker?.evaluate(() => {
    setTimeout(() => {
      throw new Error('the core crashed, as the test wished')
    })
  })
  ada.watch.expected.push(/as the test wished/)
  await ada.say('after the crash')
  await expect(ada.state('after the crash')).toHaveText(/Sent|Delivered|Read/, { timeout: 90_000 })
  await omar.reads('after the crash')
})

test('a tab is frozen and thawed', async () => {
  const other = await ada.context.newPage()
  await other.goto(server.url)
  const cdp = await ada.context.newCDPSession(ada.page)
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
  await omar.say('while she was frozen')
  await other.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').getByRole('button').filter({ hasText: 'omar' }).click()
  await expect(other.locator('[data-message]').filter({ hasText: 'while she was frozen' })).toHaveCount(1, { timeout: 90_000 })
  await cdp.send('Page.setWebLifecycleState', { state: 'active' })
  await other.close()
  await shown(ada, ['while she was frozen'])
  await ada.say('thawed')
  await expect(ada.state('thawed')).toHaveText(/Sent|Delivered|Read/, { timeout: 90_000 })
})

test('a full disk is said and nothing is lost', async () => {
  const cdp = await ada.context.newCDPSession(ada.page)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 1 })
  // The browser asks for its quota now and then only: she writes until it did.
  const written: string[] = []
  const refused = ada.page.getByRole('alert').filter({ hasText: /\S/ }).first()
  await expect(async () => {
    if ((await ada.composer.inputValue()) === '') {
      written.push(`${written.length + 1}: is there room for this?`)
      await ada.composer.fill(written.at(-1) ?? '')
    }
    await ada.composer.press('Enter')
    await expect(refused).toBeVisible({ timeout: 500 })
  }).toPass({ timeout: 90_000 })
  await looks.at(ada.page, '21-no-room')
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.url })
  await expect(async () => {
    if (await ada.composer.inputValue()) await ada.composer.press('Enter')
    await expect(ada.composer).toHaveValue('', { timeout: 500 })
    await expect(ada.state(written.at(-1) ?? '')).toHaveText(/Sent|Delivered|Read/, { timeout: 1000 })
  }).toPass({ timeout: 90_000 })
  await omar.reads(written.at(-1) ?? '')
  for (const p of [ada, omar]) {
    const all = (await p.history()).map((t) => /\d+: is there room for this\?/.exec(t)?.[0]).filter((t) => t !== undefined)
    expect(all, `each once and in order, at ${p.name}'s`).toEqual(written)
  }
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(2)
})
