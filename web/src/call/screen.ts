// SPDX-License-Identifier: AGPL-3.0-or-later

/** Whether this browser lets a page ask for the screen. Phones do not. */
export const screens = typeof navigator.mediaDevices?.getDisplayMedia === 'function'

/** screen asks the person what to show; null when they chose nothing. */
export async function screen(): Promise<MediaStreamTrack | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10, max: 15 } }, audio: false })
    const track = stream.getVideoTracks()[0] ?? null
    if (track) track.contentHint = 'detail'
    return track
  } catch (e) {
    if (e instanceof DOMException && e.name === 'NotAllowedError') return null
    throw e
  }
}
