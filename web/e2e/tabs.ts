// SPDX-License-Identifier: AGPL-3.0-or-later
// Several tabs of one person.
import { expect, type BrowserContext, type Locator, type Page } from '@playwright/test'
import type { Server } from './server'

export class Tab {
  readonly page: Page

  private constructor(page: Page) {
    this.page = page
  }

  static async open(context: BrowserContext, server: Server): Promise<Tab> {
    const page = await context.newPage()
    await page.goto(server.url)
    return new Tab(page)
  }

  static of(page: Page): Tab {
    return new Tab(page)
  }

  /** Whether this tab runs the core. */
  get holds(): boolean {
    return this.page.workers().length > 0
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: /^Message / })
  }

  async go(name: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').getByRole('button').filter({ hasText: name }).first().click({ timeout: 60_000 })
    await expect(this.composer).toBeVisible()
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
    await expect(this.composer).toHaveValue('')
  }

  bubble(text: string): Locator {
    return this.page.locator('[data-message]').filter({ has: this.page.getByText(text, { exact: true }) })
  }

  async sent(text: string): Promise<void> {
    await expect(this.bubble(text).locator('[data-state]')).toHaveText(/Sent|Delivered|Read/, { timeout: 90_000 })
  }

  /** Two turns of what a page does for each picture it paints. */
  async paints(): Promise<void> {
    await this.page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))))
  }
}
