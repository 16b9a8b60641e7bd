// SPDX-License-Identifier: AGPL-3.0-or-later
// A server that changes its release: a forward proxy that gives the files of
// a second release in place of those the program carries. The second one is
// the first with every name changed, as if every file had been.
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

const dist = new URL('../dist/', import.meta.url).pathname
/** The hash in a file's name, with its last letter changed. */
const renamed = (name: string): string => name.replace(/-([\w-]{7})([\w-])\.(js|css|woff2|wasm)$/, (_, begin: string, last: string, type: string) => `-${begin}${last === 'x' ? 'y' : 'x'}.${type}`)

export class Releases {
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  readonly #names = new Map<string, string>() // from the second release's to the first's
  second = false

  private constructor() {
    for (const name of readdirSync(dist + 'assets')) if (!name.endsWith('.br')) this.#names.set(renamed(name), name)
    this.#server = createServer((req, res) => {
      const url = new URL(req.url ?? '')
      const changed = this.second && (url.pathname === '/' || url.pathname === '/i' || url.pathname === '/sw.js' || url.pathname.startsWith('/assets/'))
      const name = url.pathname.slice('/assets/'.length)
      if (changed && url.pathname.startsWith('/assets/')) url.pathname = '/assets/' + (this.#names.get(name) ?? 'none')
      const up = request(url, { method: req.method, headers: { ...req.headers, ...(changed ? { 'accept-encoding': 'identity' } : {}) } }, (answer) => {
        const headers = { ...answer.headers }
        if (changed) for (const h of ['content-length', 'etag']) delete headers[h]
        res.writeHead(answer.statusCode ?? 502, headers)
        if (!changed || /wasm|font/.test(headers['content-type'] ?? '')) {
          answer.pipe(res)
          return
        }
        const parts: Buffer[] = []
        answer.on('data', (b: Buffer) => parts.push(b)).on('end', () => res.end(this.#change(Buffer.concat(parts).toString())))
      })
      up.on('error', () => res.destroy())
      req.pipe(up)
    })
    this.#server.on('connect', (req, page: Duplex) => {
      const [host, port] = (req.url ?? '').split(':')
      const server: Socket = connect(Number(port), host, () => {
        page.write('HTTP/1.1 200 OK\r\n\r\n')
        page.pipe(server).pipe(page)
      })
      for (const s of [page, server]) {
        this.#sockets.add(s)
        s.on('error', () => (page.destroy(), server.destroy())).on('close', () => this.#sockets.delete(s))
      }
    })
  }

  /** #change renames what a text names, and the release itself. */
  #change(text: string): string {
    for (const [second, first] of this.#names) text = text.replaceAll(first, second)
    return text.replace(/clarion \$\{"([0-9a-f]{15})[0-9a-f]"\}/, 'clarion ${"$1-"}')
  }

  static async start(): Promise<Releases> {
    const r = new Releases()
    r.#server.listen(0, '127.0.0.1')
    await once(r.#server, 'listening')
    return r
  }

  get proxy(): { server: string; bypass: string } {
    return { server: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`, bypass: '<-loopback>' }
  }

  /** The path of the page's first program in the release that is given now. */
  entry(): string {
    const first = /assets\/index-[\w-]+\.js/.exec(readFileSync(dist + 'index.html', 'utf8'))?.[0] ?? ''
    return this.second ? renamed(first) : first
  }

  async close(): Promise<void> {
    for (const s of this.#sockets) s.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
