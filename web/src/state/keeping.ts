// SPDX-License-Identifier: AGPL-3.0-or-later
// What is being written into the vault at this moment. While anything is, the
// browser asks before the page goes away, and no tab renews the app.

const lockName = 'clarion keeping'
let count = 0

const ask = (e: BeforeUnloadEvent) => e.preventDefault()

/** keeping notes that what done stands for is kept when it settles. */
export function keeping<T>(done: Promise<T>): Promise<T> {
  if (count++ === 0) addEventListener('beforeunload', ask)
  const settled = done.then(
    () => undefined,
    () => undefined,
  )
  void settled.then(() => {
    if (--count === 0) removeEventListener('beforeunload', ask)
  })
  unkept(settled)
  return done
}

/** unkept keeps all tabs from renewing until what is not written yet is. */
export function unkept(until: Promise<unknown>): void {
  navigator.locks?.request(lockName, { mode: 'shared' }, () => until).catch(() => undefined)
}

/** allKept waits until no tab is keeping anything, but no longer than ms. */
export async function allKept(ms: number): Promise<void> {
  await navigator.locks?.request(lockName, { signal: AbortSignal.timeout(ms) }, () => undefined).catch(() => undefined)
}
