// SPDX-License-Identifier: AGPL-3.0-or-later
// Checking by a scanned code: from a picture and with the camera, the right
// code and one of somebody else.
import { chromium, expect, test, type Browser, type Locator } from '@playwright/test'
import encodeQR from 'qr'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { film, modules } from './code'
import { Looks } from './look'
import { Person } from './person'
import { programs, Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let withCamera: Browser
let seen = '' // the file that the camera shows; none at first
let ada: Person
let omar: Person
const looks = new Looks()

/** clarion runs Lin's terminal. */
const clarion = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(join(programs, 'clarion'), ['--home', join(server.folder, 'lin'), ...args])).stdout

/** compare opens the dialog in which a person checks the other. */
async function compare(p: Person, name: string): Promise<Locator> {
  if (!(await p.page.getByRole('complementary').isVisible())) await p.button('About this person').click()
  await p.page.getByRole('complementary').getByRole('button', { name: 'Check', exact: true }).click()
  return p.dialog(`Check that this is ${name}`)
}

const omarsCode = (): Locator => omar.dialog('Check that this is ada').getByRole('img', { name: 'Code for ada to scan' })
const standing = (): Locator => ada.page.locator('main header')

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  seen = join(server.folder, 'camera.y4m')
  const { launchOptions } = test.info().project.use
  withCamera = await chromium.launch({
    ...launchOptions,
    args: [...(launchOptions?.args ?? []), '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${seen}`],
  })
  const { locale, timezoneId } = test.info().project.use
  ada = await Person.arrive(withCamera, server, 'ada', { ...(locale ? { locale } : {}), ...(timezoneId ? { timezoneId } : {}) })
  omar = await Person.arrive(browser, server, 'omar')
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await ada.go('omar')
  await compare(omar, 'ada')
  await expect(omarsCode()).toBeVisible()
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await withCamera?.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('without a camera a picture of the code is asked for, and one without a code is refused', async () => {
  const dialog = await compare(ada, 'omar')
  await dialog.getByRole('button', { name: 'Scan the screen of omar' }).click()
  await expect(dialog.getByText('The camera is not there or not allowed.')).toBeVisible()
  await looks.at(ada.page, '60-no-camera')
  const nothing = await omar.page.locator('main header').screenshot()
  await dialog.getByLabel('Choose a picture of the code').setInputFiles({ name: 'wall.png', mimeType: 'image/png', buffer: nothing })
  await expect(dialog.getByText('No code in this picture.')).toBeVisible()
  await dialog.getByLabel('Choose a picture of the code').setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all') })
  await expect(dialog.getByText('No code in this picture.')).toBeVisible()
})

test('the code of a third person is told apart', async () => {
  await clarion('register', '--server', server.url, '--name', 'lin')
  await clarion('accept', 'ada')
  const { code } = JSON.parse(await clarion('check', 'ada', '--json')) as { code: string }
  const picture = Buffer.from(encodeQR(code, 'gif', { ecc: 'medium', border: 3, scale: 5 }))
  const dialog = ada.dialog('Check that this is omar')
  await dialog.getByLabel('Choose a picture of the code').setInputFiles({ name: 'code.gif', mimeType: 'image/gif', buffer: picture })
  await expect(dialog.getByRole('alert').getByText(`This code belongs to lin@${server.host}, or is meant for checking somebody else than omar.`)).toBeVisible()
  await looks.at(ada.page, '61-other-person')
  await expect(standing().getByText(/omar came by your link, .* Not checked yet\./)).toBeAttached()
  await dialog.getByRole('button', { name: 'Compare again' }).click()
  await dialog.getByRole('button', { name: 'Scan the screen of omar' }).click()
  // A code, but none of Clarion's.
  const other = Buffer.from(encodeQR('https://example.org/', 'gif', { border: 3, scale: 5 }))
  await dialog.getByLabel('Choose a picture of the code').setInputFiles({ name: 'code.gif', mimeType: 'image/gif', buffer: other })
  await expect(dialog.getByRole('alert').filter({ hasText: /\S/ })).toBeVisible()
  await looks.at(ada.page, '62-no-such-code')
})

test('a picture of the screen of Omar checks him', async () => {
  const dialog = ada.dialog('Check that this is omar')
  await dialog.getByRole('button', { name: 'Scan the screen of omar' }).click()
  const picture = await omarsCode().screenshot({ type: 'png' })
  await dialog.getByLabel('Choose a picture of the code').setInputFiles({ name: 'omar.png', mimeType: 'image/png', buffer: picture })
  await expect(dialog.getByRole('status').filter({ hasText: 'It matches' })).toBeVisible()
  await looks.at(ada.page, '63-matches')
  await dialog.getByRole('button', { name: 'Done' }).click()
  await expect(standing().getByText('You checked this is omar, by scanning')).toBeVisible()
  await expect(ada.row('omar').getByRole('img', { name: /^You checked this is omar, by scanning/ })).toBeVisible()
})

test('so does the camera held before it', async () => {
  const dialog = await compare(ada, 'omar')
  await dialog.getByRole('button', { name: 'Take the check back' }).click()
  await expect(standing().getByText('You have not checked that this is omar.')).toBeAttached()
  writeFileSync(seen, film(await modules(omarsCode())))
  await dialog.getByRole('button', { name: 'Scan the screen of omar' }).click()
  await expect(dialog.getByRole('status').filter({ hasText: 'It matches' })).toBeVisible()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await expect(standing().getByText('You checked this is omar, by scanning')).toBeVisible()
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(4)
})
