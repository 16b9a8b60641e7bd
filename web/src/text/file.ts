// SPDX-License-Identifier: AGPL-3.0-or-later

/** saveFile gives the person a file that was made in this page. */
export function saveFile(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000) // the browser may still be reading it
}

/** fileName is a handle as the beginning of a file's name. */
export const fileName = (handle: string): string => handle.replaceAll(/[^a-z0-9.-]+/g, '-')
