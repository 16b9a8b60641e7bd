// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"clarion.chat/clarion/wire"
)

// handler carries out one command. It returns the answer or an error; both nil
// means that it has answered, or will, by session.reply. It runs in the
// connection's reader and therefore must not wait for other clients.
type handler func(s *session, ref wire.Ref, body wire.Body) (wire.Body, error)

// cost says which bucket a command is taken from, besides that of all.
type cost uint8

const (
	usual cost = iota
	tight
	live
)

// command is one line of a door's table.
type command struct {
	cost cost
	run  handler
}

// door is one of the two doors: what it serves, each kind of command once.
type door struct {
	name     string
	commands map[wire.Kind]command
}

// on makes a handler of a function for one type of command.
func on[C any, P interface {
	*C
	wire.Body
}](f func(*session, wire.Ref, *C) (wire.Body, error)) handler {
	return func(s *session, ref wire.Ref, body wire.Body) (wire.Body, error) {
		return f(s, ref, (*C)(body.(P)))
	}
}

func accountDoor() *door {
	return &door{"account", map[wire.Kind]command{
		wire.KindRegister:         {tight, on(register)},
		wire.KindSignIn:           {tight, on(signIn)},
		wire.KindPutEntry:         {tight, on(putEntry)},
		wire.KindPutKeyPackages:   {usual, on(putKeyPackages)},
		wire.KindCountKeyPackages: {usual, on(countKeyPackages)},
		wire.KindPutRecoveryBlob:  {usual, on(putRecoveryBlob)},
		wire.KindGetRecoveryBlob:  {usual, on(getRecoveryBlob)},
		wire.KindGetHoldings:      {tight, on(getHoldings)},
		wire.KindDeleteEverything: {tight, on(deleteEverything)},
	}}
}

func mailboxDoor() *door {
	return &door{"mailbox", map[wire.Kind]command{
		wire.KindCreateMailbox:   {tight, on(createMailbox)},
		wire.KindAppend:          {usual, on(appendEnvelope)},
		wire.KindRead:            {usual, on(read)},
		wire.KindSubscribe:       {usual, on(subscribe)},
		wire.KindUnsubscribe:     {usual, on(unsubscribe)},
		wire.KindLive:            {live, on(sendLive)},
		wire.KindLookUp:          {tight, on(lookUp)},
		wire.KindTakeKeyPackages: {tight, on(takeKeyPackages)},
		wire.KindIntroduce:       {tight, on(introduce)},
		wire.KindPutInvite:       {tight, on(putInvite)},

		wire.KindGetMailboxHoldings: {tight, on(getMailboxHoldings)},
		wire.KindRelayCredentials:   {tight, on(relayCredentials)},
	}}
}

// receive carries out one frame. It returns false when the connection ends.
func (s *session) receive(frame []byte) bool {
	ref, body, err := wire.DecodeFrame(frame)
	if len(frame) > s.srv.c.Sizes.Frame {
		err = wire.ErrTooLarge
	}
	if err != nil {
		return s.undecodable(frame, ref, err)
	}
	c, known := s.door.commands[body.Kind()]
	if !known {
		s.refuse(ref, wire.Refuse(wire.CodeUnknownCommand))
		return true
	}
	if r := s.charge(c.cost); r != nil {
		s.refuse(ref, r)
		return true
	}
	run := s.run
	if body.Kind() != wire.KindAppend {
		run = s.runAside
	}
	answer, err := run(c, ref, body)
	switch {
	case err != nil:
		s.refuse(ref, s.srv.refusal(err))
	case answer != nil:
		s.reply(ref, answer)
	}
	return true
}

// undecodable answers bytes that are no frame of ours. The connection stays
// unless there is no telling which command to answer, or there were too many.
func (s *session) undecodable(frame []byte, ref wire.Ref, err error) bool {
	const header = 6 // kind and ref
	if len(frame) >= header {
		ref = wire.Ref(binary.BigEndian.Uint32(frame[2:]))
	}
	var r *wire.Refusal
	switch {
	case errors.As(err, &r):
	case errors.Is(err, wire.ErrTooLarge):
		r = s.srv.tooLarge()
	default:
		r = wire.Refuse(wire.CodeMalformed)
	}
	s.malformed++
	s.refuse(ref, r)
	return len(frame) >= header && s.malformed < s.srv.c.Limits.Malformed
}

// charge takes a command from its buckets and returns why it may not run; nil
// when it may.
func (s *session) charge(c cost) *wire.Refusal {
	if s.srv.isClosing() {
		return wire.Refuse(wire.CodeShuttingDown)
	}
	now, l := time.Now(), &s.srv.c.Limits // a clock that is set must neither give nor take
	switch {
	case !s.all.take(now):
		return past(wire.CodeRateLimited, "at most %g a second, and %g at once", l.Commands, l.CommandBurst)
	case c == tight && !s.tight.take(now):
		return past(wire.CodeRateLimited, "of this kind at most %g a second, and %g at once", l.Tight, l.TightBurst)
	case c == live && !s.live.take(now):
		return past(wire.CodeTooManyLive, "at most %g a second, and %g at once", l.Live, l.LiveBurst)
	}
	return nil
}

// run carries a command out. A fault of the program ends the command, not the
// server; the log names the kind and the place, never the content.
func (s *session) run(c command, ref wire.Ref, body wire.Body) (answer wire.Body, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.srv.c.Log.Error("a command failed inside", "kind", int(body.Kind()), "fault", fmt.Sprintf("%T", r),
				"stack", string(debug.Stack()))
			answer, err = nil, wire.Refuse(wire.CodeInternal)
		}
	}()
	return c.run(s, ref, body)
}

// runAside is run in a goroutine that it waits for. Reading the store needs a
// deep stack, which the reader would keep for as long as the connection stands:
// most of what an idle connection costs. Appending needs none.
func (s *session) runAside(c command, ref wire.Ref, body wire.Body) (answer wire.Body, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer, err = s.run(c, ref, body)
	}()
	<-done
	return answer, err
}

// refusal turns any error into what a client is told; what a client is not
// told goes to the log.
func (srv *Server) refusal(err error) *wire.Refusal {
	var r *wire.Refusal
	if !errors.As(err, &r) {
		srv.c.Log.Error("a command failed inside", "cause", err)
		return wire.Refuse(wire.CodeInternal)
	}
	if r.Code == wire.CodeDiskFull || r.Code == wire.CodeStoreDown {
		srv.c.Log.Error("the store refused a command", "cause", err)
	}
	return r
}
