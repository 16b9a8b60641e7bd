// SPDX-License-Identifier: AGPL-3.0-or-later
// The service worker: it keeps one release of the app, shell and core, so
// that the app opens without a network, and never mixes two releases. It
// caches nothing a person wrote and answers for nothing else.

export {}
const sw = self as unknown as ServiceWorkerGlobalScope

// Both are written in by scripts/release.mjs once the files have their names.
declare const __RELEASE__: string
declare const __FILES__: string[]

const cacheName = `clarion ${__RELEASE__}`

sw.addEventListener('install', (e) => {
  e.waitUntil(
    caches.open(cacheName).then((cache) =>
      // Each release is fetched once; `reload` goes past the HTTP cache.
      cache.addAll(__FILES__.map((path) => new Request(path, { cache: 'reload', credentials: 'omit' }))),
    ),
  )
})

sw.addEventListener('activate', (e) => {
  e.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter((n) => n.startsWith('clarion ') && n !== cacheName).map((n) => caches.delete(n)))),
  )
})

sw.addEventListener('message', (e) => {
  // Sent by a page whose person asked for the new release.
  if (e.data === 'take over') void sw.skipWaiting()
})

sw.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url)
  if (e.request.method !== 'GET' || url.origin !== sw.location.origin) return
  const page = e.request.mode === 'navigate' && (url.pathname === '/' || url.pathname === '/i')
  const path = page ? '/' : url.pathname
  if (!page && !__FILES__.includes(path)) return
  e.respondWith(
    caches.open(cacheName).then(async (cache) => (await cache.match(path)) ?? fetch(e.request)),
  )
})
