// SPDX-License-Identifier: AGPL-3.0-or-later
// The invite link this page was opened with. Its secret leaves the address bar
// at once and is remembered for this tab, through a registration and reloads.
import type { Conversation } from '../core/generated'
import { call, failure, type Failure } from './core.svelte'
import { reload } from './conversations.svelte'
import { go } from './route.svelte'

/** A link as docs/protocol/introduction.md has it. */
export interface Invitation {
  fragment: string
  /** Who made it, as the link says; the core checks it when it is accepted. */
  handle: string
  /** When it ends, in ms. */
  expires: number
  wrong: '' | 'unreadable' | 'expired'
}

const key = 'clarion invitation'
const linkBytes = 1 + 32 + 8 + 32

/** readInvitation reads what stands behind the # of a link. */
export function readInvitation(fragment: string, now: number): Invitation {
  const unreadable: Invitation = { fragment: '', handle: '', expires: 0, wrong: 'unreadable' }
  const match = /^([a-z][a-z0-9._-]{0,31})\/([A-Za-z0-9_-]{98})$/.exec(fragment)
  if (!match?.[1] || !match[2]) return unreadable
  const binary = atob(match[2].replaceAll('-', '+').replaceAll('_', '/') + '==')
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0))
  if (bytes.length !== linkBytes || bytes[0] !== 1) return unreadable
  const expires = Number(new DataView(bytes.buffer).getBigInt64(33)) * 1000
  return { fragment, handle: `${match[1]}@${location.host}`, expires, wrong: now > expires ? 'expired' : '' }
}

function take(): Invitation | null {
  let fragment = sessionStorage.getItem(key)
  if (location.pathname === '/i') {
    fragment = location.hash.slice(1)
    history.replaceState(history.state, '', '/')
    sessionStorage.setItem(key, fragment)
  }
  return fragment === null ? null : readInvitation(fragment, Date.now())
}

export const invitation = $state({
  link: take(),
  accepting: false,
  failure: null as Failure | null,
})

/** dropInvitation forgets the link. */
export function dropInvitation(): void {
  sessionStorage.removeItem(key)
  invitation.link = null
  invitation.failure = null
}

/** acceptInvitation opens the conversation with whoever made the link. */
export async function acceptInvitation(): Promise<void> {
  const link = invitation.link
  if (!link || link.wrong || invitation.accepting) return
  invitation.accepting = true
  invitation.failure = null
  try {
    const opened: Conversation = await call('accept', { linkOrHandle: `${location.origin}/i#${link.fragment}` })
    dropInvitation()
    await reload()
    go({ name: 'conversation', id: opened.id })
  } catch (e) {
    invitation.failure = failure(e)
  } finally {
    invitation.accepting = false
  }
}
