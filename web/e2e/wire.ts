// SPDX-License-Identifier: AGPL-3.0-or-later
// The way between one browser context and the server: a forward proxy of the
// test's own. It can hold back what the server says, cut every connection,
// and refuse new ones; nothing is invented and nothing is changed.
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export class Wire {
  readonly #server: Server
  readonly #tunnels = new Set<{ page: Duplex; server: Socket }>()
  #held = false
  #holdAt = Infinity
  #refusing = false

  private constructor() {
    this.#server = createServer((req, res) => this.#file(req, res))
    this.#server.on('connect', (req: IncomingMessage, page: Duplex) => this.#tunnel(req, page))
  }

  static async start(): Promise<Wire> {
    const w = new Wire()
    w.#server.listen(0, '127.0.0.1')
    await once(w.#server, 'listening')
    return w
  }

  /** For newContext({ proxy }). */
  get proxy(): { server: string; bypass: string } {
    return { server: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`, bypass: '<-loopback>' }
  }

  /** How many sockets are open through it. */
  get open(): number {
    return this.#tunnels.size
  }

  #file(req: IncomingMessage, res: ServerResponse): void {
    if (this.#refusing || !req.url?.startsWith('http://127.0.0.1:')) {
      res.destroy()
      return
    }
    const up = request(req.url, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    up.on('error', () => res.destroy())
    req.pipe(up)
  }

  #tunnel(req: IncomingMessage, page: Duplex): void {
    const [host, port] = (req.url ?? '').split(':')
    if (this.#refusing || host !== '127.0.0.1') {
      page.destroy()
      return
    }
    const server = connect(Number(port), host)
    const tunnel = { page, server }
    this.#tunnels.add(tunnel)
    const end = () => {
      this.#tunnels.delete(tunnel)
      page.destroy()
      server.destroy()
    }
    for (const s of [page, server]) s.on('error', end).on('close', end)
    server.on('connect', () => {
      page.write('HTTP/1.1 200 OK\r\n\r\n')
      page.on('data', (b: Buffer) => {
        if (b.length >= this.#holdAt) this.hold()
        server.write(b)
      })
      server.on('data', (b: Buffer) => page.write(b))
      if (this.#held) server.pause()
    })
  }

  /** hold keeps back what the server says from now on; what the page says passes. */
  hold(): void {
    this.#held = true
    for (const t of this.#tunnels) t.server.pause()
  }

  /** holdAfter holds as soon as the page has said something that long, in
   *  bytes: the server gets it, and its answer is the first thing held back. */
  holdAfter(bytes: number): void {
    this.#holdAt = bytes
  }

  get held(): boolean {
    return this.#held
  }

  /** release lets what was held pass, and all that follows. */
  release(): void {
    this.#held = false
    this.#holdAt = Infinity
    for (const t of this.#tunnels) t.server.resume()
  }

  /** cut ends every connection and lets none begin until mend. */
  cut(): void {
    this.#refusing = true
    for (const t of [...this.#tunnels]) {
      t.page.destroy()
      t.server.destroy()
    }
    this.#server.closeIdleConnections()
  }

  mend(): void {
    this.#refusing = false
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
