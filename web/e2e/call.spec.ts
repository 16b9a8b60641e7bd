// SPDX-License-Identifier: AGPL-3.0-or-later
// Two people call each other: sound and picture both ways, between two pages.
import { expect, test, type Locator, type Page } from '@playwright/test'
import { Looks } from './look'
import { inbound, launch, listen, open, rises, still, tone } from './media'
import { Person } from './person'
import { Server } from './server'

test.use({ launchOptions: launch })
test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

const room = (p: Page): Locator => p.getByRole('region', { name: /^Call with \w+$/ })
const rings = (p: Page): Locator => p.getByRole('alertdialog', { name: / calls( with video)?$/ })
const over = (p: Page): Locator => p.getByRole('region', { name: /^Call with \w+ ended$/ })
const code = async (p: Page): Promise<string> => (await room(p).getByRole('region', { name: 'Short code of this call' }).locator('.code').innerText()).replace(/\D/g, '')

/** calls presses what a person presses. */
async function calls(p: Person, video = false): Promise<void> {
  await p.button('Call').first().click()
  const before = p.dialog(/^Call /)
  await before.locator('label', { hasText: video ? 'Video' : 'Voice' }).click()
  await expect(before.getByRole('meter')).toBeVisible()
  if (video) await expect(before.getByLabel('How you will be seen')).toBeVisible()
  await p.button('Call', before).click()
  await expect(room(p.page)).toBeVisible()
  await expect(before).toHaveCount(0)
}

async function hangsUp(p: Person): Promise<void> {
  await p.button('Hang up', room(p.page)).click()
  await expect(room(p.page)).toHaveCount(0)
}

/** close puts away how a call ended. */
async function close(...people: Person[]): Promise<void> {
  for (const p of people) {
    await p.button('Close', over(p.page)).click()
    await expect(over(p.page)).toHaveCount(0)
  }
}

/** connects makes a call of the two. */
async function connects(video: boolean): Promise<void> {
  await calls(ada, video)
  await omar.button(video ? 'Answer with video' : 'Answer', rings(omar.page)).click()
  await Promise.all([rises(ada.page, video, 1), rises(omar.page, video, 1)])
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
  await before.locator('label', { hasText: 'Video' }).click()
  await expect(before.getByLabel('How you will be seen')).toBeVisible()
  await expect.poll(() => before.getByRole('meter').getAttribute('aria-valuenow').then(Number)).toBeGreaterThan(30)
  await expect(before.getByLabel('Camera', { exact: true })).toBeVisible()
  await expect(before.getByLabel('Microphone', { exact: true })).toBeVisible()
  await expect(before.getByRole('region', { name: 'Who could hear it?' })).toContainText('Two people. You have not checked omar.')
  await looks.at(ada.page, '20-call-before')
  await ada.button('Cancel', before).click()
})

test('it rings in every tab, one answers, and sound and picture flow both ways', async () => {
  const second = await omar.context.newPage()
  await second.goto(server.url)
  await calls(ada, true)
  await expect(rings(omar.page)).toBeVisible()
  await expect(rings(second)).toBeVisible()
  await expect(room(ada.page).getByText('It rings…')).toBeVisible()
  await looks.at(omar.page, '21-call-incoming')
  await looks.at(ada.page, '22-call-calling')
  await omar.button('Answer with video', rings(omar.page)).click()
  await expect(rings(second)).toHaveCount(0)
  await expect(second.getByText('You are in a call with ada, in another tab.')).toBeVisible()
  await expect(room(second)).toHaveCount(0)
  await second.close()
  await Promise.all([rises(ada.page, true, 5), rises(omar.page, true, 5)])
})

test('who could hear this call is said, and both read one short code', async () => {
  expect(await code(ada.page)).toMatch(/^\d{9}$/)
  expect(await code(ada.page)).toBe(await code(omar.page))
  await expect(room(ada.page).getByText('The connection is good.')).toBeVisible()
  await looks.at(ada.page, '23-call')
  await ada.page.keyboard.press('Control+Shift+E')
  const panel = ada.page.getByRole('complementary', { name: 'Who could hear this call?' })
  await expect(panel.getByRole('heading', { name: 'Two people. You have not checked omar.' })).toBeVisible()
  await expect(panel.getByText('Direct, from device to device.')).toBeVisible()
  await expect(panel.getByText('Sees the network address of your device.')).toBeVisible()
  await looks.at(ada.page, '24-call-hear')
  await ada.button('It is the same', panel).click()
  await expect(panel.getByText('You read the code to each other, and the two matched.').or(panel.getByText('You both read the same code.')).first()).toBeVisible()
  await expect(panel.getByRole('heading', { name: 'Two people. You have not checked omar, but the code of this call matched.' })).toBeVisible()
  await ada.page.keyboard.press('Control+Shift+E')
  await expect(panel).toHaveCount(0)
})

test('muted, the tone is gone from what the other side decodes', async () => {
  await expect.poll(() => tone(omar.page), { timeout: 15_000 }).toBeGreaterThan(-50)
  const spoken = await inbound(omar.page)
  await ada.page.keyboard.press('Control+Shift+M')
  await expect(room(omar.page).getByText('ada, microphone off')).toBeVisible()
  await expect.poll(() => tone(omar.page), { timeout: 15_000 }).toBeLessThan(-90)
  // On the line nothing tells that somebody is silent: as many packets of the same size.
  const from = await inbound(omar.page)
  await expect.poll(async () => (await inbound(omar.page)).packets).toBeGreaterThan(from.packets + 50)
  const now = await inbound(omar.page)
  const size = (i: { packets: number; bytes: number }) => i.bytes / i.packets
  expect(size({ packets: now.packets - from.packets, bytes: now.bytes - from.bytes })).toBeCloseTo(size(spoken), 0)
  await ada.page.keyboard.press('Control+Shift+M')
  await expect.poll(() => tone(omar.page), { timeout: 15_000 }).toBeGreaterThan(-50)
})

test('small, one writes meanwhile; camera off and on', async () => {
  await ada.button('Write while you talk').click()
  await ada.say('written in the call')
  await omar.button('Write while you talk').click()
  await omar.reads('written in the call')
  await looks.at(ada.page, '25-call-small')
  await ada.button('Show the call').click()
  await omar.button('Show the call').click()
  await ada.button('Turn your camera off').click()
  await expect(omar.page.getByLabel('Picture of ada')).toHaveCount(0)
  await rises(omar.page, false, 1)
  await ada.button('Turn your camera on').click()
  await expect(omar.page.getByLabel('Picture of ada')).toBeVisible()
  await rises(omar.page, true, 1)
})

test('another microphone and another camera in the middle of a call', async () => {
  await ada.button('Microphone, camera and speaker').click()
  const choose = ada.dialog('Microphone, camera and speaker')
  const camera = choose.getByLabel('Camera', { exact: true })
  const labels = await camera.locator('option').allInnerTexts()
  expect(labels.length).toBeGreaterThan(1)
  const was = await camera.inputValue()
  await camera.selectOption({ index: 1 })
  await expect.poll(() => camera.inputValue()).not.toBe(was)
  await looks.at(ada.page, '26-call-devices')
  await ada.page.keyboard.press('Escape')
  await rises(omar.page, true, 1)
})

test('a reload: it goes on without a click, with another code', async () => {
  const before = await code(omar.page)
  await omar.reload()
  const began = Date.now()
  await expect(room(omar.page)).toBeVisible({ timeout: 15_000 })
  await rises(omar.page, true, 1)
  await rises(ada.page, true, 1)
  console.log(`frames again ${Date.now() - began} ms after the reload`)
  expect(Date.now() - began).toBeLessThan(15_000)
  await expect.poll(() => code(omar.page)).not.toBe(before)
  await ada.page.keyboard.press('Control+Shift+E')
  await expect.poll(() => code(ada.page)).toBe(await code(omar.page))
  await ada.page.keyboard.press('Control+Shift+E')
})

test('the server restarts: the call goes on', async () => {
  for (const p of [ada, omar]) p.watch.networkLoss()
  await server.kill()
  await server.again()
  await Promise.all([rises(ada.page, true, 3), rises(omar.page, true, 3)])
})

test('hung up, everything stands still; the history tells of it', async () => {
  await hangsUp(ada)
  await expect(room(omar.page)).toHaveCount(0)
  for (const p of [ada, omar]) await still(p.page)
  expect(await open(ada.page)).toBe(0)
  expect(await open(omar.page)).toBe(0)
  await expect(over(omar.page).getByText(/^You talked for /)).toBeVisible()
  await looks.at(omar.page, '27-call-over')
  await omar.button('Close', over(omar.page)).click()
  await expect(over(ada.page).getByRole('button', { name: 'Call again' })).toBeVisible()
  await ada.composer.click() // whoever goes on elsewhere has seen it
  await expect(over(ada.page)).toHaveCount(0)
  await expect(ada.page.getByText(/^You called omar: /)).toBeVisible()
  await omar.go('ada')
  await expect(omar.page.getByText(/^ada called you: /)).toBeVisible()
})

test('declined, and given up', async () => {
  await calls(ada)
  await omar.button('Decline', rings(omar.page)).click()
  await expect(over(ada.page).getByText('omar declined.')).toBeVisible()
  await close(ada)
  await calls(ada)
  await expect(rings(omar.page)).toBeVisible()
  await hangsUp(ada)
  await close(ada)
  await expect(rings(omar.page)).toHaveCount(0)
  await expect(omar.page.getByText('Missed call from ada')).toBeVisible()
  await expect(omar.button('Calls, 1 missed')).toBeVisible()
  await looks.at(omar.page, '28-call-missed')
})

test('both call at once, and one call comes of it', async () => {
  for (const p of [ada, omar]) {
    await p.button('Call').first().click()
    await expect(p.dialog(/^Call /).getByRole('meter')).toBeVisible()
  }
  await Promise.all([ada, omar].map((p) => p.button('Call', p.dialog(/^Call /)).click()))
  await Promise.all([rises(ada.page, false, 1), rises(omar.page, false, 1)])
  expect(await code(ada.page)).toBe(await code(omar.page))
  await hangsUp(omar)
  await close(ada, omar)
})

test('a call to a closed browser is a missed one when it opens', async () => {
  await omar.page.goto('about:blank')
  await calls(ada)
  await hangsUp(ada)
  await close(ada)
  await omar.open()
  await omar.go('ada')
  await expect(omar.page.getByText('Missed call from ada')).toHaveCount(2)
})

test('the tab with the call is closed: another one goes on with it', async () => {
  await connects(false)
  const second = await omar.context.newPage()
  await second.goto(server.url)
  await expect(second.getByText('You are in a call with ada, in another tab.')).toBeVisible()
  await omar.page.close()
  await expect(second.getByText('The tab with your call to ada was closed.')).toBeVisible()
  await second.getByRole('button', { name: 'Go on here' }).click()
  omar.page = second
  await Promise.all([rises(ada.page, false, 1), rises(omar.page, false, 1)])
  await hangsUp(omar)
  await close(ada, omar)
})

test('always relay: only relay candidates, and it works', async () => {
  const section = await ada.settings('Calls')
  await section.getByLabel('Always relay calls').check()
  await looks.at(ada.page, '14-settings-calls')
  await ada.go('omar')
  await connects(false)
  expect((await inbound(ada.page)).path).toMatch(/^relay-/)
  await ada.page.keyboard.press('Control+Shift+E')
  await expect(ada.page.getByText(/^Through the relay of /)).toBeVisible()
  await looks.at(ada.page, '29-call-relayed')
  await ada.page.keyboard.press('Control+Shift+E')
  await hangsUp(ada)
  await close(ada, omar)
})

test('the list of calls', async () => {
  await ada.button('Calls').click()
  await expect(ada.dialog('Calls').getByRole('listitem').first()).toBeVisible()
  await looks.at(ada.page, '30-calls')
  await ada.page.keyboard.press('Escape')
})

test('nobody answers', async () => {
  await calls(ada)
  await expect(rings(omar.page)).toBeVisible()
  await expect(over(ada.page).getByText('omar did not answer.')).toBeVisible({ timeout: 60_000 })
  await expect(rings(omar.page)).toHaveCount(0)
  await close(ada)
})

test('every screen of calls fits and is fit', () => {
  looks.expectNothing(12)
})
