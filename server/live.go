// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"sync"
	"time"

	"clarion.chat/clarion/server/internal/store"
	"clarion.chat/clarion/wire"
)

// hub knows who waits for which mailbox. It is told of each envelope by the
// store's writer, after the commit and in order. It never blocks.
//
// A subscription is in one of two states. A subscriber that is up to date is
// handed each envelope from memory. One that is behind (new, or too slow for
// its queue) reads the store in its connection's writer, as fast as its socket
// takes it, until nothing newer was announced meanwhile:
//
//	behind ──read all, nothing announced since──▶ up to date
//	   ▲────────────no room in the queue, a gap────────┘
type hub struct {
	mu    sync.Mutex
	boxes map[wire.MailboxID]*watchers
}

// watchers are the subscriptions and waiting reads of one mailbox.
type watchers struct {
	subs  map[*subscription]struct{}
	waits map[*waiting]struct{}
}

// subscription is guarded by hub.mu, but for what never changes.
type subscription struct {
	s       *session
	mailbox wire.MailboxID
	pass    wire.Pass
	epoch   wire.Epoch

	cursor wire.Seq // delivered up to here
	behind bool
	again  bool // something was announced while behind
	ended  bool
}

// waiting is a read that waits for something to read.
type waiting struct {
	s      *session
	box    wire.MailboxID
	answer func() // runs in the connection's writer
	timer  *time.Timer
}

// at returns a mailbox's watchers; called with mu held.
func (h *hub) at(id wire.MailboxID) *watchers {
	w := h.boxes[id]
	if w == nil {
		w = &watchers{subs: make(map[*subscription]struct{}), waits: make(map[*waiting]struct{})}
		h.boxes[id] = w
	}
	return w
}

// tidy forgets a mailbox that nobody watches; called with mu held.
func (h *hub) tidy(id wire.MailboxID) {
	if w := h.boxes[id]; w != nil && len(w.subs) == 0 && len(w.waits) == 0 {
		delete(h.boxes, id)
	}
}

// committed passes on what was appended. The store's writer calls it.
func (h *hub) committed(all []store.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range all {
		e := &all[i]
		w := h.boxes[e.Mailbox]
		if w == nil {
			continue
		}
		for wait := range w.waits {
			h.finish(wait)
		}
		if len(w.subs) > 0 {
			h.deliver(w, e)
		}
		h.tidy(e.Mailbox)
	}
}

// deliver hands one event to the subscriptions of its mailbox.
func (h *hub) deliver(w *watchers, e *store.Event) {
	var frame []byte // one encoding for all
	for sub := range w.subs {
		switch {
		case e.Gone:
			h.end(sub, wire.CodeNoMailbox)
			continue
		case sub.behind:
			sub.again = true
			continue
		case e.Envelope.Seq <= sub.cursor:
			continue
		}
		if frame == nil {
			frame = encodeEvent(&wire.Delivery{Mailbox: e.Mailbox, Envelopes: []wire.Envelope{e.Envelope}})
		}
		if e.Envelope.Seq != sub.cursor+1 || !sub.s.offer(frame) {
			h.fallBehind(sub)
			continue
		}
		sub.cursor = e.Envelope.Seq
		if e.Envelope.EnvelopeKind == wire.KindCommit {
			h.end(sub, wire.CodeStalePass)
		}
	}
}

func encodeEvent(body wire.Body) []byte {
	frame, err := wire.EncodeFrame(0, body)
	if err != nil {
		panic("server: an event past the limits of a frame")
	}
	return frame
}

// end ends a subscription and says so; called with mu held.
func (h *hub) end(sub *subscription, reason wire.Code) {
	if sub.ended {
		return
	}
	sub.ended = true
	delete(h.at(sub.mailbox).subs, sub)
	delete(sub.s.subs, sub.mailbox)
	h.tidy(sub.mailbox)
	sub.s.reply(0, &wire.SubscriptionEnded{Mailbox: sub.mailbox, Reason: reason})
}

// fallBehind lets the connection's writer read the store; called with mu held.
func (h *hub) fallBehind(sub *subscription) {
	sub.behind, sub.again = true, true
	sub.s.later(func() { h.catchUp(sub) })
}

// catchBytes is how much one answer or delivery holds, so that it fits a frame.
const catchBytes = wire.MaxFrame - wire.MaxBody - 64<<10

// catchUp delivers one frame's worth of what a subscription has missed. It
// runs in the connection's writer.
func (h *hub) catchUp(sub *subscription) {
	h.mu.Lock()
	if sub.ended {
		h.mu.Unlock()
		return
	}
	sub.again = false
	after := sub.cursor
	h.mu.Unlock()

	e, err := sub.s.srv.store.Read(context.Background(), sub.mailbox, sub.pass, after, wire.MaxRead, catchBytes)
	if err == nil && len(e.Envelopes) > 0 {
		if !sub.s.writeFrames([][]byte{encodeEvent(&wire.Delivery{Mailbox: sub.mailbox, Envelopes: e.Envelopes})}) {
			return // the reader tidies up
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case sub.ended:
	case err != nil:
		h.end(sub, sub.s.srv.refusal(err).Code)
	case e.More:
		sub.cursor = e.Envelopes[len(e.Envelopes)-1].Seq
		sub.s.later(func() { h.catchUp(sub) })
	case !e.Current:
		h.end(sub, wire.CodeStalePass)
	default:
		sub.cursor = max(sub.cursor, e.Head)
		if sub.again {
			sub.s.later(func() { h.catchUp(sub) })
		} else {
			sub.behind = false
		}
	}
}

// subscribe adds a subscription, in place of the connection's earlier one of
// the same mailbox. It is behind at first. answer runs before any delivery.
func (h *hub) subscribe(sub *subscription, answer func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := sub.s
	if was := s.subs[sub.mailbox]; was != nil {
		was.ended = true
		delete(h.at(sub.mailbox).subs, was)
	} else if most := s.srv.c.Limits.Subscriptions; len(s.subs) >= most {
		return past(wire.CodeRateLimited, "at most %d subscriptions", most)
	}
	if s.subs == nil {
		s.subs = make(map[wire.MailboxID]*subscription)
	}
	s.subs[sub.mailbox] = sub
	h.at(sub.mailbox).subs[sub] = struct{}{}
	answer()
	h.fallBehind(sub)
	return nil
}

// unsubscribe removes a subscription without a word, if there is one.
func (h *hub) unsubscribe(s *session, id wire.MailboxID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if sub := s.subs[id]; sub != nil {
		sub.ended = true
		delete(s.subs, id)
		delete(h.at(id).subs, sub)
	}
	h.tidy(id)
}

// wait keeps a read until something is appended or its time is over. check
// runs once the read is known here, so that nothing appended before is missed:
// it reports whether there is something to read by now.
func (h *hub) wait(w *waiting, d time.Duration, check func() bool) error {
	h.mu.Lock()
	s := w.s
	if most := s.srv.c.Limits.Waiting; len(s.waits) >= most {
		h.mu.Unlock()
		return past(wire.CodeRateLimited, "at most %d reads that wait", most)
	}
	if s.waits == nil {
		s.waits = make(map[*waiting]struct{})
	}
	s.waits[w] = struct{}{}
	h.at(w.box).waits[w] = struct{}{}
	w.timer = time.AfterFunc(d, func() { h.fire(w) })
	h.mu.Unlock()
	if check() {
		h.fire(w)
	}
	return nil
}

// fire answers a waiting read unless it was answered already.
func (h *hub) fire(w *waiting) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finish(w)
	h.tidy(w.box)
}

// finish is fire with mu held; it leaves the tidying to the caller.
func (h *hub) finish(w *waiting) {
	if _, there := w.s.waits[w]; !there {
		return
	}
	w.timer.Stop()
	delete(w.s.waits, w)
	delete(h.at(w.box).waits, w)
	w.s.later(w.answer)
}

// leave forgets a connection that has ended.
func (h *hub) leave(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, sub := range s.subs {
		sub.ended = true
		delete(h.at(id).subs, sub)
		h.tidy(id)
	}
	for w := range s.waits {
		w.timer.Stop()
		delete(h.at(w.box).waits, w)
		h.tidy(w.box)
	}
	s.subs, s.waits = nil, nil
}

// dismiss ends what a connection waits for because the server is going away.
func (h *hub) dismiss(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, sub := range s.subs {
		h.end(sub, wire.CodeShuttingDown)
	}
	for w := range s.waits {
		h.finish(w)
		h.tidy(w.box)
	}
}

// sendLive passes a live body to the subscribers of the current epoch.
func sendLive(s *session, _ wire.Ref, m *wire.Live) (wire.Body, error) {
	if err := fits("a live body", len(m.Body), s.srv.c.Sizes.Live, "max_live"); err != nil {
		return nil, err
	}
	epoch, err := s.current(m.Mailbox, m.Pass)
	if err != nil {
		return nil, err
	}
	s.srv.hub.live(m, epoch)
	return &wire.Done{}, nil
}

// current is the epoch of a pass that may do more than read: the current one of
// a conversation that goes on.
func (s *session) current(mailbox wire.MailboxID, pass wire.Pass) (wire.Epoch, error) {
	g, err := s.srv.store.Grant(context.Background(), mailbox, pass)
	switch {
	case err != nil:
		return 0, err
	case g.Inbox:
		return 0, wire.Refuse(wire.CodeWrongPass)
	case g.Closed:
		return 0, wire.Refuse(wire.CodeMailboxClosed)
	case !g.Current:
		return 0, wire.Refuse(wire.CodeStalePass)
	}
	return g.Epoch, nil
}

// live hands a live body to those who are subscribed under the epoch's pass.
// One whose queue is full misses it: live events may be lost.
func (h *hub) live(m *wire.Live, epoch wire.Epoch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.boxes[m.Mailbox]
	if w == nil {
		return
	}
	frame := encodeEvent(&wire.LiveArrived{Mailbox: m.Mailbox, Body: m.Body})
	for sub := range w.subs {
		if sub.epoch == epoch {
			sub.s.offer(frame)
		}
	}
}
