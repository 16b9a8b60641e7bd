// SPDX-License-Identifier: AGPL-3.0-or-later
// One conversation's history as far as it is on the screen: read in pages from
// its end, kept in step by what the core tells.
import { tick } from 'svelte'
import type { CoreEvent, HistoryItem, Message } from '../core/generated'
import { account } from './account.svelte'
import { reload } from './conversations.svelte'
import { call, failure, on, onReady, type Failure } from './core.svelte'
import { keeping } from './keeping'
import { merged, sorted, unknown, type Item } from './rows'
import { plainWords } from './words'

/** Items read at a time. */
const page = 60
/** What keeps messages from leaving and ends without a word to the page, and
 *  after how long, in ms, it is tried again. */
const passing: ReadonlySet<string> = new Set(['disk_full', 'vault_failed', 'rate_limited', 'store_unavailable'])
const againAfter = 5000
/** The most unread items that are read to find the first of them. */
const mostUnread = 1200

let open: Timeline[] = []

export class Timeline {
  readonly conversation: string
  items = $state.raw<Item[]>([])
  phase = $state<'loading' | 'ready' | 'failed'>('loading')
  failure = $state.raw<Failure | null>(null)
  older = $state<'more' | 'loading' | 'failed' | 'none'>('none')
  /** Items were put before the others: the list keeps its place. */
  shift = $state(false)
  /** The first item that was unread when the person came, and how many. */
  fresh = $state('')
  freshCount = $state(0)
  /** Why what waits here does not leave by itself. */
  trouble = $state.raw<Failure | null>(null)
  #before = ''
  #later: ReturnType<typeof setTimeout> | undefined
  #marked = 0

  constructor(conversation: string) {
    this.conversation = conversation
  }

  /** start reads the end of the history and listens until stop. */
  start(unread: number): void {
    open = [...open, this]
    void this.#begin(unread)
  }

  stop(): void {
    open = open.filter((t) => t !== this)
  }

  async #begin(unread: number): Promise<void> {
    try {
      let got = await this.#read(undefined, page)
      let items = got.items
      while (got.before && items.filter((i) => i.message?.unread).length < Math.min(unread, mostUnread)) {
        got = await this.#read(got.before, 200)
        items = [...got.items, ...items]
      }
      this.items = sorted(items)
      this.#before = got.before
      this.older = got.before ? 'more' : 'none'
      if (this.phase !== 'ready') this.#markFresh()
      this.failure = null
      this.phase = 'ready'
    } catch (e) {
      this.failure = plainWords(failure(e))
      if (this.phase === 'loading') this.phase = 'failed'
    }
  }

  async #read(before: string | undefined, limit: number): Promise<{ items: Item[]; before: string }> {
    const got = await call('historyPage', { conversation: this.conversation, limit, ...(before ? { before } : {}) })
    return { items: got.items.map(asItem), before: got.before }
  }

  /** again tries once more what failed at the beginning. */
  again(): void {
    this.phase = 'loading'
    void this.#begin(0)
  }

  /** more reads an older page. */
  async more(): Promise<void> {
    if (this.older !== 'more' && this.older !== 'failed') return
    this.older = 'loading'
    try {
      const got = await this.#read(this.#before, page)
      this.shift = true
      this.items = [...unknown(this.items, got.items), ...this.items]
      this.#before = got.before
      this.older = got.before ? 'more' : 'none'
      await tick()
      this.shift = false
    } catch {
      this.older = 'failed'
    }
  }

  #markFresh(): void {
    const unread = this.items.filter((i) => i.message?.unread)
    this.fresh = unread[0]?.key ?? ''
    this.freshCount = unread.length
  }

  /** catchUp reads the end again: a core began anew, or lines came. */
  async catchUp(): Promise<void> {
    if (this.phase !== 'ready') return this.#begin(0)
    try {
      const got = await this.#read(undefined, page)
      if (got.before && this.items.length > 0 && unknown(this.items, got.items).length === got.items.length) {
        this.items = sorted(got.items) // more came than a page: what is between is read when it is looked at
        this.#before = got.before
        this.older = 'more'
        return
      }
      this.#put(got.items)
    } catch {
      // The next event or the next core asks again.
    }
  }

  #put(news: Item[]): void {
    this.items = merged(this.items, news)
  }

  #putMessage(m: Message): void {
    this.#put([messageItem(m)])
  }

  // ── what the core tells ────────────────────────────────────────────────

  arrived(m: Message, looking: boolean): void {
    if (this.phase !== 'ready') return
    this.#putMessage(m)
    if (looking || !m.unread) return
    if (this.fresh === '') this.fresh = keyOf(m.id)
    this.freshCount++
  }

  async came(e: { id: string; seq: number; state?: Message['state'] }): Promise<void> {
    if (this.phase !== 'ready') return
    const was = this.items.find((i) => i.key === keyOf(e.id))?.message
    if (was) {
      this.#putMessage({ ...was, seq: e.seq || was.seq, state: e.state ?? was.state })
      return
    }
    try {
      this.#putMessage(await call('message', { conversation: this.conversation, id: e.id })) // written in another tab
    } catch {
      // Older than what is shown, or gone.
    }
  }

  // ── what the person does ───────────────────────────────────────────────

  /** send writes a text down, then lets it go. It gives back why it could not
   *  be written down; the text is then nowhere but with the caller. */
  async send(text: string): Promise<Failure | null> {
    const id = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
    const at = Math.floor(Date.now() / 1000) * 1000
    const from = account.me?.handle ?? ''
    this.fresh = ''
    this.#putMessage({ id, conversation: this.conversation, seq: 0, from, own: true, checked: null, text, at, state: '', unread: false }) // nothing is claimed of it until it is kept
    try {
      this.#putMessage(await keeping(call('queue', { conversation: this.conversation, id, text })))
    } catch (e) {
      this.items = this.items.filter((i) => i.key !== keyOf(id))
      return plainWords(failure(e))
    }
    void this.flush()
    return null
  }

  /** flush lets go what waits here. */
  async flush(): Promise<void> {
    try {
      await call('flushConversation', { conversation: this.conversation })
      this.trouble = null
    } catch (e) {
      const f = failure(e)
      this.trouble = f.code === 'unreachable' ? null : plainWords(f)
      // What waits is kept; nobody tells when there is room again.
      if (passing.has(f.code)) this.#later ??= setTimeout(() => ((this.#later = undefined), void this.flush()), againAfter)
    }
    void reload()
  }

  /** seen notes that the person has seen everything up to a place. */
  async seen(seq: number): Promise<void> {
    if (seq <= this.#marked || !this.items.some((i) => i.message?.unread && i.seq <= seq)) return
    this.#marked = seq
    try {
      await call('markRead', { conversation: this.conversation, seq })
      this.items = this.items.map((i) => (i.message?.unread && i.seq <= seq ? { ...i, message: { ...i.message, unread: false } } : i))
      void reload()
    } catch {
      this.#marked = 0
    }
  }
}

const keyOf = (id: string) => `message/${id}`

function messageItem(m: Message): Item {
  return { key: keyOf(m.id), seq: m.seq, kind: 'message', message: m, line: null }
}

function asItem(i: HistoryItem): Item {
  if (i.message) return messageItem(i.message)
  return { key: `line/${i.key}`, seq: i.line?.seq ?? 0, kind: i.kind, message: null, line: i.line }
}

/** looking reports whether the person has this page before them. */
export const looking = (): boolean => document.visibilityState === 'visible' && document.hasFocus()

function each(conversation: string, f: (t: Timeline) => void): void {
  for (const t of open) if (t.conversation === conversation) f(t)
}

on('message_arrived', (e) => each(e.message.conversation, (t) => t.arrived(e.message, looking())))
for (const kind of ['message_state', 'message_moved'] as const) on(kind, (e) => each(e.conversation, (t) => void t.came(e)))
const lines: CoreEvent['event'][] = ['conversation_joined', 'member_added', 'member_removed', 'device_added', 'code_changed', 'keep_changed', 'call_ended', 'problem']
for (const kind of lines) {
  on(kind, (e) => {
    if ('conversation' in e) each(e.conversation, (t) => void t.catchUp())
  })
}
onReady(() => {
  for (const t of open) void t.catchUp()
})
