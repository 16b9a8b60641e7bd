// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"

	"clarion.chat/clarion/wire"
)

// lie is one way in which a server can falsify what it passes on.
type lie string

// The lies of a server about one mailbox. forked and replayed renumber what
// comes after, so that no gap shows.
const (
	dropped   lie = "drops an envelope"
	doubled   lie = "gives an envelope twice"
	reordered lie = "changes the order of two envelopes"
	replayed  lie = "puts an old envelope in again"
	forked    lie = "shows one member an envelope less"
	falseAck  lie = "acknowledges an append and does not store it"
	withheld  lie = "keeps envelopes back for a while"
)

func lies() []lie {
	return []lie{dropped, doubled, reordered, replayed, forked, falseAck, withheld}
}

// mutant is a server that lies now and then about one mailbox: an honest one
// behind Taps that share this. It tells one lie, then waits to be armed again.
type mutant struct {
	mu     sync.Mutex
	chance *rand.Rand
	odds   int    // one in so many envelopes is falsified; 0 for none
	next   lie    // the lie to tell
	told   lie    // the lie that was told, empty until then
	victim string // whom it was told
	box    *wire.MailboxID
	shown  map[string]*shown
}

// shown is what one client was shown of the mailbox.
type shown struct {
	link    *Link
	last    wire.Seq // in the client's numbers
	shift   int      // the client's numbers minus the server's
	earlier []wire.Envelope
	swap    *wire.Envelope   // kept back to change places with the next
	kept    []*wire.Delivery // kept back, to come later
	keeping bool
}

// begin lets the mutant lie about the next mailbox that is made.
func (m *mutant) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.box, m.shown, m.odds, m.told = nil, map[string]*shown{}, 0, ""
}

// arm lets it tell a lie at the next envelopes, one in odds.
func (m *mutant) arm(what lie, odds int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next, m.odds, m.told = what, odds, ""
}

// lied returns the lie it told since it was armed, and ends what it kept back.
func (m *mutant) lied() lie {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told
}

// release gives what was kept back.
func (m *mutant) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.odds = 0
	for _, s := range m.shown {
		for _, d := range s.kept {
			s.link.Tell(0, d)
		}
		if s.swap != nil {
			s.link.Tell(0, &wire.Delivery{Mailbox: *m.box, Envelopes: []wire.Envelope{*s.swap}})
		}
		s.kept, s.keeping, s.swap = nil, false, nil
	}
}

// tap is the way of one client to the mutant.
func (m *mutant) tap(name string) *Tap {
	return &Tap{
		Up: func(l *Link, ref wire.Ref, body wire.Body) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.up(name, l, ref, body)
		},
		Down: func(l *Link, ref wire.Ref, body wire.Body) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.down(name, l, ref, body)
		},
	}
}

func (m *mutant) of(name string, l *Link) *shown {
	s := m.shown[name]
	if s == nil {
		s = &shown{}
		m.shown[name] = s
	}
	if l != nil {
		s.link = l
	}
	return s
}

// strike decides whether to lie now.
func (m *mutant) strike(name string, can ...lie) bool {
	if m.odds == 0 || m.told != "" || !slices.Contains(can, m.next) || m.chance.IntN(m.odds) > 0 {
		return false
	}
	m.told, m.victim = m.next, name
	return true
}

func (m *mutant) up(name string, l *Link, ref wire.Ref, body wire.Body) bool {
	if c, ok := body.(*wire.CreateMailbox); ok && m.box == nil {
		box := c.Mailbox
		m.box = &box
	}
	if m.box == nil {
		return true
	}
	s := m.of(name, nil)
	real := func(after *wire.Seq) { *after = wire.Seq(max(0, int(*after)-s.shift)) }
	switch b := body.(type) {
	case *wire.Read:
		if b.Mailbox == *m.box {
			real(&b.After)
		}
	case *wire.Subscribe:
		if b.Mailbox == *m.box {
			real(&b.After)
		}
	case *wire.Append:
		if b.Mailbox == *m.box && m.strike(name, falseAck) {
			s.last++
			l.Tell(ref, &wire.Appended{Seq: s.last})
			return false
		}
	}
	return true
}

func (m *mutant) down(name string, l *Link, ref wire.Ref, body wire.Body) bool {
	if m.box == nil {
		return true
	}
	switch b := body.(type) {
	case *wire.Appended:
		if a, ok := l.Asked(ref).(*wire.Append); ok && a.Mailbox == *m.box {
			s := m.of(name, nil)
			b.Seq = wire.Seq(int(b.Seq) + s.shift)
			s.last = max(s.last, b.Seq)
		}
	case *wire.Envelopes:
		if r, ok := l.Asked(ref).(*wire.Read); ok && r.Mailbox == *m.box {
			s := m.of(name, nil)
			b.Envelopes = m.falsify(name, s, b.Envelopes, false)
			b.Head = wire.Seq(int(b.Head) + s.shift)
			if s.swap != nil {
				b.Head = s.last
			}
		}
	case *wire.Delivery:
		if b.Mailbox == *m.box {
			s := m.of(name, l)
			b.Envelopes = m.falsify(name, s, b.Envelopes, true)
			if s.keeping {
				s.kept = append(s.kept, b)
				return false
			}
			return len(b.Envelopes) > 0
		}
	}
	return true
}

// falsify numbers envelopes as this client was shown them so far, and lies.
func (m *mutant) falsify(name string, s *shown, list []wire.Envelope, event bool) []wire.Envelope {
	var out []wire.Envelope
	for _, e := range list {
		was := e
		e.Seq = wire.Seq(int(e.Seq) + s.shift)
		fresh := e.Seq > s.last // not shown before
		can := []lie{dropped, doubled, forked}
		if fresh && len(s.earlier) > 0 {
			can = append(can, replayed)
		}
		if event && fresh {
			can = append(can, reordered, withheld)
		}
		switch struck := fresh && m.strike(name, can...); {
		case s.swap != nil && e.Seq == s.swap.Seq:
			continue
		case s.swap != nil && fresh:
			first := *s.swap
			s.swap = nil
			first.Seq, e.Seq = e.Seq, first.Seq
			out = append(out, e, first)
			s.last = first.Seq
			continue
		case struck && m.next == dropped:
			continue
		case struck && m.next == doubled:
			out = append(out, e)
		case struck && m.next == forked:
			s.shift--
			continue
		case struck && m.next == replayed:
			old := s.earlier[m.chance.IntN(len(s.earlier))]
			old.Seq = e.Seq
			out = append(out, old)
			s.shift++
			e.Seq++
		case struck && m.next == reordered:
			kept := e
			s.swap = &kept
			continue
		case struck && m.next == withheld:
			s.keeping = true
		}
		s.last = max(s.last, e.Seq)
		was.Body = bytes.Clone(was.Body)
		s.earlier = append(s.earlier, was)
		if len(s.earlier) > 64 {
			s.earlier = s.earlier[1:]
		}
		out = append(out, e)
	}
	return out
}
