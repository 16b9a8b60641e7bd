// SPDX-License-Identifier: AGPL-3.0-or-later
// What must not happen in any page: a line on the console, an error that
// nobody caught, a breach of the policy, a request to anybody else.
import type { BrowserContext, Page } from '@playwright/test'

export class Watch {
  readonly seen: string[] = []
  readonly #origin: () => string
  /** Lines a test expects, as when it takes the network away. */
  expected: RegExp[] = []

  constructor(context: BrowserContext, origin: () => string) {
    this.#origin = origin
    context.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') this.#note(`console ${m.type()}: ${m.text()} (${m.location().url})`)
    })
    context.on('weberror', (e) => this.#note(`uncaught: ${e.error().name}: ${e.error().stack || e.error().message}`))
    context.on('request', (r) => {
      const url = r.url()
      if (!url.startsWith(this.#origin() + '/') && !/^(data|blob):/.test(url)) this.#note(`request to ${url}`)
    })
    context.on('page', (p) => void p.on('crash', () => this.#note('the page crashed')))
  }

  /** policy also hears of breaches that are not on the console. */
  async policy(context: BrowserContext): Promise<void> {
    await context.exposeBinding('clarionBreach', (_, what: string) => this.#note(`policy: ${what}`))
    await context.addInitScript(() => {
      const tell = (window as unknown as { clarionBreach: (what: string) => void }).clarionBreach
      document.addEventListener('securitypolicyviolation', (e) => tell(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`))
    })
  }

  #note(what: string): void {
    if (!this.expected.some((e) => e.test(what))) this.seen.push(what)
  }

  /** networkLoss allows the lines that a browser writes when a server is gone. */
  networkLoss(): void {
    this.expected.push(/console error: (Failed to load resource: net::ERR_|WebSocket connection to .* failed)/)
  }
}

/** layoutShift measures, from the page's first moment, how far things moved
 *  that nobody asked to move (web.dev/cls: the largest window of 5 s). */
export async function measureShift(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const w = window as unknown as { clarionShift: { sum: number; what: string[] } }
    w.clarionShift = { sum: 0, what: [] }
    new PerformanceObserver((list) => {
      for (const e of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean; sources?: { node?: Node }[] })[]) {
        if (e.hadRecentInput) continue
        w.clarionShift.sum += e.value
        w.clarionShift.what.push(`${e.value.toFixed(4)} ${(e.sources ?? []).map((s) => (s.node instanceof Element ? s.node.outerHTML.slice(0, 80) : s.node?.nodeName)).join(' | ')}`)
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
}

export function shift(page: Page): Promise<{ sum: number; what: string[] }> {
  return page.evaluate(() => (window as unknown as { clarionShift: { sum: number; what: string[] } }).clarionShift)
}
