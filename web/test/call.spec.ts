// SPDX-License-Identifier: AGPL-3.0-or-later
import { expect, test } from '@playwright/test'
import { quality, Room } from '../src/call/quality'
import { hostOf, type Reading } from '../src/call/reading'
import { isOf, steady } from '../src/call/sdp'
import { clock, threes } from '../src/text/lasting'

const lines = (...l: string[]) => l.join('\r\n') + '\r\n'
const sound = (...l: string[]) => lines('v=0', 'a=ice-ufrag:4Gx+', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', ...l)

test('sound is asked for at a constant rate, in packets of one length, without pauses', () => {
  const asked = steady(sound('a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;stereo=1;usedtx=1', 'a=ptime:60') + lines('m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 VP8/90000'))
  const fmtp = asked.match(/^a=fmtp:111 (.*)$/m)?.[1]?.split(';') ?? []
  expect(fmtp.toSorted()).toEqual(['cbr=1', 'maxaveragebitrate=24000', 'minptime=20', 'stereo=1', 'usedtx=0', 'useinbandfec=1'])
  expect(asked.match(/a=\w*ptime:\d+/g)).toEqual(['a=ptime:20', 'a=maxptime:20'])
  expect(asked.indexOf('a=maxptime')).toBeLessThan(asked.indexOf('m=video'))
  expect(asked).toContain('m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n')
  expect(steady(asked)).toBe(asked)
})

test('a description without parameters gets them, one without Opus stays as it is', () => {
  expect(steady(sound('a=rtpmap:111 opus/48000/2'))).toMatch(/opus\/48000\/2\r\na=fmtp:111 .*cbr=1\r\n/)
  const other = sound('a=rtpmap:111 PCMU/8000')
  expect(steady(other)).toBe(other)
  expect(steady('')).toBe('')
})

test('a candidate belongs to the round of ICE that it names', () => {
  const sdp = sound()
  expect(isOf('candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag 4Gx+ network-id 1', sdp)).toBe(true)
  expect(isOf('candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag 4Gx', sdp)).toBe(false)
  expect(isOf('candidate:1 1 udp 1 192.0.2.1 9 typ host', sdp)).toBe(true)
})

test('the host of a relay', () => {
  expect(hostOf('turn:relay.example:3478?transport=tcp')).toBe('relay.example')
  expect(hostOf('turns:[2001:db8::1]:443')).toBe('2001:db8::1')
  expect(hostOf('stun:relay.example')).toBe('relay.example')
  expect(hostOf('')).toBe('')
})

const reading = (r: Partial<Reading>): Reading => ({ path: 'direct', relay: '', away: 40, lost: 0, lostThere: 0, heard: 100, room: 500_000, ...r })

test('how a call goes, in a word', () => {
  expect(quality(reading({}))).toBe('good')
  expect(quality(reading({ lost: 0.05 }))).toBe('fair')
  expect(quality(reading({ lostThere: 0.2 }))).toBe('poor')
  expect(quality(reading({ away: 700 }))).toBe('poor')
  expect(quality(reading({ heard: 0 }))).toBe('silent')
  expect(quality(reading({ path: '', heard: 0 }))).toBe('')
})

test('a picture gives way when the line is too narrow for some readings in a row', () => {
  const room = new Room()
  const narrow = reading({ room: 60_000 })
  expect([narrow, narrow, reading({}), narrow, narrow, narrow].map((r) => room.tooSmall(r))).toEqual([false, false, false, false, false, true])
  expect([1, 2, 3].map(() => room.tooSmall(reading({ room: null })))).toEqual([false, false, false])
})

test('times and codes as they are read', () => {
  expect([7, 90, 3723, -1].map(clock)).toEqual(['0:07', '1:30', '1:02:03', '0:00'])
  expect(threes('418207933')).toEqual(['418', '207', '933'])
  expect(threes('')).toEqual([])
})
