// SPDX-License-Identifier: AGPL-3.0-or-later

/** A link as docs/protocol/introduction.md has it. */
export interface Invitation {
  fragment: string
  /** Who made it, as the link says; the core checks it when it is accepted. */
  handle: string
  /** When it ends, in ms. */
  expires: number
  wrong: '' | 'unreadable' | 'expired'
}

const linkBytes = 1 + 32 + 8 + 32
/** The last moment that a Date can hold, in ms. */
const latest = 8.64e15

/** readInvitation reads what stands behind the # of a link to a host. */
export function readInvitation(fragment: string, host: string, now: number): Invitation {
  const unreadable: Invitation = { fragment: '', handle: '', expires: 0, wrong: 'unreadable' }
  const match = /^([a-z][a-z0-9._-]{0,31})\/([A-Za-z0-9_-]{98})$/.exec(fragment)
  if (!match?.[1] || !match[2]) return unreadable
  const binary = atob(match[2].replaceAll('-', '+').replaceAll('_', '/') + '==')
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0))
  if (bytes.length !== linkBytes || bytes[0] !== 1) return unreadable
  const expires = Number(new DataView(bytes.buffer).getBigInt64(33)) * 1000
  if (!(Math.abs(expires) <= latest)) return unreadable
  return { fragment, handle: `${match[1]}@${host}`, expires, wrong: now > expires ? 'expired' : '' }
}
