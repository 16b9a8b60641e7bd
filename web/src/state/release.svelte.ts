// SPDX-License-Identifier: AGPL-3.0-or-later
// Releases of the app: one runs, a newer one may wait in the service worker,
// or run in another tab. All tabs change together.
import { trusted } from './core.svelte'
import { keepDrafts } from './drafts'
import { allKept } from './keeping'

export const release = $state({ waiting: false })

/** How long, in ms, a tab that reloads waits for what is being kept. */
const patience = 3000

let waiting: ServiceWorker | null = null
let reloading = false
const tabs = new BroadcastChannel('clarion release')

/** startRelease keeps the app for use without a network and looks for a
 *  newer one. A browser without service workers works all the same. */
export function startRelease(): void {
  tabs.onmessage = () => void reload()
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return
  let first = !navigator.serviceWorker.controller
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    // The very first one takes a page in care that runs its own release.
    if (!first) void reload()
    first = false
  })
  navigator.serviceWorker
    .register(trusted('/sw.js'), { scope: '/', updateViaCache: 'none' })
    .then((r) => {
      const look = (w: ServiceWorker | null) => {
        if (!w) return
        const here = () => {
          if (w.state === 'installed' && r.active) {
            waiting = w
            release.waiting = true
          }
        }
        w.addEventListener('statechange', here)
        here()
      }
      look(r.waiting)
      look(r.installing)
      r.addEventListener('updatefound', () => look(r.installing))
      addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'visible') void r.update().catch(() => undefined)
      })
    })
    .catch(() => undefined) // private windows refuse; the app works without
}

/** reload begins this tab anew once what is written here is kept. */
async function reload(): Promise<void> {
  if (reloading) return
  reloading = true
  keepDrafts()
  await allKept(patience)
  location.reload()
}

/** renew starts the newer release, in all tabs. */
export async function renew(): Promise<void> {
  keepDrafts()
  await allKept(patience)
  if (waiting?.state === 'installed') {
    waiting.postMessage('take over') // and every tab hears of it
    return
  }
  tabs.postMessage('reload')
  await reload()
}
