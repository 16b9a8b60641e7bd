// SPDX-License-Identifier: AGPL-3.0-or-later
// A browser and a terminal call each other, and what the terminal recorded says
// what went over the line.
import { expect, test } from '@playwright/test'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { launch, listen, rises } from './media'
import { Person } from './person'
import { programs, Server } from './server'

test.use({ launchOptions: launch })
test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person

interface Talked {
  call: string
  path: string
  code: string
  sent_packets: number
  received_samples: number
  seconds: number
}

/** clarion runs Omar's terminal. */
const clarion = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(join(programs, 'clarion'), ['--home', join(server.folder, 'omar'), ...args], { timeout: 120_000 })).stdout

const talk = async (...args: string[]): Promise<Talked> => JSON.parse((await clarion(...args, '--loopback', '--json')).trim().split('\n').at(-1) ?? '')

const stage = () => ada.page.getByRole('region', { name: /^Call with \w+$/ })

async function calls(): Promise<void> {
  await ada.button('Call').click()
  await ada.button('Call', ada.dialog('Call omar')).click()
  await expect(stage()).toBeVisible()
}

async function putAway(): Promise<void> {
  await ada.button('Close', ada.page.getByRole('region', { name: /ended$/ })).click()
}

/** sizes counts the lengths of the Opus packets of an Ogg file (RFC 3533). */
function sizes(file: string): Map<number, number> {
  const b = readFileSync(file)
  const all = new Map<number, number>()
  let packet = 0
  let page = 0
  for (let at = 0; at + 27 <= b.length; page++) {
    expect(b.subarray(at, at + 4).toString()).toBe('OggS')
    const table = b.subarray(at + 27, at + 27 + (b[at + 26] ?? 0))
    for (const n of table) {
      packet += n
      if (n === 255) continue
      if (page > 1 && packet > 0) all.set(packet, (all.get(packet) ?? 0) + 1)
      packet = 0
    }
    at += 27 + table.length + table.reduce((sum, n) => sum + n, 0)
  }
  return all
}

test.beforeAll(async ({ browser }) => {
  server = await Server.start({ args: ['--relay-anywhere'] })
  ada = await Person.arrive(browser, server, 'ada')
  await listen(ada.context)
  // Her microphone hears a voice of a kind: sweeps, noise and pauses.
  await ada.context.addInitScript(() => {
    const devices = navigator.mediaDevices
    if (!devices) return
    const ask = devices.getUserMedia.bind(devices)
    devices.getUserMedia = async (c) => {
      if (!c?.audio) return ask(c)
      const context = new AudioContext()
      const voice = context.createOscillator()
      const loud = context.createGain()
      const out = context.createMediaStreamDestination()
      voice.type = 'sawtooth'
      voice.connect(loud).connect(out)
      for (let s = 0; s < 60; s += 0.25) {
        loud.gain.setValueAtTime(Math.round(s * 4) % 3 === 0 ? 0 : 0.3, s)
        voice.frequency.setValueAtTime(120 + ((s * 377) % 900), s)
      }
      voice.start()
      return out.stream
    }
    // The control: what the page asks of the encoder can be taken back.
    const proto = RTCPeerConnection.prototype
    const set = proto.setRemoteDescription
    proto.setRemoteDescription = function (d) {
      const sdp = sessionStorage.getItem('vary') ? d.sdp?.replace('cbr=1', 'cbr=0') : d.sdp
      return (set as (this: RTCPeerConnection, d: RTCSessionDescriptionInit) => Promise<void>).call(this, { type: d.type, sdp })
    }
  })
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await clarion('register', '--server', server.url, '--name', 'omar')
  await clarion('accept', link)
  await clarion('send', 'ada', 'hello from the terminal')
  await ada.go('omar')
  await ada.reads('hello from the terminal')
})

test.afterAll(async () => {
  await ada?.leave()
  await server?.close()
})

test('the browser calls the terminal', async () => {
  const answered = talk('answer', 'ada', '--record', join(server.folder, 'heard.ogg'), '--timeout', '60')
  await calls()
  await rises(ada.page, false, 0)
  const code = stage().locator('.digits')
  await expect(code).toHaveText(/^\d{9}$/)
  const shown = await code.innerText()
  await expect.poll(async () => (await stage().getByRole('timer').innerText()) >= '0:06', { timeout: 30_000 }).toBe(true)
  await ada.button('Hang up').click()
  const t = await answered
  expect(t.code).toBe(shown.replace(/\s/g, ''))
  expect(t.path).toBe('direct')
  expect(t.received_samples).toBeGreaterThan(3 * 48_000)
  await putAway()
})

test('constant bit rate: one size of packets, whatever is said', async () => {
  const constant = sizes(join(server.folder, 'heard.ogg'))
  expect([...constant.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(150)
  expect([...constant.keys()], 'sizes of Opus packets').toHaveLength(1)

  await ada.page.evaluate(() => sessionStorage.setItem('vary', 'yes'))
  const answered = talk('answer', 'ada', '--record', join(server.folder, 'varied.ogg'), '--timeout', '60')
  await calls()
  await rises(ada.page, false, 0)
  await expect.poll(async () => (await stage().getByRole('timer').innerText()) >= '0:04', { timeout: 30_000 }).toBe(true)
  await ada.button('Hang up').click()
  await answered
  await ada.page.evaluate(() => sessionStorage.removeItem('vary'))
  expect(sizes(join(server.folder, 'varied.ogg')).size, 'the control: at a variable rate there are many sizes').toBeGreaterThan(3)
  await putAway()
})

test('the terminal calls the browser, which answers', async () => {
  const called = talk('call', 'ada', '--seconds', '4')
  await ada.button('Answer').click()
  await rises(ada.page, false, 1)
  const t = await called
  expect(t.path).toBe('direct')
  expect(t.received_samples).toBeGreaterThan(2 * 48_000)
  expect(t.sent_packets).toBeGreaterThan(100)
  await putAway()
})

test('the terminal declines; nobody answers', async () => {
  const declined = clarion('answer', '--decline', '--timeout', '60')
  await calls()
  await declined
  await expect(ada.page.getByText('omar declined.')).toBeVisible()
  await putAway()
  await calls()
  await expect(ada.page.getByText('omar did not answer.')).toBeVisible({ timeout: 60_000 }) // it rings for 45 s
  await putAway()
  await clarion('listen', '--timeout', '2').catch(() => null) // it ends with 7 when nobody writes
  expect(await clarion('calls')).toMatch(/missed call from ada@/)
})
