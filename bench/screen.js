// SPDX-License-Identifier: AGPL-3.0-or-later
// Put into a page before its own programs: it looks at what a person sees, and
// listens to what the worker tells the page. It changes nothing of either.
globalThis.bench = (() => {
  const patience = 120_000
  /** Milliseconds since 1970, of one clock for all pages of a machine. */
  const at = () => performance.timeOrigin + performance.now()

  // ── what the worker tells ────────────────────────────────────────────────
  let granted = 0
  let ready = 0
  let listed = 0
  let pressed = 0
  let arrivals = 0
  let lastArrival = 0
  const arrived = new Map()
  globalThis.Worker = class extends Worker {
    constructor(...what) {
      super(...what)
      granted ||= at() // a tab makes its worker as soon as it has the lock
      this.addEventListener('message', ({ data }) => {
        if (data.kind === 'state' && data.state.phase === 'ready') ready ||= at()
        if (data.kind !== 'event' || data.event.event !== 'message_arrived') return
        arrivals++
        lastArrival = at()
        if (arrivals % 64 === 0) arrived.clear() // what is looked for is the last one
        arrived.set(data.event.message.text, lastArrival)
      })
    }
  }
  addEventListener('keydown', (e) => e.key === 'Enter' && (pressed = at()), true)

  // ── what stands on the screen ────────────────────────────────────────────
  const visible = (e) => e.checkVisibility({ visibilityProperty: true })
  const frame = () => new Promise((done) => requestAnimationFrame(done))
  const pause = (ms) => new Promise((done) => setTimeout(done, ms))
  /** The task after a frame: what the frame holds has been painted. */
  const painted = () =>
    new Promise((done) => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => done(at())
      port2.postMessage(0)
    })

  async function wait(what, look) {
    const from = performance.now()
    for (;;) {
      const found = look()
      if (found) return found
      if (performance.now() - from > patience) throw new Error(`waited in vain for ${what}; the page says: ${document.body.innerText.slice(0, 600)}`)
      await pause(10)
    }
  }

  const named = (e) => (e.getAttribute('aria-label') ?? e.innerText).trim()
  const press = async (name) => {
    const b = await wait(`the button ${name}`, () =>
      [...document.querySelectorAll('button')].findLast((b) => visible(b) && !b.disabled && (named(b) === name || named(b).startsWith(`${name}\n`))))
    b.click()
  }
  const labels = (begin) => [...document.querySelectorAll('label')].filter((l) => l.innerText.trim().startsWith(begin))
  const fill = (label, text) => {
    const field = document.getElementById(label.htmlFor)
    field.value = text
    field.dispatchEvent(new Event('input', { bubbles: true }))
  }
  const people = () => [...document.querySelectorAll('nav[aria-label="Conversations"] .list li button')]
  const rows = () => [...document.querySelectorAll('[data-message]')]
  const scroller = () => document.querySelector('[role=region][aria-label^="Messages with "]')
  const composer = () => document.querySelector('textarea[aria-label^="Message "]')

  // When the list of conversations came is looked for from the beginning.
  void (async () => {
    const from = performance.now()
    while (!listed && performance.now() - from < patience) {
      if (people().length > 0) {
        await frame()
        listed = await painted()
      } else await pause(5)
    }
  })()

  async function register(name) {
    await press('Make an account')
    fill(await wait('the field for the name', () => labels('Name')[0]), name)
    await press('Make an account')
    const words = await wait('the sheet', () => {
      const all = [...document.querySelectorAll('[aria-label="Your recovery sheet"] li')]
      return all.length === 24 && all.map((l) => l.innerText.replace(/^\d+\s*/, '').trim())
    })
    await press('I have them')
    const asked = await wait('the words to be asked', () => labels('Word ').length === 2 && labels('Word '))
    for (const l of asked) fill(l, words[Number(/\d+/.exec(l.innerText)[0]) - 1])
    await press('Done')
    await wait('the list of conversations', () => document.querySelector('nav[aria-label="Conversations"]'))
  }

  async function invite() {
    await press('New conversation')
    await press('Invite someone')
    await press('Make a link')
    const link = (await wait('the link', () => document.getElementById('invite-link')?.value)).trim()
    await press('Close')
    return link
  }

  /** go opens the conversation with a person, and has the cursor in it. */
  async function go(name) {
    const row = await wait(`${name} in the list`, () => people().find((p) => p.querySelector('.name')?.innerText.trim() === name))
    row.click()
    const field = await wait('the field to write in', () => scroller()?.getAttribute('aria-label') === `Messages with ${name}` && composer())
    field.focus()
  }

  /** expect begins to look for a text on the screen; outcome is when. */
  let outcome = null
  const inView = (row) => {
    const r = row.getBoundingClientRect()
    const s = scroller().getBoundingClientRect()
    return r.top < s.bottom && r.bottom > s.top && visible(row)
  }
  function expect(text) {
    const from = performance.now()
    outcome = (async () => {
      for (;;) {
        await frame()
        if (rows().slice(-4).some((r) => r.textContent.includes(text) && inView(r))) return { pressed, arrived: arrived.get(text) ?? 0, shown: await painted() }
        if (performance.now() - from > patience) throw new Error(`did not show: ${text.slice(-12)}`)
      }
    })()
    outcome.catch(() => undefined) // told to whoever asks
  }

  /** sent waits until a text of one's own is said to be sent. */
  const sent = async (text) => {
    const from = performance.now()
    for (;;) {
      const row = rows().slice(-4).find((r) => r.textContent.includes(text))
      if (row?.querySelector('[data-state=sent], [data-state=delivered], [data-state=read]')) return { granted, ready, sent: at() }
      if (performance.now() - from > patience) throw new Error(`was not sent: ${text.slice(-12)}`)
      await pause(5)
    }
  }

  /** prepared waits until this tab, next in line, has fetched the core's
   *  program, and has had time to compile it. */
  const prepared = async () => {
    await wait('the program to be fetched ahead', () => performance.getEntriesByType('resource').some((r) => r.name.endsWith('.wasm')))
    await pause(1000)
  }

  /** end waits until the newest message is in view. */
  async function end() {
    await wait('the messages', () => rows().length > 0)
    await frame()
    document.querySelector('button.newest')?.click()
    await wait('the end of the list', () => !document.querySelector('button.newest'))
    await frame()
  }

  /** climb scrolls to a text near the beginning, a screen for each frame. */
  async function climb(text) {
    const from = performance.now()
    let most = 0
    let elements = 0
    let frames = 0
    let longest = 0
    let before = from
    let highest = ''
    let moved = from
    for (;;) {
      const all = rows()
      most = Math.max(most, all.length)
      if (frames++ % 50 === 0) elements = Math.max(elements, document.getElementsByTagName('*').length)
      if (all.some((r) => r.textContent.includes(text) && inView(r))) break
      if (all[0]?.dataset.message !== highest) {
        highest = all[0]?.dataset.message
        moved = performance.now()
      }
      if (performance.now() - moved > patience) throw new Error(`scrolling came no further than ${all[0]?.innerText}`)
      scroller().scrollBy(0, -scroller().clientHeight)
      await frame()
      longest = Math.max(longest, performance.now() - before)
      before = performance.now()
    }
    return { took: performance.now() - from, most, elements, frames, longest }
  }

  /** all waits for as many messages, for as long as they come. */
  async function all(n) {
    while (arrivals < n) {
      const before = arrivals
      await wait(`message ${before + 1} of ${n}`, () => arrivals > before)
    }
    return lastArrival
  }

  async function memory() {
    const got = await Promise.race([performance.measureUserAgentSpecificMemory(), pause(patience)])
    return (got?.breakdown ?? []).map((b) => ({ bytes: b.bytes, scope: b.attribution[0]?.scope ?? '', types: b.types.join() }))
  }

  return {
    register, invite, go, sent, prepared, end, expect, climb, memory, press,
    outcome: () => outcome,
    loaded: () => document.fonts.ready.then(() => performance.getEntriesByType('resource').map((r) => new URL(r.name).pathname)),
    kept: () => navigator.serviceWorker.ready.then(() => true),
    isReady: () => wait('the core', () => ready),
    isListed: () => wait('the list', () => listed),
    paints: () => wait('a paint', () => performance.getEntriesByType('paint').length >= 2).then(() => Object.fromEntries(performance.getEntriesByType('paint').map((p) => [p.name, p.startTime]))),
    origin: () => performance.timeOrigin,
    all,
  }
})()
