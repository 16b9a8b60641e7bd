// SPDX-License-Identifier: AGPL-3.0-or-later
// Somebody who was checked comes back with other keys: it is brass wherever
// that person is named, nothing leaves until the word is given, and the word
// is either a new check or "go on without".
import { expect, test, type Browser } from '@playwright/test'
import { Looks } from './look'
import { Person } from './person'
import { Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

const header = () => ada.page.locator('main header')
const composer = () => ada.page.getByRole('group', { name: 'The keys of omar changed after you checked them.' })

/** comeBack is Omar with his sheet in a profile that never saw him. */
async function comeBack(browser: Browser): Promise<void> {
  const words = omar.words
  await omar.leave()
  omar = await Person.arrive(browser, server, 'omar')
  omar.words = words
  await omar.open()
  await omar.restore('omar', words)
  await omar.button('Go on').click()
  await omar.ready()
}

/** brass is what Ada sees everywhere while she has not decided. */
async function brass(): Promise<void> {
  await expect(header().getByText('The keys of omar changed after you checked them.')).toBeVisible({ timeout: 60_000 })
  await expect(ada.row('omar').getByText('Keys changed: look before you write')).toBeVisible()
  await expect(ada.row('omar').getByRole('img', { name: 'The keys of omar changed after you checked them.' })).toBeVisible()
  await expect(composer()).toBeVisible()
  const colour = (e: Element) => getComputedStyle(e).color
  const token = await ada.page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = 'var(--brass)'
    const is = getComputedStyle(probe).color
    probe.remove()
    return is
  })
  expect(await header().locator('p.changed').evaluate(colour)).toBe(token)
  expect(await ada.row('omar').locator('.preview').evaluate(colour)).toBe(token)
}

/** asks: Enter sends nothing, keeps the text, and says so. */
async function asks(text: string): Promise<void> {
  await ada.composer.fill(text)
  await ada.composer.press('Enter')
  await expect(composer().getByRole('alert')).toHaveText('What you wrote is not sent yet. Check first, or send it anyway.')
  await expect(ada.composer).toHaveValue(text)
  await expect(ada.bubble(text)).toHaveCount(0)
}

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada', { wired: true })
  omar = await Person.arrive(browser, server, 'omar')
  ada.watch.networkLoss()
  await omar.open()
  await omar.register()
  await omar.ready()
  const link = await omar.invite()
  await ada.open(link.slice(server.url.length))
  await ada.register()
  await ada.go('omar')
  await ada.say('before the loss')
  await omar.go('ada')
  await omar.reads('before the loss')
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await ada?.wire?.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('a checked person with other keys is brass in the list, the header and the composer', async ({ browser }) => {
  await expect(header().getByText('You checked this is omar, by invite link')).toBeVisible()
  ada.wire!.cut()
  await ada.say('written before she knew')
  await comeBack(browser)
  ada.wire!.mend()
  await brass()
})

test('Enter asks first and nothing is sent, not even what was written before', async () => {
  await asks('is it you?')
  await looks.at(ada.page, '50-changed')
  await ada.reload()
  await ada.go('omar')
  await brass()
  await expect(ada.composer, 'it is kept as a draft').toHaveValue('is it you?')
  await expect(ada.state('written before she knew')).toHaveText('On the way')
  // What Omar writes comes, so what Ada wrote could have gone.
  await omar.go('ada')
  await omar.say('I lost my laptop')
  await ada.reads('I lost my laptop')
  await expect(ada.state('written before she knew')).toHaveText('On the way')
  await expect(omar.bubble('written before she knew')).toHaveCount(0)
})

test('what happened, likely reasons and three choices; to decide later changes nothing', async () => {
  await ada.button('Check omar again').click()
  const dialog = ada.dialog('The keys of omar changed')
  await looks.at(ada.page, '51-changed-choices')
  await dialog.getByRole('button', { name: 'Decide later' }).click()
  await expect(dialog).toHaveCount(0)
  await brass()
})

test('after comparing the digits again all goes on', async () => {
  await ada.button('Check omar again').click()
  await ada.dialog('The keys of omar changed').getByRole('button', { name: 'Check omar again' }).click()
  const hers = ada.dialog('Check that this is omar')
  const digits = hers.getByRole('list', { name: 'Sixty digits' })
  await expect(digits.getByRole('listitem')).toHaveCount(12)
  await looks.at(ada.page, '52-check-again')
  await omar.button('About this person').click()
  await omar.page.getByRole('complementary').getByRole('button', { name: 'Check', exact: true }).click()
  const his = omar.dialog('Check that this is ada').getByRole('list', { name: 'Sixty digits' })
  await expect(his.getByRole('listitem')).toHaveCount(12)
  expect((await his.innerText()).replace(/\D/g, '')).toBe((await digits.innerText()).replace(/\D/g, ''))
  await omar.page.keyboard.press('Escape')
  await omar.page.keyboard.press('Escape')
  await hers.getByRole('button', { name: 'They are the same' }).click()
  await expect(header().getByText('You checked this is omar, by comparing digits')).toBeVisible()
  await expect(composer()).toHaveCount(0)
  await omar.reads('written before she knew')
  await expect(ada.composer).toHaveValue('is it you?')
  await ada.composer.press('Enter')
  await omar.reads('is it you?')
  await expect(ada.state('is it you?')).toHaveText('Read')
})

test('the second time Ada sends anyway: it goes, and Omar does not count as checked', async ({ browser }) => {
  await comeBack(browser)
  await brass()
  await omar.go('ada')
  await asks('then I write anyway')
  await expect(ada.button('Check omar again'), 'the first choice has the focus').toBeFocused()
  await ada.button('Send anyway').click()
  await omar.reads('then I write anyway')
  await expect(ada.composer).toHaveValue('')
  await expect(composer()).toHaveCount(0)
  await expect(header().getByText('You have not checked that this is omar.')).toBeVisible()
  await expect(ada.row('omar').getByRole('img', { name: 'You have not checked that this is omar.' })).toBeVisible()
  await ada.reload()
  await ada.go('omar')
  await expect(header().getByText('You have not checked that this is omar.')).toBeVisible()
  await ada.say('and again')
  await omar.reads('and again')
})

test('who is not checked may change keys without a question', async ({ browser }) => {
  await comeBack(browser)
  await expect(ada.page.getByText('omar has a new device.').first()).toBeVisible({ timeout: 60_000 })
  await ada.say('no question this time')
  await omar.go('ada')
  await omar.reads('no question this time')
  await expect(composer()).toHaveCount(0)
  // Nothing that was asked about ever came twice or in between.
  expect((await ada.history()).filter((t) => /anyway|is it you|before she knew/.test(t))).toHaveLength(3)
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(3)
})
