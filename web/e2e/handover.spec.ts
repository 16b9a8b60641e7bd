// SPDX-License-Identifier: AGPL-3.0-or-later
// What makes the core's way to another tab short: the program is there before
// it is needed, and what a person wrote goes before what the screens read.
// `make bench` measures how long it takes.
import { expect, test, type BrowserContext, type Page } from '@playwright/test'
import { Person } from './person'
import { Server } from './server'
import { Tab } from './tabs'

let server: Server
let ada: Person
let omar: Person

test.beforeEach(async ({ browser }) => {
  server = await Server.start()
  // Without a service worker each tab's fetch of the core is seen here.
  ada = await Person.arrive(browser, server, 'ada', { serviceWorkers: 'block' })
  ada.watch.expected.push(/Service Worker registration blocked by Playwright/)
  omar = await Person.arrive(browser, server, 'omar')
  await ada.context.addInitScript(hear)
  await ada.open()
  await ada.register()
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await ada.go('omar')
})
test.afterEach(async () => {
  await ada.leave()
  await omar.leave()
  await server.close()
})

/** hear notes in a page, before its own programs, what its worker is asked. */
function hear(): void {
  const w = globalThis as unknown as { asked: { id: string; name: string }[] }
  w.asked = []
  window.Worker = class extends Worker {
    override postMessage(m: { kind: string; call: { id: string; name: string } }): void {
      if (m.kind === 'call') w.asked.push({ id: m.call.id, name: m.call.name })
      super.postMessage(m)
    }
  }
}

const asked = (p: Page) => p.evaluate(() => (globalThis as unknown as { asked: { id: string; name: string }[] }).asked)

/** fetches counts how often the core was fetched whole, by page. */
function fetches(context: BrowserContext): Map<Page, number> {
  const count = new Map<Page, number>()
  context.on('requestfinished', (r) => {
    if (r.url().endsWith('.wasm')) count.set(r.frame().page(), (count.get(r.frame().page()) ?? 0) + 1)
  })
  return count
}

test('the tab that is next has the program before it needs it, and no other tab has', async () => {
  const got = fetches(ada.context)
  const next = await Tab.open(ada.context, server)
  await next.go('omar')
  await expect.poll(() => got.get(next.page), { message: 'the next tab fetches the core while it waits' }).toBe(1)
  const last = await Tab.open(ada.context, server)
  await last.go('omar')

  await ada.context.route('**/*.wasm', (route) => route.abort())
  ada.watch.networkLoss()
  await ada.page.close()
  await next.say('with what I had')
  await next.sent('with what I had')
  await omar.go('ada')
  await omar.reads('with what I had')
  expect(next.holds).toBe(true)
  expect(got.get(last.page), 'it was not next while the core could be fetched').toBeUndefined()

  // Now it is, and fetches once it can.
  await ada.context.unroute('**/*.wasm')
  await next.page.close()
  await last.say('with what I fetched')
  await last.sent('with what I fetched')
  expect(got.get(last.page)).toBe(1)
})

test('a tab that nobody looks at asks a core that begins for nothing, until somebody does', async () => {
  const next = await Tab.open(ada.context, server)
  await next.go('omar')
  const aside = await ada.context.newPage()
  await aside.addInitScript(() => {
    const w = window as unknown as { seen?: boolean }
    Object.defineProperty(document, 'visibilityState', { get: () => (w.seen ? 'visible' : 'hidden') })
  })
  await aside.goto(server.url)
  await ada.page.close()
  await next.say('nobody else asks')
  await next.sent('nobody else asks')
  const tabs = async () => new Set((await asked(next.page)).map((c) => c.id.split('/')[0])).size
  expect(await tabs(), 'one tab asks').toBe(1)
  await aside.evaluate(() => {
    ;(window as unknown as { seen: boolean }).seen = true
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await expect(aside.getByRole('navigation', { name: 'Conversations' }).getByText('You: nobody else asks')).toBeVisible()
  expect(await tabs(), 'both do').toBe(2)
})

test('a core that begins elsewhere is asked to keep the message first, and nothing twice', async () => {
  const next = await Tab.open(ada.context, server)
  await next.go('omar')
  // The holder hears nothing of the message: it is written while the core moves.
  await ada.page.evaluate(() => (BroadcastChannel.prototype.postMessage = () => undefined))
  await ada.page.workers()[0]!.evaluate(() => (self.onmessage = null))
  await next.composer.fill('in between')
  await next.composer.press('Enter')
  await expect(next.bubble('in between')).toHaveCount(1)
  await ada.page.close()
  await next.sent('in between')
  const calls = await asked(next.page)
  const at = (name: string) => calls.findIndex((c) => c.name === name)
  expect(at('queue')).toBeGreaterThanOrEqual(0)
  for (const name of ['whoAmI', 'historyPage', 'conversations']) expect(at('queue'), `before ${name}`).toBeLessThan(at(name))
  expect(new Set(calls.map((c) => c.id)).size, 'each call once').toBe(calls.length)
})
