// SPDX-License-Identifier: AGPL-3.0-or-later
// The one dialog that is open, if any, and the panel beside a conversation.
export type Dialog =
  | { name: 'new' }
  | { name: 'invite' }
  | { name: 'handle' }
  | { name: 'group' }
  | { name: 'add'; conversation: string }
  | { name: 'check'; handle: string }
  | { name: 'changed'; handle: string }
  | { name: 'leave'; conversation: string }
  | { name: 'remove'; conversation: string; handle: string }
  | { name: 'block'; handle: string }
  | { name: 'jump' }
  | { name: 'keys' }
  | { name: 'call'; conversation: string; video: boolean }
  | { name: 'calls' }

export type Panel = 'people' | 'knows'

export const dialogs = $state({
  open: null as Dialog | null,
  panel: null as Panel | null,
})

export function show(dialog: Dialog): void {
  dialogs.open = dialog
}

export function hide(): void {
  dialogs.open = null
}

/** panel shows a panel, or hides it when it was there. */
export function togglePanel(panel: Panel): void {
  dialogs.panel = dialogs.panel === panel ? null : panel
}
