// SPDX-License-Identifier: AGPL-3.0-or-later
// A real clariond for tests: its own data folder, a free port, killed by its
// own process id. It keeps its port and its data over a restart.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const programs = new URL('../../bin/', import.meta.url).pathname

export interface Options {
  /** Lines of the configuration file. */
  config?: string[]
  /** Further arguments of `clariond serve`. */
  args?: string[]
}

export class Server {
  url = ''
  readonly folder = mkdtempSync(join(tmpdir(), 'clarion-e2e-'))
  readonly #options: Options
  #process: ChildProcess | null = null
  #said = ''

  private constructor(options: Options) {
    this.#options = options
  }

  static async start(options: Options = {}): Promise<Server> {
    const s = new Server(options)
    await s.#run('127.0.0.1:0')
    return s
  }

  get host(): string {
    return new URL(this.url).host
  }

  async #run(listen: string, args: string[] = []): Promise<void> {
    const config = join(this.folder, 'clariond.conf')
    writeFileSync(config, ['operator = Lin', 'jurisdiction = Iceland', 'contact = lin@example.org', 'slow_per_second = 1000', 'slow_burst = 1000', ...(this.#options.config ?? [])].join('\n') + '\n')
    const p = spawn(join(programs, 'clariond'), ['serve', '--data', join(this.folder, 'data'), '--listen', listen, '--config', config, ...(this.#options.args ?? []), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = p
    p.stderr.on('data', (b: Buffer) => (this.#said += b.toString()))
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: p.stdout }).on('line', (line) => {
        this.#said += line + '\n'
        const found = /^listening (\S+)/.exec(line)
        if (found?.[1]) resolve(found[1])
      })
      p.on('error', reject)
      p.on('exit', (code) => reject(new Error(`clariond ended with ${code}: ${this.#said}`)))
    })
    this.url = url.replace(/\/$/, '')
    console.log(`clariond ${p.pid} at ${this.url}`)
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const p = this.#process
    this.#process = null
    if (!p || p.exitCode !== null || p.signalCode !== null) return
    const ended = once(p, 'exit')
    p.kill(signal)
    await ended
  }

  /** kill ends it as a power cut would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** again starts it at the port it had, on the data it left, perhaps with
   *  further arguments. */
  again(...args: string[]): Promise<void> {
    return this.#run(this.host, args)
  }

  /** close stops it and removes its data. */
  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
