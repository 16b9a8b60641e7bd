// SPDX-License-Identifier: AGPL-3.0-or-later
declare module 'virtual:emoji' {
  /** For each group its slug, and emoji and name in turns. */
  const groups: [string, string[]][]
  export default groups
}
