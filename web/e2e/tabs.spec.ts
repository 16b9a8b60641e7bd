// SPDX-License-Identifier: AGPL-3.0-or-later
// One core, many tabs: the tab that holds it ends in every way a tab ends,
// while another one writes through it. Nothing is lost, nothing comes twice.
import { expect, test } from '@playwright/test'
import { Person } from './person'
import { Server } from './server'
import { Tab } from './tabs'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const tall = { width: 1000, height: 3000 } // a burst is in the DOM at once

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada', { viewport: tall })
  omar = await Person.arrive(browser, server, 'omar', { viewport: tall })
  ada.watch.expected.push(/the page crashed|as the test wished/)
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
  await ada?.context.close()
  await omar?.context.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

/** cameOnce reads a burst where it arrived: whole, in order, each once. */
async function cameOnce(texts: string[]): Promise<void> {
  await omar.reads(texts[texts.length - 1] ?? '')
  const all = (await omar.page.locator('[data-message]').allInnerTexts()).flatMap((t) => texts.filter((x) => t.split('\n').includes(x)))
  expect(all).toEqual(texts)
}

/** pair is the tab that holds the core and one that follows it. */
async function pair(): Promise<{ holder: Tab; follower: Tab }> {
  const pages = ada.context.pages()
  const first = Tab.of(pages[0] ?? (await ada.context.newPage()))
  const second = pages[1] ? Tab.of(pages[1]) : await Tab.open(ada.context, server)
  await expect.poll(() => Number(first.holds) + Number(second.holds), { message: 'one tab holds the core' }).toBe(1)
  for (const t of [first, second]) if (!(await t.composer.isVisible())) await t.go('omar')
  return first.holds ? { holder: first, follower: second } : { holder: second, follower: first }
}

const ends: [how: string, end: (holder: Tab) => Promise<unknown>, stays: boolean][] = [
  ['is closed', (t) => t.page.close(), false],
  ['is reloaded', (t) => t.page.reload({ waitUntil: 'commit' }), true],
  [
    'crashes',
    async (t) => {
      const cdp = await ada.context.newCDPSession(t.page)
      void cdp.send('Page.crash').catch(() => undefined)
      await t.page.waitForEvent('crash')
      await t.page.close()
    },
    false,
  ],
  ['loses its worker', (t) => t.page.workers()[0]!.evaluate(() => self.close()), true],
  [
    'has a core that throws',
    (t) =>
      t.page.workers()[0]!.evaluate(() => {
        performance.now = () => {
          throw new Error('the clock failed, as the test wished') // inside the program, where it cannot be caught
        }
        setTimeout(() => performance.now())
      }),
    true,
  ],
  [
    'is frozen',
    async (t) => {
      const cdp = await ada.context.newCDPSession(t.page)
      await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
      thaw = () => cdp.send('Page.setWebLifecycleState', { state: 'active' })
    },
    true,
  ],
  [
    'is kept for going back',
    async (t) => {
      await t.page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })))
      thaw = () => t.page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
    },
    true,
  ],
  [
    'hangs',
    async (t) => {
      let awake = false
      const hung = t.page.evaluate(() => {
        for (const from = performance.now(); performance.now() - from < 25_000; );
      })
      void hung.then(() => (awake = true))
      thaw = async () => {
        expect(awake, 'the burst was sent while it hung').toBe(false)
        await hung
      }
    },
    true,
  ],
]
let thaw: (() => Promise<unknown>) | null = null

for (const [how, end, stays] of ends) {
  test(`the tab that holds the core ${how} in a burst of another`, async () => {
    const { holder, follower } = await pair()
    const texts = Array.from({ length: 10 }, (_, i) => `${how} ${i + 1}`)
    let from = 0
    for (const [i, text] of texts.entries()) {
      await follower.composer.fill(text)
      await follower.composer.press('Enter')
      if (i === 4) {
        await end(holder)
        from = Date.now()
      }
    }
    await follower.sent(texts[9]!)
    console.log(`the holder ${how}; sent on by another tab after ${Date.now() - from} ms`)
    await cameOnce(texts)
    if (!stays) return
    await thaw?.()
    thaw = null
    if (!(await holder.composer.isVisible())) await holder.go('omar')
    await expect(holder.bubble(texts[9]!)).toHaveCount(1, { timeout: 60_000 })
    await holder.say(`and on, it ${how}`)
    await holder.sent(`and on, it ${how}`)
    await expect(follower.bubble(`and on, it ${how}`)).toHaveCount(1)
    await expect.poll(() => Number(holder.holds) + Number(follower.holds), { message: 'one tab holds the core' }).toBe(1)
  })
}

test('how long a start takes', async () => {
  const { follower } = await pair()
  await follower.page.close()
  for (let i = 0; i < 3; i++) {
    const tab = Tab.of(ada.context.pages()[0]!)
    await tab.page.reload({ waitUntil: 'commit' })
    await expect(tab.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').first()).toBeVisible()
    const at = await tab.page.evaluate(() => ({
      paint: Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1),
      list: Math.round(performance.now()),
    }))
    console.log(`from navigation to the first paint ${at.paint} ms, to the list from the core at most ${at.list} ms`)
  }
})

test('ten tabs write through one core, and on when it goes', async () => {
  for (const p of ada.context.pages().slice(1)) await p.close()
  const tabs = [Tab.of(ada.context.pages()[0]!), ...(await Promise.all(Array.from({ length: 9 }, () => Tab.open(ada.context, server))))]
  for (const t of tabs) if (!(await t.composer.isVisible())) await t.go('omar')
  expect(tabs.filter((t) => t.holds)).toHaveLength(1)
  for (const [i, t] of tabs.entries()) await t.say(`from tab ${i + 1} of 10`)
  for (const i of tabs.keys()) await omar.reads(`from tab ${i + 1} of 10`)

  for (let left = tabs; left.length > 2; ) {
    const holder = left.find((t) => t.holds)!
    left = left.filter((t) => t !== holder)
    await holder.page.close()
    const from = Date.now()
    await left[0]!.composer.fill(`with ${left.length} left`)
    await left[0]!.composer.press('Enter')
    await left[0]!.sent(`with ${left.length} left`)
    console.log(`the holder was closed; written and sent by another tab within ${Date.now() - from} ms`)
    await expect.poll(() => left.filter((t) => t.holds).length).toBe(1)
  }
  await cameOnce(Array.from({ length: 8 }, (_, i) => `with ${9 - i} left`))
})

test('two tabs begin at once', async () => {
  for (const p of ada.context.pages().slice(1)) await p.close()
  await ada.context.pages()[0]!.goto('about:blank')
  const tabs = await Promise.all([Tab.open(ada.context, server), Tab.open(ada.context, server)])
  await ada.context.pages()[0]!.close()
  for (const [i, t] of tabs.entries()) {
    await t.go('omar')
    await t.say(`begun at once ${i}`)
    await t.sent(`begun at once ${i}`)
  }
  expect(tabs.filter((t) => t.holds)).toHaveLength(1)
})

test('a slow disk freezes nothing, claims nothing and loses nothing', async () => {
  const { holder, follower } = await pair()
  // Another transaction over the same stores: a commit waits for it as for a disk.
  await holder.page.evaluate(
    () =>
      new Promise<void>((begun, failed) => {
        const w = window as unknown as { slow: boolean }
        w.slow = true
        const open = indexedDB.open('clarion/clarion')
        open.onerror = failed
        open.onsuccess = () => {
          open.result.onversionchange = () => open.result.close()
          const meta = open.result.transaction(['records', 'meta'], 'readwrite').objectStore('meta')
          const turn = () => {
            if (w.slow) meta.get('seal').onsuccess = turn
            else open.result.close()
          }
          meta.get('seal').onsuccess = () => (turn(), begun())
        }
      }),
  )
  const from = Date.now()
  for (const [t, text] of [[holder, 'slow, from the holder'], [follower, 'slow, from the follower']] as const) {
    await t.composer.fill(text)
    await t.composer.press('Enter')
    await expect(t.bubble(text)).toHaveCount(1)
    await t.paints()
  }
  // Long enough for a follower that takes a slow holder for a dead one.
  while (Date.now() - from < 12_000) for (const t of [holder, follower]) await t.paints()
  for (const t of [holder, follower]) expect(await t.page.locator('[data-message]').filter({ hasText: 'slow, from' }).locator('[data-state]').count(), 'nothing is claimed').toBe(0)
  expect(holder.holds).toBe(true)
  await holder.page.evaluate(() => ((window as unknown as { slow: boolean }).slow = false))
  for (const text of ['slow, from the holder', 'slow, from the follower']) await expect(omar.bubble(text)).toHaveCount(1, { timeout: 90_000 })
  // Of what was sent only the last says so, whichever that is.
  for (const t of [holder, follower]) {
    await expect(t.page.locator('[data-message]').last().locator('[data-state]')).toHaveText(/Sent|Delivered|Read/)
    await expect(t.page.locator('[data-state=queued]')).toHaveCount(0)
  }
})

test('no room is said in the tab that wrote, and it goes on with room again', async () => {
  const { holder, follower } = await pair()
  const cdp = await ada.context.newCDPSession(holder.page)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 1 })
  const alert = follower.page.getByRole('alert').filter({ hasText: /no room/ }).first()
  let text = ''
  let back = false // the text is in the field again; it was not kept
  // The browser remembers for some seconds how much room there was, and what
  // was kept may find none when it is to leave: that is said too.
  for (let n = 1; n < 1000 && !back; n++) {
    text = `is there room, ${n}`
    await follower.composer.fill(text)
    await follower.composer.press('Enter')
    await expect
      .poll(async () => (back = (await follower.composer.inputValue()) === text) || (await follower.bubble(text).locator('[data-state]').count()) === 1, { message: 'it is kept, or given back' })
      .toBe(true)
  }
  expect(back).toBe(true)
  await expect(alert).toBeVisible()
  await expect(follower.bubble(text)).toHaveCount(0)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.url })
  await expect(async () => {
    if (await follower.composer.inputValue()) await follower.composer.press('Enter')
    await expect(follower.bubble(text)).toHaveCount(1)
    await expect(alert).toHaveCount(0)
  }).toPass({ timeout: 120_000 })
  await follower.sent(text)
  await cameOnce([text])
})

test('a passphrase is handed from tab to tab, and asked for when all were closed', async () => {
  const { holder, follower } = await pair()
  await holder.page.getByRole('button', { name: 'Settings' }).click()
  await holder.page.getByRole('navigation', { name: 'Sections of the settings' }).getByRole('button', { name: 'Passphrase' }).click()
  const region = holder.page.getByRole('region', { name: 'Passphrase' })
  await region.getByRole('button', { name: 'Set a passphrase' }).click()
  await region.getByLabel('New passphrase').fill('four words and some')
  await region.getByLabel('The same again').fill('four words and some')
  await region.getByRole('button', { name: 'Save' }).click()
  await expect(region.getByRole('button', { name: 'Change it' })).toBeVisible({ timeout: 90_000 })
  const later = await Tab.open(ada.context, server) // after it was set
  await later.go('omar')
  const asked = (t: Tab) => t.page.getByRole('heading', { name: 'Your passphrase' })

  await holder.page.close()
  await follower.say('with the passphrase, from the second tab')
  await follower.sent('with the passphrase, from the second tab')
  await follower.page.close()
  await later.say('with the passphrase, from the third')
  await later.sent('with the passphrase, from the third')
  await expect(asked(later)).toHaveCount(0)

  const blank = await ada.context.newPage()
  await later.page.close()
  const again = await Tab.open(ada.context, server)
  await expect(asked(again)).toBeVisible({ timeout: 60_000 })
  const beside = await Tab.open(ada.context, server)
  await expect(asked(beside)).toBeVisible({ timeout: 60_000 })
  await beside.page.getByLabel('Passphrase').fill('four words and some') // where the core is not
  await beside.page.getByRole('button', { name: 'Open' }).click()
  for (const t of [beside, again]) await t.go('omar')
  await again.say('opened by the other tab')
  await again.sent('opened by the other tab')
  await blank.close()
})
