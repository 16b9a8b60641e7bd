// SPDX-License-Identifier: AGPL-3.0-or-later
// Releases of the app: one runs, a newer one may wait in the service worker.
import { trusted } from './core.svelte'

export const release = $state({ waiting: false })

let waiting: ServiceWorker | null = null

/** startRelease keeps the app for use without a network and looks for a
 *  newer one. A browser without service workers works all the same. */
export function startRelease(): void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return
  let asked = false
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (asked) location.reload()
  })
  takeOver = () => {
    asked = true
    waiting?.postMessage('take over')
  }
  navigator.serviceWorker
    .register(trusted('/sw.js'), { scope: '/', updateViaCache: 'none' })
    .then((r) => {
      const look = (w: ServiceWorker | null) => {
        if (!w) return
        const here = () => {
          if (w.state === 'installed' && navigator.serviceWorker.controller) {
            waiting = w
            release.waiting = true
          }
        }
        w.addEventListener('statechange', here)
        here()
      }
      look(r.waiting)
      r.addEventListener('updatefound', () => look(r.installing))
      addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'visible') void r.update().catch(() => undefined)
      })
    })
    .catch(() => undefined) // private windows refuse; the app works without
}

let takeOver = () => location.reload()

/** renew starts the newer release. */
export function renew(): void {
  takeOver()
}
