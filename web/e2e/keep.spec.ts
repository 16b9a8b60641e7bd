// SPDX-License-Identifier: AGPL-3.0-or-later
// What is kept: for how long the server keeps a conversation, what it says
// that it holds, signed, and what a person takes along as a file.
import { expect, test, type Locator } from '@playwright/test'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Looks } from './look'
import { Person } from './person'
import { programs, Server } from './server'

test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const told = 'The tide tables: 日本語 🎈 <b>no</b>'
let secret = '' // of an invite link that nobody used
const looks = new Looks()

/** clarion runs Lin's terminal, which met the server by itself. */
const clarion = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(join(programs, 'clarion'), ['--home', join(server.folder, 'lin'), ...args])).stdout

/** saved is the content of the file that a button hands out. */
async function saved(p: Person, button: Locator): Promise<{ name: string; content: string }> {
  const [file] = await Promise.all([p.page.waitForEvent('download'), button.click()])
  return { name: file.suggestedFilename(), content: readFileSync(await file.path(), 'utf8') }
}

/** checks gives a saved answer to the terminal: what it says, or its failure's code. */
async function checks(answer: string): Promise<string> {
  const file = join(server.folder, 'answer.json')
  writeFileSync(file, answer)
  try {
    return await clarion('holdings', '--check', file, '--json')
  } catch (e) {
    return /"code":"(\w+)"/.exec((e as { stderr: string }).stderr)?.[1] ?? String(e)
  }
}

/** trueOnly: the answer as it is stands; with any of these changed it falls. */
async function trueOnly(answer: string, changes: [RegExp, string][]): Promise<void> {
  expect(JSON.parse(await checks(answer))).toMatchObject({ signature: 'ok', key: 'seen' })
  for (const [from, to] of changes) {
    const altered = answer.replace(from, to)
    expect(altered, `${from} is there to be changed`).not.toBe(answer)
    expect(await checks(altered), String(from)).toMatch(/^(bad_signature|server_key_differs)$/)
  }
}

const next = (digit: string): string => ((parseInt(digit, 16) + 1) % 16).toString(16)

test.beforeAll(async ({ browser }) => {
  server = await Server.start()
  ada = await Person.arrive(browser, server, 'ada')
  omar = await Person.arrive(browser, server, 'omar')
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await ada.go('omar')
  await ada.say(told)
  await omar.reads(told)
  await omar.say('It is at six.')
  await ada.reads('It is at six.')
  await clarion('register', '--server', server.url, '--name', 'lin')
})
test.afterAll(async () => {
  await omar?.context.close()
  await ada?.context.close()
  await server?.close()
})
test.afterEach(() => {
  for (const p of [ada, omar]) expect(p.watch.seen.splice(0), `what happened at ${p.name}'s`).toEqual([])
})

test('Ada changes for how long the server keeps this; Omar reads that she did', async () => {
  await ada.button('About this person').click()
  const keep = ada.page.getByLabel('How long the server keeps messages')
  await expect(keep).toHaveValue('30')
  await keep.selectOption('3')
  await looks.at(ada.page, '70-keep')
  await ada.button('Change for everybody').click()
  await expect(ada.button('Change for everybody')).toHaveCount(0)
  await expect(keep).toHaveValue('3')
  await expect(ada.page.getByText('You changed how long the server keeps messages here: 3 days.')).toBeVisible()
  await expect(omar.page.getByText('ada changed how long the server keeps messages here: 3 days.')).toBeVisible()
  await looks.at(omar.page, '71-kept-line')
  await omar.reload()
  await omar.go('ada')
  await expect(omar.page.getByText('ada changed how long the server keeps messages here: 3 days.')).toBeVisible()
})

test('the panel shows it, and the saved answer is what the server signed', async () => {
  await omar.button('What the server knows about this conversation').click()
  const panel = omar.page.getByRole('complementary')
  await expect(panel.getByText('What is written now stays for3 days')).toBeVisible()
  await expect(panel.getByText(/the members agreed on/)).toHaveCount(0)
  await looks.at(omar.page, '72-knows')
  const { name, content } = await saved(omar, omar.button('Save this answer, signed', panel))
  expect(name).toBe('clarion-conversation.json')
  expect(JSON.parse(content)).toMatchObject({ keep: 3, agreed: 3, host: server.host })
  await trueOnly(content, [
    [/"keep":3/, '"keep":4'],
    [/("sizes":\[\{"bytes":\d+,"rows":)\d+/, '$199'],
    [/("table":"envelope","rows":)\d+/, '$10'],
    [/"first_gone":"\d{4}/, '"first_gone":"2031'],
    [/"could":\["./, '"could":["?'],
    [/"mailbox":"./, `"mailbox":"${next(/"mailbox":"(.)/.exec(content)?.[1] ?? '')}`],
    [/"signature":"./, `"signature":"${next(/"signature":"(.)/.exec(content)?.[1] ?? '')}`],
    [/"server_key":"./, `"server_key":"${next(/"server_key":"(.)/.exec(content)?.[1] ?? '')}`],
    [/"host":"127/, '"host":"128'],
  ])
})

test('so is the answer about the account', async () => {
  const region = await omar.settings('What the server knows about me')
  const { name, content } = await saved(omar, omar.button('Save this answer, signed', region))
  expect(name).toMatch(/^clarion-holdings-omar.*\.json$/)
  expect(JSON.parse(content)).toMatchObject({ account: omar.handle, host: server.host })
  await trueOnly(content, [
    [/"account":"omar/, '"account":"lin'],
    [/("table":"account","rows":)1/, '$12'],
    [/"cannot":\["./, '"cannot":["?'],
    [/"at":"\d{4}/, '"at":"2031'],
    [/"signature":"./, `"signature":"${next(/"signature":"(.)/.exec(content)?.[1] ?? '')}`],
  ])
})

/** secrets lists what could be one: runs of letters and digits as long as 16
 *  bytes in any usual writing, that are none of the known ones; the words of the
 *  recovery sheet, three in a row; and what is asked for. */
function secrets(content: string, known: string[], asked: string[]): string[] {
  let rest = content
  for (const k of known) rest = rest.replaceAll(k, ' ')
  const runs = rest.match(/[A-Za-z0-9+/_-]{20,}={0,2}/g) ?? []
  const words = rest.toLowerCase().match(/[a-z]+/g) ?? []
  const sheet = ada.words.map((_, i) => ada.words.slice(i, i + 3).join(' ')).filter((w) => w.split(' ').length === 3)
  const spoken = words.join(' ')
  return [...runs, ...sheet.filter((w) => spoken.includes(w)), ...asked.filter((a) => content.includes(a))]
}

/** controlled: the search finds nothing, and finds what is planted. */
function controlled(content: string, known: string[], asked: string[]): void {
  expect(secrets(content, known, asked)).toEqual([])
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 151 + 7) % 256))
  const marks = [key.toString('hex'), key.toString('base64'), key.toString('base64url'), key.subarray(0, 16).toString('hex'), ada.words.slice(4, 8).join(' '), ...asked]
  const middle = content.indexOf('\n', content.length / 2)
  for (const mark of marks) {
    expect(secrets(content.slice(0, middle) + `\n"x": "${mark}"` + content.slice(middle), known, asked).length, `planted: ${mark}`).toBeGreaterThan(0)
  }
}

test('history and contacts are saved as JSON, without a key, a pass or state', async () => {
  await ada.button('About this person').click()
  const link = await ada.invite()
  secret = link.slice(link.lastIndexOf('/') + 1)
  expect(secret.length).toBeGreaterThan(20)
  const region = await ada.settings('Save history and contacts')
  const { name, content } = await saved(ada, ada.button('As JSON', region))
  await expect(ada.page.getByText('Saved: 1 conversation, 2 messages.')).toBeVisible()
  await looks.at(ada.page, '73-saved')
  expect(name).toMatch(/^clarion-ada.*\.json$/)
  const all = JSON.parse(content) as { account: string; contacts: object[]; conversations: { id: string; history: { kind: string; id?: string; text?: string }[] }[] }
  expect(all.account).toBe(ada.handle)
  expect(all.contacts).toMatchObject([{ handle: omar.handle, state: 'accepted', checked: null, came_by: 'link' }])
  const history = all.conversations.flatMap((c) => c.history)
  expect(history.filter((h) => h.kind === 'message').map((h) => h.text)).toEqual([told, 'It is at six.'])
  expect(history.filter((h) => h.kind === 'keep_changed')).toMatchObject([{ by: ada.handle, handle: '', keep: 3 }])
  // Nothing is there but these, whatever the core adds to its answers.
  const names = new Set<string>()
  JSON.parse(content, (k: string, v: unknown) => {
    if (k !== '' && !/^\d+$/.test(k)) names.add(k)
    return v
  })
  expect([...names].sort()).toEqual('account at by came_by checked contacts conversations direct format from handle history id keep kind members name seq state text version'.split(' '))
  const known = [...all.conversations.map((c) => c.id), ...history.flatMap((h) => (h.id === undefined ? [] : [h.id])), 'conversation_joined']
  for (const id of known.slice(0, -1)) expect(id, 'an id is 16 bytes').toMatch(/^[0-9a-f]{32}$/)
  controlled(content, known, [secret])
})

test('and as text that a person reads', async () => {
  const region = ada.page.getByRole('region', { name: 'Save history and contacts' })
  const { name, content } = await saved(ada, ada.button('As readable text', region))
  expect(name).toMatch(/^clarion-ada.*\.txt$/)
  for (const text of [told, 'It is at six.', omar.handle, '(keep changed 3)']) expect(content).toContain(text)
  controlled(content, [], [secret])
})

test('every screen fits, in both appearances and at 320 px', () => {
  looks.expectNothing(4)
})
