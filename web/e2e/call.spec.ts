// SPDX-License-Identifier: AGPL-3.0-or-later
// Two people call each other: sound and picture both ways, between two pages.
import { expect, test } from '@playwright/test'
import { Looks } from './look'
import { inbound, launch, listen, open, rises, tone } from './media'
import { Person } from './person'
import { Server } from './server'

test.use({ launchOptions: launch })
test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

const stage = (p: Person) => p.page.getByRole('region', { name: /^Call with \w+$/ })
const ringing = (p: Person) => p.page.getByRole('region', { name: /calls you/ })
const code = (p: Person) => stage(p).locator('.digits')

/** calls presses what a person presses. */
async function calls(p: Person, video = false): Promise<void> {
  await p.button('Call').click()
  const before = p.dialog(/^Call /)
  if (video) await before.getByLabel('With video').check()
  await p.button('Call', before).click()
  await expect(stage(p)).toBeVisible()
}

async function hangsUp(p: Person): Promise<void> {
  await p.button('Hang up').click()
  await expect(stage(p)).toHaveCount(0)
}

async function puts(away: Person): Promise<void> {
  await away.button('Close', away.page.getByRole('region', { name: /ended$/ })).click()
}

test.beforeAll(async ({ browser }) => {
  server = await Server.start({ args: ['--relay-anywhere'] })
  ada = await Person.arrive(browser, server, 'ada')
  omar = await Person.arrive(browser, server, 'omar')
  for (const p of [ada, omar]) await listen(p.context)
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await omar.open()
  await omar.register()
  await omar.ready()
  await omar.open(link.slice(server.url.length))
  await omar.page.getByRole('button', { name: 'Open the conversation' }).click()
  await expect(omar.composer).toBeVisible()
  await ada.go('omar')
})

test.afterAll(async () => {
  await ada?.leave()
  await omar?.leave()
  await server?.close()
})

test('before the call: preview, level, devices, who could hear', async () => {
  await ada.button('Call').click()
  const before = ada.dialog('Call omar')
  await before.getByLabel('With video').check()
  await expect(before.getByLabel('Your camera, as omar would see it')).toBeVisible()
  await expect(before.getByRole('meter', { name: 'How loud your microphone is' })).toBeVisible()
  await expect.poll(() => before.getByRole('meter').evaluate((e: HTMLMeterElement) => e.value)).toBeGreaterThan(0.3)
  await expect(before.getByLabel('Camera', { exact: true })).toBeVisible()
  await expect(before.getByRole('region', { name: 'Who could hear it?' })).toBeVisible()
  await looks.at(ada.page, 'call-before')
  await ada.button('Cancel', before).click()
})

test('it rings in every tab, one answers, and sound and picture flow both ways', async () => {
  const second = await omar.context.newPage()
  await second.goto(server.url)
  await calls(ada, true)
  await expect(stage(ada).getByText('It rings at omar.')).toBeVisible()
  await expect(ringing(omar)).toBeVisible()
  await expect(second.getByRole('region', { name: /calls you/ })).toBeVisible()
  await looks.at(omar.page, 'call-incoming')
  await looks.at(ada.page, 'call-calling')
  await omar.button('Answer with video').click()
  await expect(second.getByRole('region', { name: /calls you/ })).toHaveCount(0)
  await expect(second.getByText('You are in a call with ada in another tab.')).toBeVisible()
  await second.close()
  await Promise.all([rises(ada.page, true, 5), rises(omar.page, true, 5)])
})

test('both see one short code, and say so', async () => {
  await expect(code(ada)).toHaveText(/^\d{9}$/)
  expect(await code(ada).innerText()).toBe(await code(omar).innerText())
  await expect(stage(ada).getByText('direct', { exact: false }).first()).toBeVisible()
  await looks.at(ada.page, 'call')
  await ada.button('It is the same').click()
  await expect(ada.button('It is the same')).toHaveAttribute('aria-pressed', 'true')
})

test('who could hear this call: people, path, what each party sees', async () => {
  const hearing = stage(ada).getByRole('region', { name: 'Who could hear this call?' })
  await expect(hearing.getByText('Two people. You have not checked omar, but the code of this call matched.')).toBeVisible()
  await expect(hearing.getByText('Direct, from device to device.')).toBeVisible()
  await ada.page.keyboard.press('Control+Shift+E')
  await expect(hearing.getByText('What each other party sees')).toBeVisible()
  await expect(hearing.getByText('Came by your link; not checked.')).toBeVisible()
  await expect(hearing.getByRole('heading', { name: new RegExp(`${server.host}$`) }).first()).toBeVisible()
  await looks.at(ada.page, 'call-hearing')
  await ada.page.keyboard.press('Control+Shift+E')
  await expect(hearing.getByText('What each other party sees')).toHaveCount(0)
  await expect(stage(omar).getByText('You checked', { exact: false }).or(stage(omar).getByText('whom you checked', { exact: false })).first()).toBeVisible()
})

test('muted, the tone is gone from what the other side decodes', async () => {
  await expect.poll(() => tone(omar.page), { timeout: 15_000 }).toBeGreaterThan(-50)
  await ada.page.keyboard.press('Control+Shift+M')
  await expect(stage(omar).getByText('ada is muted.')).toBeVisible()
  await expect.poll(() => tone(omar.page), { timeout: 15_000 }).toBeLessThan(-90)
  await ada.page.keyboard.press('Control+Shift+M')
  await expect.poll(() => tone(omar.page), { timeout: 15_000 }).toBeGreaterThan(-50)
})

test('small, one writes meanwhile; camera off and on; the screen', async () => {
  await ada.button('Make small').click()
  await ada.say('written in the call')
  await omar.button('Make small').click()
  await omar.reads('written in the call')
  await looks.at(ada.page, 'call-small')
  await ada.button('Camera off').click()
  const still = await inbound(omar.page)
  await expect.poll(async () => (await inbound(omar.page)).samples).toBeGreaterThan(still.samples)
  await expect(ada.button('Camera on')).toBeVisible()
  await ada.button('Camera on').click()
  await rises(omar.page, true, 1)
  await ada.button('Make large').click()
})

test('a reload: it goes on without a click, with another code', async () => {
  const before = await code(ada).innerText()
  await omar.reload()
  const began = Date.now()
  await expect(stage(omar)).toBeVisible({ timeout: 15_000 })
  await rises(omar.page, true, 1)
  await rises(ada.page, true, 1)
  console.log(`frames again ${Date.now() - began} ms after the reload`)
  await expect(code(omar)).toHaveText(/^\d{9}$/)
  await expect.poll(() => code(ada).innerText()).toBe(await code(omar).innerText())
  expect(await code(ada).innerText()).not.toBe(before)
})

test('the server restarts: the call goes on', async () => {
  await server.kill()
  await server.again()
  await Promise.all([rises(ada.page, true, 3), rises(omar.page, true, 3)])
})

test('hung up, everything stands still; the history tells of it', async () => {
  await hangsUp(ada)
  await expect(stage(omar)).toHaveCount(0)
  for (const p of [ada, omar]) {
    expect(await open(p.page)).toBe(0)
    await expect(p.page.getByText(/^You talked for /)).toBeVisible()
  }
  await looks.at(ada.page, 'call-over')
  await expect(ada.page.getByText(/^You called omar: /)).toBeVisible()
  await expect(omar.page.getByText(/^ada called you: /)).toBeVisible()
  await puts(ada)
  await puts(omar)
})

test('declined, given up, busy', async () => {
  await calls(ada)
  await omar.button('Decline').click()
  await expect(ada.page.getByText('omar declined.')).toBeVisible()
  await puts(ada)
  await calls(ada)
  await expect(ringing(omar)).toBeVisible()
  await ada.button('Give up').click()
  await expect(ringing(omar)).toHaveCount(0)
  await expect(omar.page.getByText('Missed call from ada')).toBeVisible()
  await looks.at(omar.page, 'call-missed')
})

test('both call at once, and one call comes of it', async () => {
  await ada.button('Close', ada.page.getByRole('region', { name: /ended$/ })).click()
  for (const p of [ada, omar]) await p.button('Call').first().click()
  for (const p of [ada, omar]) await expect(p.button('Call', p.dialog(/^Call /))).toBeEnabled()
  await Promise.all([ada, omar].map((p) => p.button('Call', p.dialog(/^Call /)).click()))
  await Promise.all([rises(ada.page, false, 1), rises(omar.page, false, 1)])
  expect(await code(ada).innerText()).toBe(await code(omar).innerText())
  await hangsUp(omar)
  await puts(ada)
  await puts(omar)
})

test('a call to a closed browser is a missed one when it opens', async () => {
  await omar.page.goto('about:blank')
  await calls(ada)
  await ada.button('Give up').click()
  await omar.open()
  await omar.go('ada')
  await expect(omar.page.getByText('Missed call from ada')).toHaveCount(2)
  await ada.button('Close', ada.page.getByRole('region', { name: /ended$/ })).click()
})

test('always relay: only relay candidates, and it works', async () => {
  const section = await ada.settings('Calls')
  await section.getByLabel('Always relay calls').check()
  await looks.at(ada.page, 'call-settings')
  await ada.open()
  await ada.go('omar')
  await calls(ada)
  await omar.button('Answer').click()
  await Promise.all([rises(ada.page, false, 2), rises(omar.page, false, 2)])
  expect((await inbound(ada.page)).path).toMatch(/^relay-/)
  expect((await inbound(omar.page)).path).toMatch(/-relay$|-prflx$/)
  await looks.at(ada.page, 'call-relayed')
  await hangsUp(ada)
  await puts(ada)
  await puts(omar)
})

test('the list of calls', async () => {
  await ada.button('Calls').click()
  await expect(ada.dialog('Calls').getByRole('listitem').first()).toBeVisible()
  await looks.at(ada.page, 'calls')
})

test('every screen of calls fits and is fit', () => {
  looks.expectNothing(11)
})
