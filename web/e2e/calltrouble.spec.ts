// SPDX-License-Identifier: AGPL-3.0-or-later
// What can go wrong around a call: devices that are refused, missing or pulled
// out, a browser that plays nothing, a line too narrow for a picture, another
// network, somebody who is in another call.
import { expect, test, type Locator, type Page } from '@playwright/test'
import { Looks } from './look'
import { inbound, launch, listen, rises } from './media'
import { Person } from './person'
import { Server } from './server'

test.use({ launchOptions: launch })
test.describe.configure({ mode: 'serial' })

let server: Server
let ada: Person
let omar: Person
const looks = new Looks()

const room = (p: Page): Locator => p.getByRole('region', { name: /^Call with \w+$/ })
const rings = (p: Page): Locator => p.getByRole('alertdialog', { name: / calls( with video)?$/ })
const over = (p: Page): Locator => p.getByRole('region', { name: /^Call with \w+ ended$/ })

/** What the pages of a context can be told about their browser. */
interface Told extends Window {
  connections: RTCPeerConnection[]
  /** The name of the error with which a device of that kind is refused. */
  refuse: { audio?: string; video?: string }
  /** Bits per second that the browser thinks the line carries. */
  line?: number
  /** No element plays until this is unset. */
  mute?: boolean
}

/** trouble lets a test tell pages what their browser says of devices and lines. */
async function trouble(p: Person): Promise<void> {
  await p.context.addInitScript(() => {
    const w = window as unknown as Told
    w.refuse = {}
    const devices = navigator.mediaDevices
    const ask = devices.getUserMedia.bind(devices)
    devices.getUserMedia = async (c) => {
      const why = c?.audio ? w.refuse.audio : w.refuse.video
      if (why) throw new DOMException('as the test says', why)
      return ask(c)
    }
    const stats = RTCPeerConnection.prototype.getStats
    RTCPeerConnection.prototype.getStats = async function (...a) {
      const all = await stats.apply(this, a)
      if (w.line === undefined) return all
      const told = new Map([...(all as unknown as Map<string, object>)].map(([id, s]) => [id, 'availableOutgoingBitrate' in s ? { ...s, availableOutgoingBitrate: w.line } : s]))
      return told as unknown as RTCStatsReport
    }
    const play = HTMLMediaElement.prototype.play
    HTMLMediaElement.prototype.play = function () {
      if (w.mute && this instanceof HTMLAudioElement) return Promise.reject(new DOMException('a click first', 'NotAllowedError'))
      return play.call(this)
    }
  })
}

const told = <K extends 'refuse' | 'line' | 'mute'>(p: Person, name: K, value: Told[K] | undefined) =>
  p.page.evaluate(([n, v]) => ((window as unknown as Record<string, unknown>)[n as string] = v), [name, value] as const)

async function ends(p: Person): Promise<void> {
  await p.button('Hang up', room(p.page)).click()
  for (const q of [ada, omar]) await q.button('Close', over(q.page)).click()
}

async function connects(video: boolean): Promise<void> {
  await ada.button('Call').click()
  const before = ada.dialog('Call omar')
  await before.locator('label', { hasText: video ? 'Video' : 'Voice' }).click()
  if (video) await expect(before.getByLabel('How you will be seen')).toBeVisible()
  await ada.button('Call', before).click()
  await omar.button(video ? 'Answer with video' : 'Answer', rings(omar.page)).click()
}

test.beforeAll(async ({ browser }) => {
  server = await Server.start({ args: ['--relay-anywhere'] })
  ada = await Person.arrive(browser, server, 'ada')
  omar = await Person.arrive(browser, server, 'omar')
  for (const p of [ada, omar]) {
    await listen(p.context)
    await trouble(p)
  }
  await ada.open()
  await ada.register()
  await ada.ready()
  const link = await ada.invite()
  await omar.open(link.slice(server.url.length))
  await omar.register()
  await omar.go('ada')
  await ada.go('omar')
})
test.afterAll(async () => {
  await ada?.leave()
  await omar?.leave()
  await server?.close()
})

test('a microphone that is refused and a camera that is missing are said, with what helps', async () => {
  await told(ada, 'refuse', { audio: 'NotAllowedError', video: 'NotFoundError' })
  await ada.button('Call').click()
  const before = ada.dialog('Call omar')
  await before.locator('label', { hasText: 'Video' }).click()
  await expect(before.getByText('This browser may not use your microphone. You will not be heard.')).toBeVisible()
  await expect(before.getByText('Allow it beside the address in the browser, then try again.')).toBeVisible()
  await expect(before.getByText('No camera was found.')).toBeVisible()
  await looks.at(ada.page, '31-call-refused')
  await told(ada, 'refuse', { audio: 'NotReadableError' })
  await ada.button('Try again', before).click()
  await expect(before.getByText('Your microphone cannot be used now.')).toBeVisible()
  await expect(before.getByLabel('How you will be seen')).toBeVisible()
  await told(ada, 'refuse', {})
  await ada.button('Try again', before).click()
  await expect(before.getByRole('meter')).toBeVisible()
  await expect(before.getByRole('alert')).toHaveCount(1) // the place for a failure, which is empty
  await ada.button('Cancel', before).click()
})

test('whoever has no microphone hears all the same', async () => {
  await told(omar, 'refuse', { audio: 'NotFoundError' })
  await connects(false)
  await rises(omar.page, false, 1)
  await expect(room(omar.page).getByText('No microphone was found. You will not be heard.')).toBeVisible()
  await expect(room(ada.page).getByText('omar, microphone off')).toBeVisible()
  await told(omar, 'refuse', {})
  await ends(ada)
})

test('a browser that plays nothing before a click asks for one', async () => {
  await told(omar, 'mute', true)
  await connects(false)
  await expect(room(omar.page).getByText('The browser plays no sound until you click.')).toBeVisible()
  await looks.at(omar.page, '32-call-silent')
  await told(omar, 'mute', undefined)
  await omar.button('Turn the sound on').click()
  await expect(omar.button('Turn the sound on')).toHaveCount(0)
  await rises(omar.page, false, 1)
  await ends(ada)
})

test('the picture gives way before the sound does, and comes back when asked', async () => {
  await connects(true)
  await Promise.all([rises(ada.page, true, 1), rises(omar.page, true, 1)])
  await told(ada, 'line', 60_000)
  await expect(room(ada.page).getByText('The connection is too slow for your picture, so it was stopped. Sound goes on.')).toBeVisible()
  await expect(omar.page.getByLabel('Picture of ada')).toHaveCount(0)
  await looks.at(ada.page, '33-call-held')
  const before = await inbound(omar.page)
  await rises(omar.page, false, 2)
  expect((await inbound(omar.page)).frames).toBe(before.frames)
  await told(ada, 'line', undefined)
  await ada.button('Try the picture again').click()
  await rises(omar.page, true, 1)
})

test('the screen takes the place of the camera, and gives it back', async () => {
  await ada.button('Share your screen').click()
  await expect(omar.page.getByLabel('Screen of ada')).toBeVisible()
  await rises(omar.page, true, 1)
  await ada.button('Stop sharing your screen').click()
  await expect(omar.page.getByLabel('Screen of ada')).toHaveCount(0)
})

test('a microphone that is pulled out is said, and another one takes its place', async () => {
  await ada.page.evaluate(() => {
    for (const c of (window as unknown as Told).connections) for (const s of c.getSenders()) if (s.track?.kind === 'audio') s.track.dispatchEvent(new Event('ended'))
  })
  await expect(room(ada.page).getByText('Your microphone was unplugged or taken back.', { exact: false })).toBeVisible()
  await rises(omar.page, false, 1)
})

test('another network: another way is looked for, and the call goes on', async () => {
  const round = () =>
    omar.page.evaluate(() => {
      const open = (window as unknown as Told).connections.filter((c) => c.connectionState !== 'closed')
      return open.map((c) => /a=ice-ufrag:(\S+)/.exec(c.remoteDescription?.sdp ?? '')?.[1]).join()
    })
  const before = await round()
  await omar.page.evaluate(() => dispatchEvent(new Event('online')))
  await expect.poll(round).not.toBe(before)
  await Promise.all([rises(ada.page, false, 2), rises(omar.page, false, 2)])
  await expect(room(ada.page).getByRole('timer')).toBeVisible()
})

test('who is in a call is busy for others, and sees that they called', async ({ browser }) => {
  const lin = await Person.arrive(browser, server, 'lin')
  await listen(lin.context)
  await ada.button('Write while you talk').click()
  const link = await ada.invite()
  await lin.open(link.slice(server.url.length))
  await lin.register()
  await lin.go('ada')
  await expect(ada.row('lin')).toBeVisible()
  await lin.button('Call').click()
  await lin.button('Call', lin.dialog('Call ada')).click()
  await expect(over(lin.page).getByText('ada is in another call.')).toBeVisible()
  await expect(ada.button('Calls, 1 missed')).toBeVisible()
  await expect(rings(ada.page)).toHaveCount(0)
  await rises(omar.page, false, 1)
  await ada.button('Hang up', room(ada.page)).click()
  await lin.leave()
})

test('every screen of troubles fits and is fit', () => {
  looks.expectNothing(3)
})
