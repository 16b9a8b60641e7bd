// SPDX-License-Identifier: AGPL-3.0-or-later
// Whose server this is and what it will hold, from GET /about.json. It is
// asked of the server and not of the core, so it is there before any account.

/** One line of the server's inventory that is about people. */
export interface Line {
  table: string
  what: string
  why: string
  until: string
}

export interface About {
  operator: string
  host: string
  jurisdiction: string
  contact: string
  registration: 'open' | 'invite' | 'closed'
  keepDays: number
  version: string
  holds: Line[]
  could: string[]
  cannot: string[]
  beyond: string[]
}

export const about = $state({
  data: null as About | null,
  loading: false,
  failed: false,
})

const text = (v: unknown): string => (typeof v === 'string' ? v.slice(0, 2000) : '')
const list = (v: unknown): unknown[] => (Array.isArray(v) ? v.slice(0, 1000) : [])
const texts = (v: unknown): string[] => list(v).map(text).filter(Boolean)

/** read takes what it knows of an answer; a member it does not know is passed over. */
function read(v: Record<string, unknown>): About {
  const registration = text(v.registration)
  return {
    operator: text(v.operator),
    host: text(v.host) || location.host,
    jurisdiction: text(v.jurisdiction),
    contact: text(v.contact),
    registration: registration === 'invite' || registration === 'closed' ? registration : 'open',
    keepDays: typeof v.keep_days === 'number' ? v.keep_days : 0,
    version: text(v.version),
    holds: list(v.holds).flatMap((h) => {
      if (typeof h !== 'object' || h === null) return []
      const l = h as Record<string, unknown>
      return [{ table: text(l.table), what: text(l.what), why: text(l.why), until: text(l.until) }]
    }),
    could: texts(v.could),
    cannot: texts(v.cannot),
    beyond: texts(v.beyond),
  }
}

/** loadAbout asks once; after a failure it may be called again. */
export async function loadAbout(): Promise<void> {
  if (about.data || about.loading) return
  about.loading = true
  about.failed = false
  try {
    const answer = await fetch('/about.json', { credentials: 'omit', cache: 'no-store' })
    if (!answer.ok) throw new Error(String(answer.status))
    const v: unknown = await answer.json()
    if (typeof v !== 'object' || v === null) throw new Error('no object')
    about.data = read(v as Record<string, unknown>)
  } catch {
    about.failed = true
  } finally {
    about.loading = false
  }
}

addEventListener('online', () => {
  if (about.failed) void loadAbout()
})
