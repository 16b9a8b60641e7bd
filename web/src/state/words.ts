// SPDX-License-Identifier: AGPL-3.0-or-later
// A failure as the page says it: whole sentences, and no hint that names a
// command of the terminal.
import type { Failure } from '../core/protocol'
import { m } from '../paraglide/messages.js'

const hints: Record<string, () => string> = {
  already_registered: m.hint_already_registered,
  blob_outdated: m.hint_nothing_to_do,
  contact_blocked: m.hint_contact_blocked,
  device_replaced: m.hint_device_replaced,
  id_reused: m.hint_restore,
  introduction_lapsed: m.hint_introduction_lapsed,
  invite_needed: m.hint_invite_needed,
  bad_certificate: m.hint_restore,
  bad_entry: m.hint_restore,
  not_registered: m.hint_not_registered,
  server_key_differs: m.hint_server_key,
  server_key_invalid: m.hint_server_key_form,
  unreachable: m.hint_unreachable,
}

const sentence = (s: string): string => {
  const t = s.trim()
  if (t === '') return ''
  return t.charAt(0).toUpperCase() + t.slice(1) + (/[.!?…]$/.test(t) ? '' : '.')
}

/** plainWords gives a failure the page's own words where it has some. */
export function plainWords(f: Failure): Failure {
  const hint = hints[f.code]?.() ?? (/`|--/.test(f.hint) ? '' : sentence(f.hint))
  return { ...f, text: sentence(f.text), hint }
}
