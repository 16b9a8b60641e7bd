// SPDX-License-Identifier: AGPL-3.0-or-later
// Which screen is shown. Ids never stand in the address: they live in the
// browser's own history entry, so back and forward work and no log learns.
export type Screen =
  | { name: 'conversations' }
  | { name: 'conversation'; id: string }
  | { name: 'settings'; page?: string }

export const route = $state({ screen: read(history.state) as Screen })

function read(s: unknown): Screen {
  const known = ['conversations', 'conversation', 'settings']
  if (typeof s === 'object' && s !== null && 'name' in s && known.includes(String(s.name))) return s as Screen
  return { name: 'conversations' }
}

/** go shows a screen; `replace` leaves no way back to the one before. */
export function go(screen: Screen, replace = false): void {
  const plain = $state.snapshot(screen)
  if (replace) history.replaceState(plain, '', '/')
  else history.pushState(plain, '', '/')
  route.screen = screen
}

window.addEventListener('popstate', (e) => {
  route.screen = read(e.state)
})
