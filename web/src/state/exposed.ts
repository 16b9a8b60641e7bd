// SPDX-License-Identifier: AGPL-3.0-or-later
// Written by go run ./web/gen from package exposure. Change it there.
import { m } from '../paraglide/messages.js'

/** What the words of a claim may mention, each in the form it is shown in. */
export interface Mentions {
  who: string
  host: string
  count: number
  some: number
  date: string
}

/** The words of each code of a report, and of the roles in it. */
export const exposed: Record<string, (a: Mentions) => string> = {
  code_differs: m.exposure_code_differs,
  code_not_compared: m.exposure_code_not_compared,
  code_same: m.exposure_code_same,
  headline_changed: m.exposure_headline_changed,
  headline_changed_some: m.exposure_headline_changed_some,
  headline_group: m.exposure_headline_group,
  headline_group_one: m.exposure_headline_group_one,
  headline_group_some: m.exposure_headline_group_some,
  headline_middle_code: m.exposure_headline_middle_code,
  headline_middle_keys: m.exposure_headline_middle_keys,
  headline_nobody: m.exposure_headline_nobody,
  headline_only_group: m.exposure_headline_only_group,
  headline_only_two: m.exposure_headline_only_two,
  headline_open: m.exposure_headline_open,
  headline_open_relay: m.exposure_headline_open_relay,
  headline_two: m.exposure_headline_two,
  headline_two_code: m.exposure_headline_two_code,
  headline_two_unchecked: m.exposure_headline_two_unchecked,
  host_could_hear: m.exposure_host_could_hear,
  host_said: m.exposure_host_said,
  host_signals: m.exposure_host_signals,
  host_ties: m.exposure_host_ties,
  network_could_hear: m.exposure_network_could_hear,
  network_direct: m.exposure_network_direct,
  network_hears: m.exposure_network_hears,
  network_relay: m.exposure_network_relay,
  network_said: m.exposure_network_said,
  network_whom: m.exposure_network_whom,
  page_own: m.exposure_page_own,
  page_peer: m.exposure_page_peer,
  path_direct: m.exposure_path_direct,
  path_relay: m.exposure_path_relay,
  path_sfu: m.exposure_path_sfu,
  path_unknown: m.exposure_path_unknown,
  path_unnamed: m.exposure_path_unnamed,
  peer_address: m.exposure_peer_address,
  peer_address_hidden: m.exposure_peer_address_hidden,
  peer_address_offered: m.exposure_peer_address_offered,
  peer_audio: m.exposure_peer_audio,
  peer_screen: m.exposure_peer_screen,
  peer_speaks_as: m.exposure_peer_speaks_as,
  peer_video: m.exposure_peer_video,
  person_browser: m.exposure_person_browser,
  person_came_by_your_link: m.exposure_person_came_by_your_link,
  person_changed_not_checked: m.exposure_person_changed_not_checked,
  person_changed_since_check: m.exposure_person_changed_since_check,
  person_device: m.exposure_person_device,
  person_devices: m.exposure_person_devices,
  person_digits: m.exposure_person_digits,
  person_invite_link: m.exposure_person_invite_link,
  person_native: m.exposure_person_native,
  person_not_checked: m.exposure_person_not_checked,
  person_qr: m.exposure_person_qr,
  relay_addresses: m.exposure_relay_addresses,
  relay_could_hear: m.exposure_relay_could_hear,
  relay_hears: m.exposure_relay_hears,
  relay_said: m.exposure_relay_said,
  role_host: m.exposure_role_host,
  role_network: m.exposure_role_network,
  role_page: m.exposure_role_page,
  role_peer: m.exposure_role_peer,
  role_relay: m.exposure_role_relay,
  role_stranger: m.exposure_role_stranger,
  seal_dtls: m.exposure_seal_dtls,
  seal_frames: m.exposure_seal_frames,
  seal_none: m.exposure_seal_none,
  seal_unknown: m.exposure_seal_unknown,
  sfu_addresses: m.exposure_sfu_addresses,
}
