// SPDX-License-Identifier: AGPL-3.0-or-later
// The service worker: it keeps one release of the app, shell and core, so
// that the app opens without a network, and never mixes two releases. It
// caches nothing a person wrote and answers for nothing else.

export {}
const sw = self as unknown as ServiceWorkerGlobalScope

// All are written in by scripts/release.mjs once the files have their names.
declare const __RELEASE__: string
declare const __FILES__: string[]
/** A page that says that there is no connection. */
declare const __OFFLINE__: string

const cacheName = `clarion ${__RELEASE__}`

/** install fetches a release once; `reload` goes past the HTTP cache. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName)
  try {
    await cache.addAll(__FILES__.map((path) => new Request(path, { cache: 'reload', credentials: 'omit' })))
    // A server that changed its release meanwhile has given another page.
    const page = await (await cache.match('/'))?.text()
    for (const [path] of page?.matchAll(/\/assets\/[^"']+/g) ?? []) {
      if (!__FILES__.includes(path)) throw new Error(`${path} is of another release`)
    }
  } catch (e) {
    await caches.delete(cacheName)
    throw e
  }
}

/** tidy removes earlier releases. One stays while a tab is open that may run
 *  it and still has parts to fetch. */
async function tidy(): Promise<void> {
  const windows = await sw.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const earlier = (await caches.keys()).filter((n) => n.startsWith('clarion ') && n !== cacheName)
  if (windows.length > 0) earlier.pop() // the newest of them
  await Promise.all(earlier.map((n) => caches.delete(n)))
}

async function answer(request: Request, path: string, page: boolean): Promise<Response> {
  const cache = await caches.open(cacheName)
  const found = (await cache.match(path)) ?? (page ? undefined : await caches.match(path))
  if (found) return found
  return page ? online(request) : fetch(request)
}

/** online answers from the network, and says so when there is none. */
function online(request: Request): Promise<Response> {
  return fetch(request).catch(
    () => new Response(__OFFLINE__, { status: 503, headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': "default-src 'none'" } }),
  )
}

sw.addEventListener('install', (e) => e.waitUntil(install()))

sw.addEventListener('activate', (e) => {
  // A page that was loaded before there was a service worker has its release
  // kept from now on.
  e.waitUntil(Promise.all([tidy(), sw.clients.claim()]))
})

sw.addEventListener('message', (e) => {
  // Sent by a page whose person asked for the new release.
  if (e.data === 'take over') void sw.skipWaiting()
})

sw.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url)
  if (e.request.method !== 'GET' || url.origin !== sw.location.origin) return
  const going = e.request.mode === 'navigate'
  const page = going && (url.pathname === '/' || url.pathname === '/i')
  const path = page ? '/' : url.pathname
  if (page) e.waitUntil(tidy())
  if (page || __FILES__.includes(path) || path.startsWith('/assets/')) e.respondWith(answer(e.request, path, page))
  else if (going) e.respondWith(online(e.request))
})
