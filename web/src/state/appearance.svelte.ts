// SPDX-License-Identifier: AGPL-3.0-or-later
// Light, dark, or as the system says. It is a wish of this browser, not of the
// account, so it lies beside the vault and is there before the core is.
export type Appearance = 'system' | 'light' | 'dark'

const key = 'clarion appearance'
const system = matchMedia('(prefers-color-scheme: dark)')

function read(): Appearance {
  const v = localStorage.getItem(key)
  return v === 'light' || v === 'dark' ? v : 'system'
}

export const appearance = $state({ wish: read() })

function apply(): void {
  const dark = appearance.wish === 'dark' || (appearance.wish === 'system' && system.matches)
  document.documentElement.dataset.appearance = dark ? 'dark' : 'light'
}

export function setAppearance(wish: Appearance): void {
  appearance.wish = wish
  localStorage.setItem(key, wish)
  apply()
}

/** start follows the wish and the system from now on. */
export function startAppearance(): void {
  system.addEventListener('change', apply)
  apply()
}
