// SPDX-License-Identifier: AGPL-3.0-or-later
// The emoji this person used last, newest first; kept in the vault.
import { call, onReady } from './core.svelte'

const most = 24
const setting = 'recent_emoji'

export const recent = $state({ list: [] as string[] })

export function used(emoji: string): void {
  recent.list = [emoji, ...recent.list.filter((e) => e !== emoji)].slice(0, most)
  call('setSetting', { name: setting, value: recent.list.join(' ') }).catch(() => undefined) // known until the page goes
}

onReady(() => {
  call('setting', { name: setting }).then(
    (kept) => (recent.list = kept.split(' ').filter(Boolean).slice(0, most)),
    () => undefined,
  )
})
