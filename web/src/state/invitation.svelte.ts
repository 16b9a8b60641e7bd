// SPDX-License-Identifier: AGPL-3.0-or-later
// The invite link this page was opened with. Its secret leaves the address bar
// at once and is remembered for this tab, through a registration and reloads.
import type { Conversation } from '../core/generated'
import { readInvitation, type Invitation } from '../text/invitation'
import { call, failure, type Failure } from './core.svelte'
import { reload } from './conversations.svelte'
import { go } from './route.svelte'

const key = 'clarion invitation'
function take(): Invitation | null {
  let fragment = sessionStorage.getItem(key)
  if (location.pathname === '/i') {
    fragment = location.hash.slice(1)
    history.replaceState(history.state, '', '/')
    sessionStorage.setItem(key, fragment)
  }
  return fragment === null ? null : readInvitation(fragment, location.host, Date.now())
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
