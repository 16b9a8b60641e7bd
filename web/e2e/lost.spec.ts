// SPDX-License-Identifier: AGPL-3.0-or-later
// What is lost and how it comes back: a browser that is closed and opened, a
// storage that was evicted, a fresh profile with the sheet alone, a passphrase.
import { chromium, expect, test, type BrowserContext } from '@playwright/test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Looks } from './look'
import { Person } from './person'
import { Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
let link = ''
const profile = mkdtempSync(join(tmpdir(), 'clarion-profile-'))
const looks = new Looks()

const opened = (): Promise<BrowserContext> =>
  chromium.launchPersistentContext(profile, { ...test.info().project.use.launchOptions, viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' })

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada')
  await ada.open()
  await ada.register()
  await ada.ready()
  link = await ada.invite()
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await server?.close()
  rmSync(profile, { recursive: true, force: true })
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('a browser that is closed and opened again has everything', async () => {
  omar = await Person.in(await opened(), server, 'omar')
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await omar.say('written before the restart')
  await ada.go('omar')
  await expect(omar.state('written before the restart')).toHaveText('Read')
  const words = omar.words
  await omar.context.close()

  await ada.say('while he was away')
  omar = await Person.in(await opened(), server, 'omar')
  omar.words = words
  await omar.open()
  await omar.go('ada')
  await omar.reads('written before the restart')
  await omar.reads('while he was away')
  await expect(omar.page.locator('main header').getByText('You checked this is ada, by invite link')).toBeVisible()
})

test('a passphrase is asked for at the next start', async () => {
  const region = await omar.settings('Passphrase')
  await region.getByRole('button', { name: 'Set a passphrase' }).click()
  await region.getByLabel('New passphrase').fill('four words and some')
  await region.getByLabel('The same again').fill('four words and some')
  await region.getByRole('button', { name: 'Save' }).click()
  await expect(omar.page.getByText('The passphrase is set.')).toBeVisible({ timeout: 90_000 })
  await omar.reload()
  await expect(omar.page.getByRole('heading', { name: 'Your passphrase' })).toBeVisible({ timeout: 60_000 })
  await looks.at(omar.page, '30-locked')
  await omar.page.getByLabel('Passphrase').fill('another')
  await omar.button('Open').click()
  await expect(omar.page.getByText('This is not the passphrase.')).toBeVisible({ timeout: 90_000 })
  await omar.page.getByLabel('Passphrase').fill('four words and some')
  await omar.button('Open').click()
  await omar.go('ada')
  await omar.reads('while he was away')
})

test('storage that was evicted is a lost device, and the way back is offered', async () => {
  const cdp = await omar.context.newCDPSession(omar.page)
  await omar.page.goto('about:blank')
  await cdp.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes: 'indexeddb' })
  await omar.open()
  await expect(omar.page.getByRole('heading', { level: 1, name: `${omar.handle} was here` })).toBeVisible({ timeout: 60_000 })
  await looks.at(omar.page, '31-lost')
  await omar.button('I have a recovery sheet').click()
  await looks.at(omar.page, '32-restore')
  await omar.page.getByLabel('The 24 words').fill(omar.words.slice(0, 23).join(' ') + ' zoological')
  await omar.button('Bring it back').click()
  await expect(omar.page.getByText(/“zoological”, stands on no sheet/)).toBeVisible()
  await looks.at(omar.page, '32-restore-wrong')
})

test('in a fresh profile with the sheet alone Omar is Omar again, and the conversation goes on', async ({ browser }) => {
  const words = omar.words
  await omar.context.close()
  omar = await Person.arrive(browser, server, 'omar')
  omar.words = words
  await omar.open()
  await omar.restore('omar', words)
  await looks.at(omar.page, '33-back')
  await omar.button('Go on').click()
  await omar.go('ada')
  await ada.say('welcome back')
  await omar.reads('welcome back')
  await omar.say('here again')
  await ada.reads('here again')
  await expect(ada.page.getByText('omar has a new device.')).toBeVisible()
})

test('deleting everything leaves nothing and says what it cannot reach', async () => {
  const region = await omar.settings('Delete everything')
  await region.getByRole('button', { name: /Delete everything/ }).click()
  const dialog = omar.dialog(/Delete everything/)
  await dialog.getByLabel(/To confirm/).fill(omar.handle)
  await looks.at(omar.page, '34-delete')
  await dialog.getByRole('button', { name: /Delete everything/ }).click()
  await expect(omar.page.getByRole('heading', { name: 'Your account is deleted' })).toBeVisible({ timeout: 60_000 })
  await looks.at(omar.page, '35-deleted')
  await omar.reload()
  await expect(omar.button('Make an account')).toBeVisible()
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(7)
})
