// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"clarion.chat/clarion/wire"
)

const (
	answerTimeout = 20 * time.Second // for one command
	maxEventBytes = 16 << 20         // of unread events before a connection is given up
)

// session is one connection to a door. Its reader goroutine pairs answers with
// commands and queues events; call is used by the loop alone. A lost session
// stays lost: the loop opens another.
type session struct {
	conn  Conn
	hello *wire.Hello
	ahead int64           // seconds by which the server's clock was ahead of ours at its Hello
	wake  chan<- struct{} // tells the loop that events or the end are there
	pace  *pace

	mu      sync.Mutex // guards what follows; reader and loop share it
	waiting map[wire.Ref]chan wire.Body
	events  []wire.Body
	bytes   int
	err     error
	next    wire.Ref
}

// openSession dials and reads the Hello. The reader runs until the connection
// ends; close waits for nothing, Conn.Close makes Recv return.
func openSession(ctx context.Context, d Dialer, server string, door DoorName, wake chan<- struct{}, p *pace) (*session, error) {
	ctx, end := p.within(ctx)
	defer end()
	conn, err := d.Dial(ctx, server, door)
	if err != nil {
		return nil, fail(FailUnreachable, err)
	}
	frame, err := conn.Recv(ctx)
	if err != nil {
		conn.Close()
		return nil, fail(FailUnreachable, err)
	}
	_, body, err := wire.DecodeFrame(frame)
	hello, ok := body.(*wire.Hello)
	if r, refused := body.(*wire.Refusal); refused {
		conn.Close()
		return nil, r
	}
	if err != nil || !ok || hello.Version != wire.Version {
		conn.Close()
		return nil, wire.Refuse(wire.CodeUnknownVersion)
	}
	s := &session{conn: conn, hello: hello, wake: wake, pace: p, waiting: map[wire.Ref]chan wire.Body{}}
	go s.read()
	return s, nil
}

// read is the session's one reader.
func (s *session) read() {
	for {
		frame, err := s.conn.Recv(context.Background())
		if err != nil {
			s.end(err)
			return
		}
		ref, body, err := wire.DecodeFrame(frame)
		if err != nil {
			s.end(err)
			return
		}
		if !s.take(ref, body, len(frame)) {
			return
		}
	}
}

func (s *session) take(ref wire.Ref, body wire.Body, size int) bool {
	s.mu.Lock()
	if ref != 0 {
		if ch := s.waiting[ref]; ch != nil {
			delete(s.waiting, ref)
			ch <- body
		}
		s.mu.Unlock()
		return true
	}
	s.events = append(s.events, body)
	s.bytes += size
	full := s.bytes > maxEventBytes
	s.mu.Unlock()
	if full {
		s.end(errors.New("more events than this client holds"))
		return false
	}
	s.signal()
	return true
}

// signal wakes the loop; one pending wake-up is enough.
func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end marks the session lost and lets go all that wait.
func (s *session) end(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	for ref, ch := range s.waiting {
		delete(s.waiting, ref)
		close(ch)
	}
	s.mu.Unlock()
	s.conn.Close()
	s.signal()
}

// lost reports whether the session has ended.
func (s *session) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// drain returns the events that arrived, in order.
func (s *session) drain() []wire.Body {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events, s.bytes = nil, 0
	return events
}

// call sends a command and waits for its answer. A refusal is the error; a
// lost connection or no answer in time is unreachable, and ends the session,
// because a late answer could no longer be told from another's.
func (s *session) call(ctx context.Context, command wire.Body) (wire.Body, error) {
	return s.callWithin(ctx, command, answerTimeout)
}

func (s *session) callWithin(ctx context.Context, command wire.Body, d time.Duration) (wire.Body, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	ch := make(chan wire.Body, 1)
	s.mu.Lock()
	s.next++
	ref := s.next
	s.mu.Unlock()
	frame, err := wire.EncodeFrame(ref, command)
	if err != nil {
		return nil, wire.Refuse(wire.CodeTooLarge)
	}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return nil, fail(FailUnreachable, s.err)
	}
	s.waiting[ref] = ch
	s.mu.Unlock()
	if err := s.conn.Send(ctx, frame); err != nil {
		s.end(err)
		return nil, fail(FailUnreachable, err)
	}
	return s.await(ctx, ch)
}

// await takes the answer that comes by a channel.
func (s *session) await(ctx context.Context, ch <-chan wire.Body) (wire.Body, error) {
	begin := time.Now()
	for {
		select {
		case body, ok := <-ch:
			if !ok {
				return nil, fail(FailUnreachable, errors.New("the connection ended"))
			}
			s.pace.took(time.Since(begin))
			if r, refused := body.(*wire.Refusal); refused {
				return nil, r
			}
			return body, nil
		case <-s.pace.hurry:
			if s.pace.patient(begin) {
				continue
			}
			s.pace.lost()
			s.end(errHurried)
			return nil, fail(FailTimeout, errHurried)
		case <-ctx.Done():
			s.end(ctx.Err())
			return nil, fail(FailTimeout, ctx.Err())
		}
	}
}

// ask is call for a command whose answer has the type A.
func ask[A wire.Body](ctx context.Context, s *session, command wire.Body) (A, error) {
	var none A
	body, err := s.call(ctx, command)
	if err != nil {
		return none, err
	}
	answer, ok := body.(A)
	if !ok {
		s.end(wire.ErrMalformed)
		return none, wire.Refuse(wire.CodeMalformed)
	}
	return answer, nil
}

func (s *session) close() {
	if s != nil {
		s.end(errors.New("closed"))
	}
}
