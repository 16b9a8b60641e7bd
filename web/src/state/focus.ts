// SPDX-License-Identifier: AGPL-3.0-or-later
// Where the keyboard is, after what it was on has gone.

/** startFocus keeps the focus out of nowhere: when the element that had it goes
 *  away, the screen has it, and when it is disabled for a while, gets it back. */
export function startFocus(): void {
  let last: HTMLElement | null = null
  addEventListener('pointerdown', () => (last = null), true) // who clicks beside everything wants nothing focused
  addEventListener('focusin', (e) => (last = e.target instanceof HTMLElement ? e.target : null), true)
  const look = (): void => {
    if (!last || (document.activeElement !== document.body && document.activeElement !== null)) return
    if (last.isConnected && last.checkVisibility()) {
      last.focus()
      return
    }
    const main = document.querySelector<HTMLElement>('dialog[open]') ?? document.querySelector<HTMLElement>('main')
    if (!main) return
    main.tabIndex = -1
    main.focus({ preventScroll: true })
  }
  // After the frame's own work: whoever has a better place has taken the focus there.
  let waits = false
  new MutationObserver(() => {
    if (waits) return
    waits = true
    requestAnimationFrame(() => {
      waits = false
      look()
    })
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled', 'open', 'inert'] })
}
