// SPDX-License-Identifier: AGPL-3.0-or-later
// The emoji this person used last, newest first.
const most = 24

export const recent = $state({ list: [] as string[] })

export function used(emoji: string): void {
  recent.list = [emoji, ...recent.list.filter((e) => e !== emoji)].slice(0, most)
}
