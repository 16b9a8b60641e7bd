// SPDX-License-Identifier: AGPL-3.0-or-later
// What a call that is over was, in words.
import type { CallReason, PastCall } from '../core/generated'
import type { Failure } from '../core/protocol'
import { m } from '../paraglide/messages.js'
import { bare } from './conversations.svelte'
import { call } from './core.svelte'

export interface Ended {
  peer: string
  incoming: boolean
  reason: CallReason
  seconds: number
}

/** lasted writes a duration in words. */
export function lasted(seconds: number): string {
  if (seconds < 60) return m.call_seconds({ count: seconds })
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return m.call_minutes({ count: minutes })
  return m.call_hours({ hours: Math.floor(minutes / 60), minutes: minutes % 60 })
}

function why(e: Ended): string {
  switch (e.reason) {
    case 'declined':
      return e.incoming ? m.call_why_you_declined() : m.call_why_declined()
    case 'busy':
      return m.call_why_busy()
    case 'no_answer':
      return m.call_why_no_answer()
    case 'cancelled':
      return m.call_why_cancelled()
    case 'tampered':
      return m.call_why_tampered()
  }
  return m.call_why_failed()
}

/** lineOf is a call as a line of a conversation. */
export function lineOf(e: Ended): string {
  const name = bare(e.peer)
  if (missed(e)) return m.call_line_missed({ name })
  const what = e.incoming ? m.call_line_in({ name }) : m.call_line_out({ name })
  if (e.seconds > 0) return m.call_line_time({ what, time: lasted(e.seconds) })
  return m.call_line_why({ what, why: why(e) })
}

/** missed reports whether somebody called in vain. */
export function missed(e: Ended): boolean {
  return e.incoming && e.seconds === 0 && e.reason === 'missed'
}

/** endOf says how a call that this tab was in ended. */
export function endOf(e: Ended): string {
  const name = bare(e.peer)
  if (e.reason === 'tampered') return m.call_over_tampered()
  if (e.seconds > 0) return m.call_over_time({ time: lasted(e.seconds) })
  switch (e.reason) {
    case 'declined':
      return e.incoming ? m.call_over_you_declined() : m.call_over_declined({ name })
    case 'busy':
      return m.call_over_busy({ name })
    case 'no_answer':
      return m.call_over_no_answer({ name })
    case 'interrupted':
      return m.call_over_interrupted()
    case 'failed':
      return m.call_over_failed()
  }
  return m.call_over_cancelled()
}

/** pastCalls reads the list of past calls, newest first. */
export function pastCalls(): Promise<PastCall[]> {
  return call('callHistory', { limit: 200 })
}

/** callWords gives a failure of a call the page's own words. */
export function callWords(f: Failure, name: string): Failure {
  switch (f.code) {
    case 'call_in_progress':
      return { ...f, text: m.call_fail_busy(), hint: m.call_fail_busy_hint() }
    case 'unreachable':
    case 'timeout':
      return { ...f, text: m.call_fail_offline({ name }), hint: m.call_fail_offline_hint() }
    case 'call_not_accepted':
      return { ...f, text: m.call_fail_stranger({ name }), hint: '' }
    case 'identity_changed':
      return { ...f, text: m.call_fail_changed({ name }), hint: m.call_fail_changed_hint({ name }) }
    case 'no_relay':
      return { ...f, text: m.call_fail_no_relay(), hint: m.call_fail_no_relay_hint({ name }) }
    case 'core_moved':
      return { ...f, text: m.call_fail_moved(), hint: '' }
  }
  return f
}
