// SPDX-License-Identifier: AGPL-3.0-or-later
// Who could hear the call that is on in this tab: the core computes it, from
// what the engine knows of its connection.
import type { CallFacts, Report } from '../core/generated'
import { call } from './core.svelte'
import { line } from './line.svelte'
import { talk } from './talk.svelte'

export const hear = $state({
  report: null as Report | null,
  /** The panel is open; else it is two lines. */
  open: false,
})

/** whoWouldHear asks the same of a call that would begin now. */
export function whoWouldHear(conversation: string): Promise<Report> {
  return call('whoCouldHear', { conversation, facts: facts() })
}

const facts = (): CallFacts => ({
  path: line.path,
  relay: line.relay,
  browser: true,
  pageHost: location.hostname,
  alwaysRelay: talk.alwaysRelay ?? false,
  sends: { audio: !line.micFault, video: line.own !== null, screen: line.sharing },
})

async function ask(conversation: string, id: string): Promise<void> {
  try {
    hear.report = await call('whoCouldHear', { conversation, call: id, facts: facts() })
  } catch {
    hear.report = null // the call is over, or the core is: it is asked again with the next change
  }
}

$effect.root(() => {
  $effect(() => {
    const c = line.call
    if (!c || c.state === 'ended') {
      hear.report = null
      return
    }
    // Asked again with whatever the answer depends on.
    void [c.state, c.code, c.compared, c.round, line.path, line.relay, line.own, line.sharing, line.micFault, talk.alwaysRelay]
    void ask(c.conversation, c.id)
  })
})
