// SPDX-License-Identifier: AGPL-3.0-or-later
// The page takes only the core that it was built with.
import { expect, test, type Browser, type Page } from '@playwright/test'
import { Person } from './person'
import { Server } from './server'

/** withCore opens the page in a fresh browser that gets the core as `change`
 *  makes it of the true one. */
async function withCore(browser: Browser, change: (core: Buffer) => Buffer, look: (page: Page) => Promise<void>): Promise<void> {
  const server = await Server.start()
  const ada = await Person.arrive(browser, server, 'ada', { serviceWorkers: 'block' })
  ada.watch.expected.push(/Service Worker registration blocked by Playwright/)
  try {
    let given = 0
    await ada.context.route('**/*.wasm', async (route) => {
      const answer = await route.fetch()
      given++
      await route.fulfill({ response: answer, body: change(await answer.body()), headers: { ...answer.headers(), 'content-encoding': 'identity' } })
    })
    await ada.open()
    await look(ada.page)
    expect(given, 'the core passed through here').toBeGreaterThan(0)
  } finally {
    await ada.leave()
    await server.close()
  }
}

test('a core that is another than the page was built with does not run', async ({ browser }) => {
  // Control: the same way, and nothing changed on it.
  await withCore(browser, (core) => core, async (page) => {
    await page.getByRole('button', { name: 'Make an account', exact: true }).click()
    await page.getByLabel('Name', { exact: true }).fill('ada')
    await page.getByRole('button', { name: 'Make an account', exact: true }).click()
    await expect(page.getByRole('list', { name: 'Your recovery sheet' }).getByRole('listitem')).toHaveCount(24, { timeout: 90_000 })
  })
  // A custom section of one byte at the end: valid, and it would run the same.
  await withCore(browser, (core) => Buffer.concat([core, Buffer.from([0, 2, 1, 120])]), async (page) => {
    await expect(page.getByRole('alert')).toHaveText('The program the server gave is not the one this page was made with.', { timeout: 90_000 })
    await expect(page.getByText('core_altered')).toBeVisible()
  })
})
