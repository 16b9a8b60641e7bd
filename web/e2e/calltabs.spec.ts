// SPDX-License-Identifier: AGPL-3.0-or-later
// A call among the tabs of one person: the core and the media in two of them,
// a tab that is a copy, tabs that crash, and a browser that lets no page sound
// that nobody has touched.
import { expect, test, type Locator, type Page } from '@playwright/test'
import { launch, listen, rises } from './media'
import { Person } from './person'
import { Server } from './server'
import { Tab } from './tabs'

test.use({ launchOptions: { ...launch, args: launch.args.filter((a) => !a.startsWith('--autoplay-policy')) } })
test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person

const room = (p: Page): Locator => p.getByRole('region', { name: /^Call with \w+$/ })
const rings = (p: Page): Locator => p.getByRole('alertdialog', { name: / calls( with video)?$/ })
const elsewhere = (p: Page): Locator => p.getByText('You are in a call with ada, in another tab.')

async function calls(): Promise<void> {
  await ada.button('Call').click()
  await ada.button('Call', ada.dialog('Call omar')).click()
}

async function ends(p: Page): Promise<void> {
  await room(p).getByRole('button', { name: 'Hang up' }).click()
  await ada.button('Close', ada.page.getByRole('region', { name: /^Call with \w+ ended$/ })).click()
}

test.beforeAll(async ({ browser }) => {
  server = await Server.start({ args: ['--relay-anywhere'] })
  ada = await Person.arrive(browser, server, 'ada')
  omar = await Person.arrive(browser, server, 'omar')
  for (const p of [ada, omar]) await listen(p.context, true)
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await ada.go('omar')
})
test.afterAll(async () => {
  await ada?.leave()
  await omar?.leave()
  await server?.close()
})

test('answered in a tab that nobody has touched but for the answer, it is heard', async () => {
  const second = await Tab.open(omar.context, server)
  await calls()
  await expect(rings(omar.page)).toBeVisible()
  expect(second.holds, 'the core is in the other tab').toBe(false)
  await rings(second.page).getByRole('button', { name: 'Answer', exact: true }).click()
  await Promise.all([rises(ada.page, false, 2), rises(second.page, false, 2)])
  await expect(second.page.getByText('The browser plays no sound until you click.')).toHaveCount(0)
  await expect(elsewhere(omar.page)).toBeVisible()
  await omar.page.close()
  omar.page = second.page
})

test('the tab with the core was closed: its core begins where the media are, and the call goes on', async () => {
  expect(await omar.page.evaluate(() => document.visibilityState)).toBe('visible')
  await expect.poll(() => Tab.of(omar.page).holds, { timeout: 15_000 }).toBe(true)
  await Promise.all([rises(ada.page, false, 2), rises(omar.page, false, 2)])
  await expect(room(omar.page).getByRole('timer')).toBeVisible()
})

test('a copy of the tab leaves the call where it is', async () => {
  const [copy] = await Promise.all([omar.context.waitForEvent('page'), omar.page.evaluate(() => void window.open(location.href))])
  await expect(elsewhere(copy)).toBeVisible()
  expect(await copy.evaluate(() => Object.keys(sessionStorage)), 'it forgot the mark').not.toContain('clarion call')
  await Promise.all([rises(ada.page, false, 2), rises(omar.page, false, 1)])
  await copy.close()
})

test('reloaded without a touch, it goes on and is heard', async () => {
  await omar.page.reload()
  await expect(room(omar.page)).toBeVisible({ timeout: 15_000 })
  await Promise.all([rises(ada.page, false, 2), rises(omar.page, false, 2)])
  await expect(omar.page.getByText('The browser plays no sound until you click.')).toHaveCount(0)
  await ends(omar.page)
})

test('a page that crashes in a call is found gone, and another tab goes on', async () => {
  const second = await Tab.open(omar.context, server)
  await calls()
  await omar.button('Answer', rings(omar.page)).click()
  await Promise.all([rises(ada.page, false, 1), rises(omar.page, false, 1)])
  omar.watch.expected.push(/the page crashed/)
  await omar.page.goto('chrome://crash').catch(() => undefined)
  await second.page.getByRole('button', { name: 'Go on here' }).click({ timeout: 30_000 })
  await Promise.all([rises(ada.page, false, 2), rises(second.page, false, 2)])
  await ends(second.page)
})
