// SPDX-License-Identifier: AGPL-3.0-or-later
// What does not go through: strangers who are declined or blocked, and a
// message that can never be sent.
import { expect, test, type Locator } from '@playwright/test'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Looks } from './look'
import { Person } from './person'
import { programs, Server } from './server'
import { Tab } from './tabs'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

/** clarion runs Lin's terminal. */
const clarion = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(join(programs, 'clarion'), ['--home', join(server.folder, 'lin'), ...args])).stdout

const request = (name: string): Locator => ada.page.getByRole('article', { name: `Contact request from ${name}@${server.host}` })

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada')
  omar = await Person.arrive(browser, server, 'omar', { wired: true })
  omar.watch.networkLoss()
  await ada.open()
  await ada.register()
  await ada.ready()
  await clarion('register', '--server', server.url, '--name', 'lin')
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await omar?.wire?.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('a request shows who asks, in text, and nothing that they wrote', async () => {
  await clarion('accept', 'ada')
  await clarion('send', 'ada', 'see https://example.org/picture.png')
  await expect(request('lin')).toBeVisible()
  expect(await request('lin').locator('img, svg, picture, video, audio, canvas, iframe, a').count(), 'text only').toBe(0)
  expect(await request('lin').evaluate((e) => [e, ...e.querySelectorAll('*')].map((x) => getComputedStyle(x).backgroundImage).filter((b) => b !== 'none'))).toEqual([])
  await expect(ada.page.getByText('example.org')).toHaveCount(0)
  await expect(ada.page.getByText('No conversations yet.')).toBeVisible()
})

test('one that is declined is gone, and may be made again', async () => {
  await ada.button('Decline', request('lin')).click()
  await expect(request('lin')).toHaveCount(0)
  await expect(ada.page.getByText('No conversations yet.')).toBeVisible()
  await ada.reload()
  await ada.ready()
  await expect(request('lin')).toHaveCount(0)
  await clarion('leave', 'ada')
  await clarion('accept', 'ada')
  await clarion('send', 'ada', 'once more')
  await expect(request('lin')).toBeVisible()
})

test('one that is blocked is gone and cannot be made again, until that is undone', async () => {
  await ada.button('Block', request('lin')).click()
  const notice = ada.page.getByRole('region', { name: 'Notices' }).getByText(`lin@${server.host} is blocked.`)
  await expect(notice).toBeVisible()
  await expect(request('lin')).toHaveCount(0)
  await ada.button('Undo').click()
  await expect(notice).toHaveCount(0)
  await clarion('leave', 'ada')
  await clarion('accept', 'ada')
  await clarion('send', 'ada', 'a third time')
  await expect(request('lin'), 'undone: a stranger may ask').toBeVisible()

  await ada.button('Block', request('lin')).click()
  await expect(notice).toBeVisible()
  await looks.at(ada.page, '80-blocked')
  await clarion('leave', 'ada')
  await clarion('accept', 'ada')
  await clarion('send', 'ada', 'a fourth time')
  // Omar asks after Lin, and his request is there: so Lin's came and was dropped.
  await omar.open()
  await omar.register()
  await omar.ready()
  await omar.begin(/^Ask by handle/)
  await omar.page.getByLabel('Handle or invite link').fill('ada')
  await omar.button('Ask to talk').click()
  await expect(omar.page.getByRole('heading', { level: 1, name: 'ada' })).toBeVisible()
  await omar.say('It is Omar.')
  await expect(request('omar')).toBeVisible()
  await expect(request('lin')).toHaveCount(0)
  await ada.button('Accept', request('omar')).click()
  await ada.reads('It is Omar.')
})

test('whom Ada asks herself is not blocked any more', async () => {
  await ada.begin(/^Ask by handle/)
  await ada.page.getByLabel('Handle or invite link').fill('lin')
  await ada.button('Ask to talk').click()
  await expect(ada.page.getByRole('heading', { level: 1, name: 'lin' })).toBeVisible()
  await ada.say('So you are Lin.')
  expect(await clarion('listen', '--json', '--once', '1', '--timeout', '60')).toMatch(/"text":"So you are Lin\."|"event":"contact_requested"/)
})

test('a message that can never be sent says so, for the group that its writer was taken out of', async () => {
  await ada.begin(/^New group/)
  await ada.page.getByLabel('Name', { exact: true }).fill('Harbour office')
  await ada.dialog().getByRole('checkbox', { name: /omar/ }).check()
  await ada.button('Make the group').click()
  await ada.go('Harbour office')
  await omar.go('Harbour office')
  omar.wire!.cut()
  await expect(omar.page.getByText('No connection to the server.').first()).toBeVisible()
  await omar.say('written too late')
  await expect(omar.state('written too late')).toHaveText('On the way')
  await ada.button('People in this conversation').click()
  await ada.page.getByRole('complementary').getByRole('listitem').filter({ hasText: 'omar' }).getByRole('button', { name: 'Remove' }).click()
  await ada.dialog().getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(ada.page.getByText('You removed omar.')).toBeVisible()
  omar.wire!.mend()
  await expect(omar.page.getByText('You were removed from this conversation.')).toBeVisible({ timeout: 60_000 })
  await expect(omar.state('written too late')).toHaveText('Not sent, and will not be')
  await expect(omar.button('Send again'), 'there is nowhere to send it to').toHaveCount(0)
  await expect(omar.page.locator('main header').getByText('1 person, 0 checked')).toBeVisible()
  await looks.at(omar.page, '81-failed')
})

test('it goes when it is sent again, once its writer is back', async () => {
  await ada.button('Add people').click()
  await ada.dialog().getByRole('checkbox', { name: /omar/ }).check()
  await ada.dialog().getByRole('button', { name: 'Add', exact: true }).click()
  await expect(ada.page.getByText('You added omar.')).toBeVisible()
  await expect(omar.composer).toBeVisible({ timeout: 60_000 })
  await expect(omar.state('written too late')).toHaveText('Not sent, and will not be')
  await looks.at(omar.page, '82-again')
  await omar.button('Send again').click()
  const told = async () => {
    await expect(omar.bubble('written too late')).toHaveCount(2)
    await expect(omar.bubble('written too late').first().locator('[data-state]')).toHaveText('Not sent; written again below')
    await expect(omar.button('Send again'), 'it was sent again').toHaveCount(0)
  }
  await told()
  await ada.reads('written too late')
  await omar.reload()
  await omar.go('Harbour office')
  await told()
  await expect(omar.bubble('written too late').last().locator('[data-state]')).toHaveText(/Sent|Delivered|Read/)
})

const direct = (p: Person, name: string): Locator => p.row(name).filter({ hasNotText: 'Harbour office' })

test('an accepted person is blocked beside the conversation, in every tab', async () => {
  const beside = await Tab.open(ada.context, server)
  for (const row of [direct(ada, 'omar'), beside.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').getByRole('button').filter({ hasText: 'It is Omar.' })]) await row.click()
  await expect(beside.composer).toBeVisible()
  const panel = ada.page.getByRole('complementary', { name: 'Person' }) // open since somebody was removed
  await ada.button('Block', panel).click()
  const dialog = ada.dialog('Block omar?')
  await expect(dialog.getByText('omar is not told.')).toBeVisible()
  await looks.at(ada.page, '83-block')
  await ada.button('Cancel', dialog).click()
  await expect(ada.composer).toBeVisible()
  await ada.button('Block', panel).press('Enter')
  await ada.button('Block', dialog).press('Enter')
  await expect(dialog).toHaveCount(0)
  await expect(ada.button('Unblock', panel), 'the focus is where it was').toBeFocused()
  for (const page of [ada.page, beside.page]) {
    await expect(page.getByText('You blocked omar.')).toBeVisible()
    await expect(page.getByRole('textbox', { name: /^Message / })).toHaveCount(0)
  }
  await expect(direct(ada, 'omar')).toHaveCount(0)
  await looks.at(ada.page, '84-blocked-person')
  await beside.page.close()
  await panel.getByRole('button', { name: 'Close' }).click()

  await ada.go('Harbour office')
  await ada.button('People in this conversation').click()
  const member = ada.page.getByRole('complementary').getByRole('listitem').filter({ hasText: 'omar' })
  await expect(member.getByText('Blocked: what omar writes is dropped unread.')).toBeVisible()
  await looks.at(ada.page, '85-blocked-member')
  for (const row of [omar.row('Harbour office'), direct(omar, 'ada')]) {
    await row.click()
    await omar.say('while blocked')
    await expect(omar.state('while blocked')).toHaveText('Sent')
  }
  await ada.button('Unblock', member).click()
  await expect(ada.button('Block', member)).toBeFocused()
  await ada.button('Block', member).click()
  await ada.button('Block', dialog).click()
  await expect(dialog).toHaveCount(0)
  await ada.composer.click({ trial: true, timeout: 3000 })
  await expect(ada.page.getByText(`omar@${server.host} is blocked.`), 'a notice covers no field to write in').toBeVisible()
})

test('who is blocked stands in the settings, and is unblocked there', async () => {
  const region = await ada.settings('Blocked people')
  const list = region.getByRole('list', { name: 'Blocked people' })
  await expect(list.getByRole('listitem')).toHaveCount(1)
  await looks.at(ada.page, '86-blocked-people')
  await ada.button('Show what was written with omar', list).click()
  await ada.reads('It is Omar.')
  await ada.settings('Blocked people')
  await ada.button('Unblock omar', list).press('Enter')
  await expect(region.getByText('You have blocked nobody.')).toBeVisible()
  await expect(region.locator(':focus'), 'the focus stays in the section').toHaveCount(1)
  await direct(ada, 'omar').click()
  await direct(omar, 'ada').click()
  await omar.say('and unblocked')
  await ada.reads('and unblocked')
  await expect(ada.bubble('while blocked'), 'it was dropped').toHaveCount(0)
  await ada.say('We talk again.')
  await omar.reads('We talk again.')
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(7)
})
