// SPDX-License-Identifier: AGPL-3.0-or-later
// The main job: Ada and Omar make accounts, meet by a link, write, check each
// other, and see only what really happened.
import { expect, test } from '@playwright/test'
import { Looks } from './look'
import { Person } from './person'
import { Server } from './server'
import { shift } from './watch'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
let link = ''
const looks = new Looks()

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada', { wired: true })
  omar = await Person.arrive(browser, server, 'omar', { wired: true })
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await omar?.wire?.close()
  await ada?.wire?.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('whose server this is and what it will hold is shown before there is an account', async () => {
  await ada.open()
  await expect(ada.page.getByRole('heading', { level: 1, name: 'Lin runs this server' })).toBeVisible()
  await expect(ada.page.getByText('Iceland')).toBeVisible()
  await expect(ada.page.getByRole('heading', { name: 'What this server will hold about you' })).toBeVisible()
  await looks.at(ada.page, '01-first-run')
})

test('a name is chosen, keys are made here, and the sheet is confirmed', async () => {
  await ada.button('Make an account').click()
  await looks.at(ada.page, '02-name')
  await ada.button('Make an account').click()
  await expect(ada.page.getByText('Choose a name.')).toBeVisible()
  await ada.page.getByLabel('Name', { exact: true }).fill('9ada')
  await expect(ada.page.getByText('A name begins with a letter.')).toBeVisible()
  await looks.at(ada.page, '02-name-wrong')
  await ada.page.getByLabel('Name', { exact: true }).fill('ada')
  await ada.button('Make an account').click()

  const sheet = ada.page.getByRole('list', { name: 'Your recovery sheet' }).getByRole('listitem')
  await expect(sheet).toHaveCount(24, { timeout: 90_000 })
  await looks.at(ada.page, '03-sheet')
  const words = await sheet.allInnerTexts()
  await ada.reload() // the page was closed before the words were copied
  await expect(sheet).toHaveCount(24)
  expect(await sheet.allInnerTexts()).toEqual(words)
  ada.words = words.map((t) => t.replace(/^\d+\s*/, '').trim())
  await ada.button('I have them').click()
  await looks.at(ada.page, '04-confirm')
  await ada.confirmWords()
  await ada.ready()
  await expect(ada.page.getByText('No conversations yet.')).toBeVisible()
  await looks.at(ada.page, '05-empty')
})

test('a taken name is refused in words', async ({ browser }) => {
  const lin = await Person.arrive(browser, server, 'ada')
  await lin.open()
  await lin.button('Make an account').click()
  await lin.page.getByLabel('Name', { exact: true }).fill('ada')
  await lin.button('Make an account').click()
  await expect(lin.page.getByRole('alert').filter({ hasText: /taken/ })).toBeVisible({ timeout: 60_000 })
  await lin.leave()
})

test('an invite link and its code lead Omar into the conversation', async () => {
  await ada.begin(/^Invite someone/)
  await looks.at(ada.page, '06-invite')
  await ada.button('Make a link').click()
  await expect(ada.page.getByRole('img', { name: 'Invite link as a code to scan' })).toBeVisible()
  link = await ada.page.getByLabel('Invite link', { exact: true }).inputValue()
  expect(link).toContain(`${server.url}/i#ada/`)
  await looks.at(ada.page, '06-invite-made')
  await ada.page.keyboard.press('Escape')

  await omar.open(link.slice(server.url.length))
  await expect(omar.page.getByRole('heading', { level: 1, name: `${ada.handle} invites you` })).toBeVisible()
  expect(new URL(omar.page.url()).hash, 'the secret leaves the address bar').toBe('')
  await looks.at(omar.page, '07-invited')
  await omar.register()
  await expect(omar.page.getByRole('heading', { level: 1, name: 'ada' })).toBeVisible({ timeout: 60_000 })
  await expect(omar.page.getByRole('banner').or(omar.page.locator('main header')).getByText('You checked this is ada, by invite link')).toBeVisible()
  await ada.go('omar')
  await expect(ada.page.locator('main header').getByText('omar came by your link')).toBeVisible()
})

test('a message is on the way, sent, delivered and read, each when it is so', async () => {
  // What the server says to Ada is kept back: it has her message, and she is
  // told nothing that she cannot know.
  await omar.go('ada')
  await ada.say('Is this thing on?')
  await expect(ada.state('Is this thing on?')).toHaveText('Read')

  const long = 'held on the way back '.repeat(200).trim()
  ada.wire!.holdAfter(4000)
  await ada.say(long)
  await omar.reads(long)
  expect(ada.wire!.held).toBe(true)
  await expect(ada.state(long)).toHaveText('On the way')
  ada.wire!.release()
  await expect(ada.state(long)).toHaveText('Read')

  // Now Omar does not get it: it is sent, and no more than that.
  omar.wire!.hold()
  await ada.say('held on the way there')
  await expect(ada.state('held on the way there')).toHaveText('Sent')
  // The server answers a later question of Ada's, so it had time to say more.
  await ada.say('and another')
  // Of messages that came as far, the last one says so.
  await expect(ada.state('and another')).toHaveText('Sent')
  await expect(ada.state('held on the way there')).toHaveCount(0)
  await expect(omar.bubble('held on the way there')).toHaveCount(0)

  // Delivered without being read: Omar is elsewhere in the app.
  await omar.button('Settings').click()
  omar.wire!.release()
  await expect(ada.state('and another')).toHaveText('Delivered')
  await expect(omar.row('ada').getByText('2', { exact: true })).toBeVisible()
  await omar.go('ada')
  await expect(ada.state('and another')).toHaveText('Read')
})

test('typing shows while somebody writes', async () => {
  await omar.composer.pressSequentially('I am wri')
  await expect(ada.page.getByText('omar is writing…')).toBeVisible()
  await omar.composer.fill('')
})

test('Unicode, several lines, Markdown and links arrive as they were meant', async () => {
  await ada.composer.fill('**bold** and `code`, 日本語 🎈 עברית')
  await ada.composer.press('Shift+Enter')
  await ada.composer.pressSequentially('second line https://example.org/x <b>no</b>')
  await ada.composer.press('Enter')
  const arrived = omar.page.locator('[data-message]').filter({ hasText: 'second line' })
  await expect(arrived.locator('strong')).toHaveText('bold')
  await expect(arrived.locator('code')).toHaveText('code')
  await expect(arrived).toContainText('日本語 🎈 עברית')
  await expect(arrived).toContainText('<b>no</b>')
  const anchor = arrived.getByRole('link')
  await expect(anchor).toHaveAttribute('href', 'https://example.org/x')
  await expect(anchor).toHaveAttribute('rel', /noreferrer/)
})

test('an emoji is found by name and put where the cursor is', async () => {
  await ada.composer.fill('tea ')
  await ada.button('Emoji').click()
  const picker = ada.dialog()
  await picker.getByRole('searchbox').fill('hot beverage')
  await looks.at(ada.page, '09-emoji')
  await picker.getByRole('gridcell', { name: 'hot beverage' }).click()
  await expect(ada.composer).toHaveValue('tea ☕')
  await ada.composer.press('Enter')
  await omar.reads('tea ☕')
})

test('a draft survives another conversation and a reload', async () => {
  await omar.composer.fill('half a thought')
  await omar.button('Settings').click()
  await omar.go('ada')
  await expect(omar.composer).toHaveValue('half a thought')
  await omar.reload()
  await omar.go('ada').catch(() => undefined)
  await expect(omar.composer).toHaveValue('half a thought')
  await omar.composer.fill('')
})

test('the conversation looks as it should', async () => {
  await looks.at(ada.page, '08-conversation')
})

test('either checks the other by comparing sixty digits', async () => {
  await ada.button('About this person').click()
  await looks.at(ada.page, '10-person')
  await ada.page.getByRole('complementary').getByRole('button', { name: 'Check', exact: true }).click()
  const hers = ada.dialog('Check that this is omar')
  const digits = await hers.getByRole('list', { name: 'Sixty digits' }).innerText()
  await looks.at(ada.page, '11-check')
  await omar.button('About this person').click()
  await omar.page.getByRole('complementary').getByRole('button', { name: 'Check', exact: true }).click()
  const his = omar.dialog('Check that this is ada')
  expect((await his.getByRole('list', { name: 'Sixty digits' }).innerText()).replace(/\D/g, '')).toBe(digits.replace(/\D/g, ''))
  expect(digits.replace(/\D/g, '')).toHaveLength(60)
  await hers.getByRole('button', { name: 'They are the same' }).click()
  await expect(ada.page.locator('main header').getByText('You checked this is omar, by comparing digits')).toBeVisible()
  await omar.page.keyboard.press('Escape')
  await omar.page.keyboard.press('Escape')
  await ada.page.keyboard.press('Escape')
  await ada.page.keyboard.press('Escape')
})

test('Ctrl K finds a conversation', async () => {
  await ada.button('Settings').click()
  await ada.page.keyboard.press('Control+k')
  await ada.page.getByRole('combobox').fill('om')
  await looks.at(ada.page, '12-jump')
  await ada.page.keyboard.press('Enter')
  await expect(ada.page.getByRole('heading', { level: 1, name: 'omar' })).toBeVisible()
})

test('what the server knows about this conversation is asked and shown', async () => {
  await ada.button('What the server knows about this conversation').click()
  await expect(ada.page.getByRole('complementary').getByText('It holds now')).toBeVisible()
  await looks.at(ada.page, '13-knows')
  await ada.page.keyboard.press('Escape')
})

test('settings: each section looks as it should', async () => {
  for (const section of ['Account', 'What the server knows about me', 'What others see', 'Blocked people', 'Appearance', 'Passphrase', 'Devices', 'Save history and contacts', 'Delete everything']) {
    const region = await ada.settings(section)
    await expect(region.getByRole('heading', { name: section })).toBeVisible()
    await looks.at(ada.page, `14-settings-${section.toLowerCase().replaceAll(' ', '-')}`)
    await ada.go('omar')
  }
})

test('a reload loses nothing and nothing shows twice', async () => {
  for (const p of [ada, omar]) {
    await p.reload()
    await p.go(p === ada ? 'omar' : 'ada')
    await p.reads('tea ☕')
    const { sum, what } = await shift(p.page)
    expect(sum, what.join('\n')).toBeLessThanOrEqual(0.02)
    for (const text of ['tea ☕', 'held on the way there', 'Is this thing on?']) await p.finds(text)
  }
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(24)
})
