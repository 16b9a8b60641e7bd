// SPDX-License-Identifier: AGPL-3.0-or-later
// A person at a browser: what they see and do, in the words of the screen.
import { expect, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from '@playwright/test'
import type { Server } from './server'
import { measureShift, Watch } from './watch'
import { Wire } from './wire'

export class Person {
  readonly name: string
  readonly server: Server
  readonly context: BrowserContext
  readonly watch: Watch
  readonly wire: Wire | null
  page!: Page
  words: string[] = []

  private constructor(name: string, server: Server, context: BrowserContext, watch: Watch, wire: Wire | null) {
    this.name = name
    this.server = server
    this.context = context
    this.watch = watch
    this.wire = wire
  }

  /** arrive opens a browser context of its own, perhaps behind a wire. */
  static async arrive(browser: Browser, server: Server, name: string, options: BrowserContextOptions & { wired?: boolean } = {}): Promise<Person> {
    const { wired, ...rest } = options
    const wire = wired ? await Wire.start() : null
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...rest, ...(wire ? { proxy: wire.proxy } : {}) })
    return Person.in(context, server, name, wire)
  }

  /** in takes a context that is there, as one of a profile on disk. */
  static async in(context: BrowserContext, server: Server, name: string, wire: Wire | null = null): Promise<Person> {
    const watch = new Watch(context, () => server.url)
    await watch.policy(context)
    const p = new Person(name, server, context, watch, wire)
    p.page = await context.newPage()
    await measureShift(p.page)
    return p
  }

  get handle(): string {
    return `${this.name}@${this.server.host}`
  }

  async open(path = '/'): Promise<void> {
    await this.page.goto(this.server.url + path)
  }

  button(name: string | RegExp, within: Page | Locator = this.page): Locator {
    return within.getByRole('button', { name, exact: typeof name === 'string' })
  }

  dialog(name?: string | RegExp): Locator {
    return this.page.getByRole('dialog', name === undefined ? {} : { name })
  }

  // ── before the app ───────────────────────────────────────────────────────

  /** register goes from the first screen to the list of conversations. */
  async register(): Promise<void> {
    await this.button('Make an account').click()
    await this.page.getByLabel('Name', { exact: true }).fill(this.name)
    await this.button('Make an account').click()
    await this.keepSheet()
  }

  /** keepSheet reads the recovery sheet and confirms two of its words. */
  async keepSheet(): Promise<void> {
    const sheet = this.page.getByRole('list', { name: 'Your recovery sheet' }).getByRole('listitem')
    await expect(sheet).toHaveCount(24, { timeout: 90_000 })
    this.words = (await sheet.allInnerTexts()).map((t) => t.replace(/^\d+\s*/, '').trim())
    await this.button('I have them').click()
    await this.confirmWords()
  }

  async confirmWords(): Promise<void> {
    const fields = this.page.getByLabel(/^Word \d+$/)
    await expect(fields).toHaveCount(2)
    for (const field of await fields.all()) {
      const label = await this.page.locator(`label[for="${await field.getAttribute('id')}"]`).innerText()
      await field.fill(this.words[Number(label.replace(/\D/g, '')) - 1] ?? '')
    }
    await this.button('Done').click()
    await expect(fields).toHaveCount(0)
  }

  /** restore brings the account back from words, in an empty browser. */
  async restore(name: string, words: string[]): Promise<void> {
    await this.button('I have a recovery sheet').click()
    await this.page.getByLabel('Name on the sheet').fill(name)
    await this.page.getByLabel('The 24 words').fill(words.join(' '))
    await this.button('Bring it back').click()
    await expect(this.page.getByRole('heading', { name: `You are ${name}@${this.server.host} again` })).toBeVisible({ timeout: 90_000 })
  }

  // ── people ───────────────────────────────────────────────────────────────

  async ready(): Promise<void> {
    await expect(this.page.getByRole('navigation', { name: 'Conversations' }).getByText(this.server.host)).toBeVisible({ timeout: 60_000 })
  }

  async begin(what: RegExp): Promise<void> {
    await this.button('New conversation').click()
    await this.dialog('New conversation').getByRole('button', { name: what }).click()
  }

  /** invite makes a link that opens a conversation with this person. */
  async invite(): Promise<string> {
    await this.begin(/^Invite someone/)
    await this.button('Make a link').click()
    const link = await this.page.getByLabel('Invite link', { exact: true }).inputValue()
    await this.page.keyboard.press('Escape')
    return link
  }

  row(name: string): Locator {
    return this.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').getByRole('button').filter({ hasText: name })
  }

  async go(name: string): Promise<void> {
    await this.row(name).first().click()
    await expect(this.page.getByRole('heading', { level: 1, name })).toBeVisible()
  }

  // ── a conversation ───────────────────────────────────────────────────────

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: /^Message / })
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
    await expect(this.composer).toHaveValue('')
  }

  bubble(text: string): Locator {
    return this.page.locator('[data-message]').filter({ has: this.page.getByText(text, { exact: true }) })
  }

  state(text: string): Locator {
    return this.bubble(text).locator('[data-state]')
  }

  async reads(text: string): Promise<void> {
    await expect(this.bubble(text)).toHaveCount(1)
  }

  /** finds looks upwards through the history until the text is there, once. */
  async finds(text: string): Promise<void> {
    const history = this.page.getByRole('region', { name: /^Messages with / })
    await expect(async () => {
      if ((await this.bubble(text).count()) === 0) await history.evaluate((e) => e.scrollBy(0, -e.clientHeight / 2))
      expect(await this.bubble(text).count(), text).toBe(1)
    }).toPass({ timeout: 60_000 })
  }

  /** history reads all that was said here, oldest first, by scrolling up: each
   *  row once, so that a text that stands there twice is there twice. */
  async history(): Promise<string[]> {
    const region = this.page.getByRole('region', { name: /^Messages with / })
    await expect(this.page.locator('[data-message]').first()).toBeAttached()
    const seen = new Set<string>()
    let all: string[] = []
    await region.evaluate((e) => e.scrollTo(0, e.scrollHeight))
    for (let still = 0; still < 3; ) {
      const { rows, top } = await region.evaluate(async (e) => {
        await new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))
        const rows = [...e.querySelectorAll<HTMLElement>('[data-message]')].map((d) => [d.dataset.message ?? '', d.querySelector('.bubble')?.textContent ?? ''] as const)
        const top = e.scrollTop
        e.scrollBy(0, -e.clientHeight / 2)
        return { rows, top }
      })
      const fresh = rows.filter(([id]) => !seen.has(id))
      for (const [id] of fresh) seen.add(id)
      all = [...fresh.map(([, text]) => text), ...all]
      still = top <= 0 && fresh.length === 0 ? still + 1 : 0
    }
    await region.evaluate((e) => e.scrollTo(0, e.scrollHeight))
    return all
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  /** settings opens a section of the settings. */
  async settings(section: string): Promise<Locator> {
    await this.button('Settings').click()
    await this.page.getByRole('navigation', { name: 'Sections of the settings' }).getByRole('button', { name: section }).click()
    return this.page.getByRole('region', { name: section })
  }

  async leave(): Promise<void> {
    await this.context.close()
    await this.wire?.close()
    expect(this.watch.seen, `what happened at ${this.name}'s`).toEqual([])
  }
}
