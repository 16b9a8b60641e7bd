// SPDX-License-Identifier: AGPL-3.0-or-later
// Descriptions of a connection (RFC 8866), and the few lines of them that are
// changed here.

/** What each side asks the other to send: packets of one size and one length,
 *  whatever is said and whether anything is. */
const opus = { minptime: '20', maxaveragebitrate: '24000', useinbandfec: '1', usedtx: '0', cbr: '1' }
const packet = 20 // ms

/** steady asks for Opus at a constant bit rate without pauses in a
 *  description's part about sound. What is asked for is what the other sends,
 *  so both descriptions of a connection are changed. */
export function steady(sdp: string): string {
  const parts = sdp.split(/(?=^m=)/m)
  return parts.map((p) => (p.startsWith('m=audio') ? steadyPart(p) : p)).join('')
}

function steadyPart(part: string): string {
  const type = /^a=rtpmap:(\d+) opus\/48000/im.exec(part)?.[1]
  if (type === undefined) return part
  const lines = part.split('\r\n').filter((l) => !/^a=(max)?ptime:/.test(l) && l !== '')
  const at = lines.findIndex((l) => l.startsWith(`a=fmtp:${type} `))
  const asked = (lines[at] ?? '').replace(/^a=fmtp:\d+ /, '').split(';').map((s) => s.trim())
  const kept = asked.filter((s) => s !== '' && !Object.hasOwn(opus, s.split('=')[0] ?? ''))
  const fmtp = `a=fmtp:${type} ${[...kept, ...Object.entries(opus).map(([k, v]) => `${k}=${v}`)].join(';')}`
  if (at >= 0) lines[at] = fmtp
  else lines.splice(lines.findIndex((l) => l.startsWith(`a=rtpmap:${type} `)) + 1, 0, fmtp)
  return [...lines, `a=ptime:${packet}`, `a=maxptime:${packet}`, ''].join('\r\n')
}

/** fragment names the round of ICE that a candidate belongs to, if it says so. */
export const fragment = (candidate: string): string => / ufrag (\S+)/.exec(candidate)?.[1] ?? ''

/** isOf reports whether a candidate belongs to a description. */
export const isOf = (candidate: string, sdp: string): boolean => {
  const of = fragment(candidate)
  return of === '' || sdp.includes(`a=ice-ufrag:${of}\r\n`)
}
