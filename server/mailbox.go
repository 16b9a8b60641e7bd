// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"time"

	"clarion.chat/clarion/wire"
)

func createMailbox(s *session, _ wire.Ref, m *wire.CreateMailbox) (wire.Body, error) {
	if m.Keep > s.srv.c.Keep {
		return nil, s.srv.keepRange()
	}
	return done(s.srv.store.CreateMailbox(m))
}

// done answers Done, or the error.
func done(err error) (wire.Body, error) {
	if err != nil {
		return nil, err
	}
	return &wire.Done{}, nil
}

// appendEnvelope hands the envelope to the store's writer and goes on reading:
// the answer follows when it is durable.
func appendEnvelope(s *session, ref wire.Ref, m *wire.Append) (wire.Body, error) {
	if m.Keep > s.srv.c.Keep {
		return nil, s.srv.keepRange()
	}
	if err := fits("an envelope's body", len(m.Body), s.srv.c.Sizes.Body, "max_body"); err != nil {
		return nil, err
	}
	s.srv.store.Append(m, s.receipt(ref))
	return nil, nil
}

// receipt takes a place among the answers in flight, waiting for one if there
// is none, and returns what the store calls when the envelope is durable.
func (s *session) receipt(ref wire.Ref) func(wire.Seq, error) {
	s.inFlight <- struct{}{}
	answer := s.expect(ref)
	return func(seq wire.Seq, err error) {
		if err != nil {
			answer(s.srv.refusal(err))
		} else {
			answer(&wire.Appended{Seq: seq})
		}
		<-s.inFlight
	}
}

// keepRange is the refusal that names this server's longest keep.
func (srv *Server) keepRange() *wire.Refusal {
	r := wire.Refuse(wire.CodeKeepRange)
	if srv.c.Keep != wire.MaxKeep {
		r.Text = "keep is 1 to " + itoa(int(srv.c.Keep)) + " days on this server"
	}
	return r
}

func read(s *session, ref wire.Ref, m *wire.Read) (wire.Body, error) {
	if m.Limit < 1 || m.Limit > wire.MaxRead || m.Wait > wire.MaxWait {
		return nil, wire.Refuse(wire.CodeMalformed)
	}
	e, err := s.readNow(m)
	if err != nil {
		return nil, err
	}
	// With the pass of an earlier epoch nothing more can come.
	if m.Wait == 0 || len(e.Envelopes) > 0 || !e.Current {
		return e, nil
	}
	return nil, s.waitToRead(ref, m)
}

func (s *session) readNow(m *wire.Read) (*wire.Envelopes, error) {
	return s.srv.store.Read(context.Background(), m.Mailbox, m.Pass, m.After, int(m.Limit), catchBytes)
}

// waitToRead answers a read later, from the connection's writer.
func (s *session) waitToRead(ref wire.Ref, m *wire.Read) error {
	answer := s.expect(ref)
	w := &waiting{s: s, box: m.Mailbox, answer: func() {
		e, err := s.readNow(m)
		if err != nil {
			answer(s.srv.refusal(err))
		} else {
			answer(e)
		}
	}}
	err := s.srv.hub.wait(w, time.Duration(m.Wait)*time.Second, func() bool {
		e, err := s.readNow(m)
		return err != nil || len(e.Envelopes) > 0 || !e.Current
	})
	if err != nil {
		answer(s.srv.refusal(err))
	}
	return nil
}

// subscribe answers before the first delivery can.
func subscribe(s *session, ref wire.Ref, m *wire.Subscribe) (wire.Body, error) {
	g, err := s.srv.store.Grant(context.Background(), m.Mailbox, m.Pass)
	if err != nil {
		return nil, err
	}
	sub := &subscription{s: s, mailbox: m.Mailbox, pass: m.Pass, epoch: g.Epoch, cursor: m.After}
	return nil, s.srv.hub.subscribe(sub, func() { s.reply(ref, &wire.Done{}) })
}

func unsubscribe(s *session, _ wire.Ref, m *wire.Unsubscribe) (wire.Body, error) {
	s.srv.hub.unsubscribe(s, m.Mailbox)
	return &wire.Done{}, nil
}
