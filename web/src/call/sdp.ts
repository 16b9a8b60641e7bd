// SPDX-License-Identifier: AGPL-3.0-or-later
// What this app changes in a description (RFC 8866), on its way out and in.

/** Constant bit rate and no silence suppression, since sizes that vary tell
 *  what is said (RFC 7587 §6.1); 24 kbit/s is good for a voice. */
const opus = 'minptime=20;maxaveragebitrate=24000;stereo=0;cbr=1;usedtx=0;useinbandfec=1'

/** tamed sets Opus to a constant bit rate, in packets of 20 ms. */
export function tamed(sdp: string): string {
  const number = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1]
  if (!number) return sdp
  const lines = sdp.split('\r\n').filter((l) => !l.startsWith(`a=fmtp:${number} `) && !/^a=(max)?ptime:/.test(l))
  const at = lines.findIndex((l) => l.startsWith(`a=rtpmap:${number} `))
  lines.splice(at + 1, 0, `a=fmtp:${number} ${opus}`, 'a=ptime:20', 'a=maxptime:20')
  return lines.join('\r\n')
}
