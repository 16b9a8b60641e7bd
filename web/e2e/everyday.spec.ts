// SPDX-License-Identifier: AGPL-3.0-or-later
// Small things of every day: what is copied, printed and counted, the settings
// one by one, and what screens say while they wait and when nobody answers.
import { expect, test } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { Looks } from './look'
import { Person } from './person'
import { Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

const copied = () => ada.page.evaluate(() => navigator.clipboard.readText())

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada', { wired: true, permissions: ['clipboard-read', 'clipboard-write'] })
  omar = await Person.arrive(browser, server, 'omar')
  ada.watch.networkLoss()
  ada.watch.expected.push(/console error: Failed to load resource: the server responded with a status of 50\d/)
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

test('a server that does not say whose it is is not signed up with, until it does', async () => {
  let down = true
  await ada.context.route('**/about.json', (route) => (down ? route.fulfill({ status: 503 }) : route.continue()))
  await ada.open()
  await expect(ada.page.getByRole('button', { name: 'Make an account' })).toBeDisabled()
  await expect(ada.page.getByRole('button', { name: 'Try again' })).toBeVisible()
  await looks.at(ada.page, '90-no-answer')
  down = false
  await ada.page.getByRole('button', { name: 'Try again' }).click()
  await expect(ada.page.getByRole('heading', { level: 1, name: 'Lin runs this server' })).toBeVisible()
})

test('the sheet is printed without what is no part of it, saved, and copied', async () => {
  await ada.button('Make an account').click()
  await ada.page.getByLabel('Name', { exact: true }).fill('ada')
  await ada.button('Make an account').click()
  const sheet = ada.page.getByRole('list', { name: 'Your recovery sheet' }).getByRole('listitem')
  await expect(sheet).toHaveCount(24, { timeout: 90_000 })
  ada.words = (await sheet.allInnerTexts()).map((t) => t.replace(/^\d+\s*/, '').trim())

  await ada.page.evaluate(() => (window.print = () => (document.body.dataset.printed = 'yes')))
  await ada.button('Print').click()
  await expect(ada.page.locator('body')).toHaveAttribute('data-printed', 'yes')
  await ada.page.emulateMedia({ media: 'print' })
  await expect(ada.page.getByText(`Recovery sheet of ${ada.handle}`)).toBeVisible()
  for (const word of await sheet.all()) await expect(word).toBeVisible()
  await expect(ada.page.getByRole('button')).toHaveCount(0)
  await ada.page.emulateMedia({ media: 'screen' })
  await expect(ada.page.getByText(`Recovery sheet of ${ada.handle}`)).toBeHidden()

  const coming = ada.page.waitForEvent('download')
  await ada.button('Save as file').click()
  const file = readFileSync(await (await coming).path(), 'utf8')
  expect(file).toContain(ada.handle)
  expect(file.match(/^ ?\d+\. .*$/gm)?.map((l) => l.replace(/^ ?\d+\. /, ''))).toEqual(ada.words)
  await ada.button('Copy').click()
  await expect(ada.page.getByText('The words are copied.')).toBeVisible()
  expect((await copied()).split('\n')).toEqual(ada.words.map((w, i) => `${i + 1}. ${w}`))
  await ada.button('I have them').click()
  await ada.confirmWords()
  await ada.ready()
  await expect(ada.page.getByText('A conversation opens here once you have one.')).toBeVisible()
})

test('what came while somebody was elsewhere is counted, begins with a line, and is read aloud', async () => {
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await ada.go('omar')
  await omar.say('good morning')
  await ada.reads('good morning')
  await expect(ada.page.getByRole('log')).toHaveText(/^omar, \d\d:\d\d: good morning$/)
  await expect(ada.page.getByRole('heading', { level: 2, name: 'Today' })).toBeVisible()

  await ada.button('Settings').click()
  await omar.say('the first')
  await omar.say('the second')
  const count = ada.row('omar').getByLabel('2 unread')
  await expect(count).toBeVisible()
  await ada.go('omar')
  await expect(ada.page.getByText('2 new messages')).toBeVisible()
  await expect(count).toHaveCount(0)
  await expect(omar.state('the second')).toHaveText('Read')
})

test('a message is copied as it was written', async () => {
  await omar.say('**bold**, and [a link](https://example.org/)\nin two lines')
  const bubble = ada.page.locator('[data-message]').filter({ hasText: 'in two lines' })
  await bubble.hover()
  await bubble.getByRole('button', { name: 'Copy message' }).click()
  await expect(ada.page.getByText('Copied.')).toBeVisible()
  expect(await copied()).toBe('**bold**, and [a link](https://example.org/)\nin two lines')
})

test('without marks others see that it was sent and no more', async () => {
  const region = await ada.settings('What others see')
  const marks = region.getByRole('switch', { name: 'Send delivered and read marks, and that I am writing' })
  await expect(marks).toBeChecked()
  await marks.uncheck()
  await ada.reload()
  await ada.go('omar')
  await omar.say('did you see it?')
  await ada.reads('did you see it?')
  await ada.say('you are not told')
  await omar.reads('you are not told') // and a mark of before would be there
  await expect(omar.state('did you see it?')).toHaveText('Sent')
  await (await ada.settings('What others see')).getByRole('switch').check()
  await ada.go('omar')
  await omar.say('and now?')
  await expect(omar.state('and now?')).toHaveText('Read')
})

test('dark stays dark after a reload, whatever the system is', async () => {
  const looksSo = (how: string) => expect(ada.page.locator('html')).toHaveAttribute('data-appearance', how)
  await ada.page.emulateMedia({ colorScheme: 'light' })
  const region = await ada.settings('Appearance')
  await region.getByRole('radio', { name: 'Dark' }).check()
  await looksSo('dark')
  await ada.reload()
  await looksSo('dark')
  await ada.settings('Appearance')
  await region.getByRole('radio', { name: 'As the system' }).check()
  await looksSo('light')
  await ada.page.emulateMedia({ colorScheme: 'dark' })
  await looksSo('dark')
})

test('the answer about a conversation is live', async () => {
  await ada.go('omar')
  await ada.button('What the server knows about this conversation').click()
  const envelopes = ada.page.getByRole('complementary').getByRole('group').filter({ hasText: /^\s*Sealed envelopes/ }).first()
  const held = async () => Number(/\d+/.exec((await envelopes.innerText()).replace('Sealed envelopes', ''))?.[0])
  await expect(envelopes).toBeVisible()
  const before = await held()
  await ada.say('one more')
  await omar.reads('one more')
  await ada.button('Ask again').click()
  await expect.poll(held).toBeGreaterThan(before)
  await ada.button('Close').click()
})

test('along the list by keys, and the list of keys', async () => {
  await ada.begin(/^New group/)
  await ada.page.getByLabel('Name', { exact: true }).fill('Harbour office')
  await ada.dialog().getByRole('checkbox', { name: /omar/ }).check()
  await ada.button('Make the group').click()
  const here = (name: string) => expect(ada.page.getByRole('heading', { level: 1, name })).toBeVisible()
  await here('Harbour office')
  await ada.page.keyboard.press('Alt+ArrowDown')
  await here('omar')
  await ada.page.keyboard.press('Alt+ArrowUp')
  await here('Harbour office')
  await ada.button('Settings').focus()
  await ada.page.keyboard.press('?')
  await expect(ada.dialog('Keys')).toBeVisible()
  await looks.at(ada.page, '91-keys')
  await ada.page.keyboard.press('Escape')
  await expect(ada.button('Settings')).toBeFocused()
})

test('a history that takes long says so, and so does one that is there', async () => {
  // Another transaction over the same stores: a read waits for it as for a disk.
  const slow = (on: boolean) =>
    ada.page.evaluate((go) => {
      const w = window as unknown as { slow: boolean }
      w.slow = go
      if (!go) return
      return new Promise<void>((begun, failed) => {
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
      })
    }, on)
  await slow(true)
  await ada.row('omar').filter({ hasNotText: 'Harbour office' }).click()
  await expect(ada.page.getByRole('status').filter({ hasText: 'Reading the history…' })).toBeVisible()
  await looks.at(ada.page, '92-reading')
  await slow(false)
  await ada.reads('one more')
})

test('what needs the server says that it does not answer, and asks again', async () => {
  ada.wire!.cut()
  await expect(ada.page.getByText('No connection to the server.').first()).toBeVisible()
  await ada.button('What the server knows about this conversation').click()
  const panel = ada.page.getByRole('complementary')
  await expect(panel.getByRole('alert').filter({ hasText: 'unreachable' })).toBeVisible({ timeout: 60_000 })
  await looks.at(ada.page, '93-no-answer-here')
  const devices = await ada.settings('Devices')
  await expect(devices.getByRole('alert').filter({ hasText: 'unreachable' })).toBeVisible({ timeout: 60_000 })
  await looks.at(ada.page, '94-no-answer-devices')
  ada.wire!.mend()
  await ada.button('Try again', devices).click()
  await expect(devices.getByText('This browser')).toBeVisible({ timeout: 60_000 })
  await expect(devices.getByRole('listitem')).toHaveCount(1)
  await ada.row('omar').filter({ hasNotText: 'Harbour office' }).click()
  await expect(panel.getByText('It holds now')).toBeVisible({ timeout: 60_000 })
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(5)
})
