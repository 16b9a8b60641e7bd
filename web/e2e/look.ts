// SPDX-License-Identifier: AGPL-3.0-or-later
// Looking at a screen: photographed in both appearances and both widths, held
// to WCAG 2.2 AA by axe in each, and tried at 320 px for what does not fit.
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { mkdirSync } from 'node:fs'

const shots = new URL('../shots/', import.meta.url).pathname
export const wide = { width: 1280, height: 800 }
export const narrow = { width: 390, height: 844 }
const smallest = { width: 320, height: 640 }

/** unfit is what axe finds: WCAG 2.2 AA and what it contains. In its legacy
 *  mode it opens no page of its own, behind which ours would count as unseen. */
export async function unfit(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze()
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary?.split('\n')[1]?.trim() ?? ''}`))
}

/** overflowing lists what reaches out of the page to the side. */
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) {
      const boxes = [...document.querySelectorAll('main, dialog[open], nav, aside')]
      return boxes.filter((b) => b.scrollWidth > b.clientWidth + 1 && b.clientWidth > 0).map((b) => `${b.tagName} ${b.className} scrolls to the side: ${b.scrollWidth} in ${b.clientWidth}`)
    }
    const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1 || e.getBoundingClientRect().left < -1)
    return [`the page scrolls to the side: ${document.documentElement.scrollWidth} in ${width}`, ...wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 120))]
  })
}

/** appear waits until the page shows itself so. */
export async function appear(page: Page, how: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme: how, reducedMotion: 'reduce' })
  await page.waitForFunction((h) => document.documentElement.dataset.appearance === h, how)
}

/** Looks collects what is wrong with the screens of one scenario, so that a
 *  fault of one does not hide the next; its last test expects nothing. */
export class Looks {
  readonly #wrong: string[] = []
  readonly #names = new Set<string>()

  /** at looks at a screen and leaves the page as it was. */
  async at(page: Page, name: string): Promise<void> {
    this.#names.add(name)
    if (process.env.CLARION_LOOKS === 'none') return // expectNothing fails then
    const before = page.viewportSize() ?? wide
    mkdirSync(shots, { recursive: true })
    await page.evaluate(() => document.fonts.ready.then(() => undefined))
    for (const size of [wide, narrow]) {
      await page.setViewportSize(size)
      for (const how of ['light', 'dark'] as const) {
        await appear(page, how)
        await page.screenshot({ path: `${shots}${name}-${size.width}-${how}.png`, animations: 'disabled', caret: 'initial' })
        if (size === narrow && how === 'dark') continue // its colours were those of the wide one
        for (const w of await unfit(page)) this.#wrong.push(`${name}, ${size.width} px, ${how}: ${w}`)
      }
    }
    await appear(page, 'light')
    await page.setViewportSize(smallest)
    for (const w of await overflowing(page)) this.#wrong.push(`${name}, 320 px: ${w}`)
    await page.setViewportSize(before)
  }

  /** expectNothing ends the scenario: that many screens were looked at. */
  expectNothing(screens: number): void {
    expect(process.env.CLARION_LOOKS, 'screens were not looked at').not.toBe('none')
    expect(this.#wrong).toEqual([])
    expect(this.#names.size, [...this.#names].join(', ')).toBe(screens)
  }
}
