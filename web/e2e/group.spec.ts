// SPDX-License-Identifier: AGPL-3.0-or-later
// More than two: groups, a stranger's request, somebody at a terminal, a
// history of ten thousand, and everything by keyboard.
import { expect, test } from '@playwright/test'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Looks, overflowing } from './look'
import { Person } from './person'
import { programs, Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

/** clarion runs Lin's terminal. */
const clarion = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(join(programs, 'clarion'), ['--home', join(server.folder, 'lin'), ...args])).stdout

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada')
  omar = await Person.arrive(browser, server, 'omar')
  for (const p of [ada, omar]) {
    await p.open()
    await p.register()
    await p.ready()
  }
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('who asks by handle is a contact request until accepted', async () => {
  await omar.begin(/^Ask by handle/)
  await looks.at(omar.page, '40-by-handle')
  await omar.page.getByLabel('Handle or invite link').fill('ada')
  await omar.button('Ask to talk').click()
  await expect(omar.page.getByRole('heading', { level: 1, name: 'ada' })).toBeVisible()
  const request = ada.page.getByRole('article', { name: `Contact request from ${omar.handle}` })
  await expect(request).toBeVisible()
  expect(await request.getByRole('img').count(), 'text only').toBe(0)
  await looks.at(ada.page, '41-request')
  await request.getByRole('button', { name: 'Accept' }).click()
  await expect(ada.page.getByRole('heading', { level: 1, name: 'omar' })).toBeVisible()
  await ada.say('You asked?')
  await omar.reads('You asked?')
  await expect(ada.page.locator('main header').getByText('You have not checked that this is omar.')).toBeVisible()
})

test('a terminal and a browser write to each other', async () => {
  await clarion('register', '--server', server.url, '--name', 'lin')
  const { link } = JSON.parse(await clarion('invite', '--json')) as { link: string }
  await ada.begin(/^Ask by handle/)
  await ada.page.getByLabel('Handle or invite link').fill(link)
  await ada.button('Ask to talk').click()
  await expect(ada.page.getByRole('heading', { level: 1, name: 'lin' })).toBeVisible()
  await ada.say('from the browser')
  const heard = await clarion('listen', '--json', '--once', '1', '--timeout', '60')
  expect(heard).toContain('"text":"from the browser"')
  await expect(ada.state('from the browser')).toHaveText('Read')
  await clarion('send', 'ada', 'from the terminal')
  await ada.reads('from the terminal')
})

test('a group is made, named, left and changed; quiet lines say so', async () => {
  await ada.begin(/^New group/)
  await looks.at(ada.page, '42-new-group')
  await ada.page.getByLabel('Name', { exact: true }).fill('Harbour office')
  await ada.dialog().getByRole('checkbox', { name: /omar/ }).check()
  await ada.button('Make the group').click()
  await expect(ada.page.getByRole('heading', { level: 1, name: 'Harbour office' })).toBeVisible()
  await ada.say('for both of you')
  await omar.go('Harbour office')
  await omar.reads('for both of you')

  await ada.button('People in this conversation').click()
  await looks.at(ada.page, '43-people')
  await ada.button('Add people').click()
  await ada.dialog().getByRole('checkbox', { name: /lin/ }).check()
  await looks.at(ada.page, '44-add')
  await ada.dialog().getByRole('button', { name: 'Add', exact: true }).click()
  await expect(omar.page.getByText('ada added lin.')).toBeVisible()
  await ada.page.keyboard.press('Escape')
  await ada.say('three of us now')
  const heard = await clarion('listen', '--json', '--once', '1', '--timeout', '60')
  expect(heard).toContain('Harbour office')
  expect(heard).toContain('three of us now')
  expect(heard, 'who comes later reads nothing from before').not.toContain('for both of you')

  await ada.button('People in this conversation').click()
  const panel = ada.page.getByRole('complementary')
  await panel.getByRole('listitem').filter({ hasText: 'lin' }).getByRole('button', { name: 'Remove' }).click()
  await looks.at(ada.page, '45-remove')
  await ada.dialog().getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(omar.page.getByText('ada removed lin.')).toBeVisible()

  await omar.button('People in this conversation').click()
  await omar.page.getByRole('complementary').getByRole('button', { name: 'Leave' }).click()
  await looks.at(omar.page, '46-leave')
  await omar.dialog().getByRole('button', { name: 'Leave', exact: true }).click()
  await expect(ada.page.getByText('omar left.')).toBeVisible()
  await omar.page.keyboard.press('Escape')
  await expect(omar.page.getByText('You left this conversation.')).toBeVisible()
  await looks.at(omar.page, '47-left')
  await ada.page.keyboard.press('Escape')
})

test('a long name and a long answer leave everything where it is', async () => {
  await ada.begin(/^New group/)
  const long = 'Friends of the harbour restoration committee and their families of the whole coast'
  await ada.page.getByLabel('Name', { exact: true }).fill(long)
  await ada.dialog().getByRole('checkbox', { name: /omar/ }).check()
  await ada.button('Make the group').click()
  await expect(ada.page.getByRole('heading', { level: 1, name: long })).toBeVisible()
  for (const [width, height] of [[1280, 800], [1000, 700], [390, 800], [320, 640]] as const) {
    await ada.page.setViewportSize({ width, height })
    expect(await overflowing(ada.page), `${width} px`).toEqual([])
    await expect(ada.composer).toBeInViewport()
    if (width < 900) continue
    for (const name of ['What the server knows about this conversation', 'People in this conversation']) {
      await ada.button(name).click()
      await expect(ada.page.getByRole('complementary')).toBeVisible()
      await expect(ada.page.getByRole('complementary').getByRole('status')).toHaveCount(0)
      expect(await overflowing(ada.page), `${name}, ${width} px`).toEqual([])
      expect(await ada.page.evaluate(() => document.documentElement.scrollHeight), `${name}, ${width} px`).toBeLessThanOrEqual(height)
      await expect(ada.composer).toBeInViewport({ ratio: 0.9 })
      await ada.page.keyboard.press('Escape')
      await expect(ada.page.getByRole('complementary')).toHaveCount(0)
    }
  }
  await ada.page.setViewportSize({ width: 1280, height: 800 })
})

test('the main job by keyboard alone', async () => {
  const page = ada.page
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await page.keyboard.press('Control+k')
  await expect(page.getByRole('combobox'), 'the focus is where one types').toBeFocused()
  await page.keyboard.type('omar')
  // Harbour office has him as a member, so it is found too.
  for (let i = 0; i < 3 && !(await page.getByRole('option', { selected: true }).innerText()).includes('omar'); i++) await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'omar' })).toBeVisible()
  const reach = async (what: RegExp) => {
    await expect(async () => {
      await page.keyboard.press('Tab')
      const name = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '')
      expect(name).toMatch(what)
    }).toPass({ timeout: 30_000, intervals: [1] })
  }
  await reach(/^Message omar/)
  await page.keyboard.type('by keyboard alone')
  await page.keyboard.press('Enter')
  await omar.go('ada')
  await omar.reads('by keyboard alone')
  await reach(/^About this person/)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('complementary')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('complementary')).toHaveCount(0)
  await reach(/^New conversation/)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'the focus goes back').toBe('New conversation')
})

test('ten thousand messages, and at most sixty rows of them in the page', async () => {
  test.setTimeout(600_000)
  // Lin writes them in the terminal while the server is away; they go out in
  // one go when it is back.
  const terminal = (...args: string[]) => spawn(join(programs, 'clarion'), ['--home', join(server.folder, 'lin'), ...args], { stdio: ['pipe', 'ignore', 'ignore'] })
  const over = (p: ChildProcess) => new Promise<number | null>((resolve) => p.on('exit', resolve))
  await server.stop()
  const lin = terminal('chat', 'ada')
  const kept = over(lin)
  lin.stdin.end(Array.from({ length: 10_000 }, (_, i) => `number ${i + 1}\n`).join(''))
  expect(await kept, 'kept, and not sent').toBe(4)
  await server.again()
  expect(await over(terminal('flush'))).toBe(0)

  await ada.go('lin')
  await expect(ada.bubble('number 10000')).toHaveCount(1, { timeout: 300_000 })
  const rows = () => ada.page.locator('[data-message]').count()
  expect(await rows()).toBeGreaterThan(3)
  expect(await rows()).toBeLessThanOrEqual(60)
  const history = ada.page.getByRole('region', { name: /^Messages with / })
  for (const text of ['number 9950', 'number 9800']) {
    await ada.finds(text)
    expect(await rows()).toBeLessThanOrEqual(60)
  }
  await history.evaluate((e) => e.scrollTo(0, e.scrollHeight))
  await ada.reads('number 10000')
  await expect(ada.row('lin').getByText(/^(99\+|\d+)$/), 'all of them were seen').toHaveCount(0)
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(8)
})
