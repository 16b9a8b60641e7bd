// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"clarion.chat/clarion/wire"
)

// session is one connection.
//
//	open ──shut()──▶ closing ──nothing left to write──▶ closed
//	  └────────socket fails, too much malformed──────────▲
type session struct {
	srv       *Server
	door      *door
	socket    *gws.Conn
	challenge [32]byte

	// Owned by the reader.
	all, tight, live bucket
	malformed        int
	who              who

	inFlight chan struct{} // a place for each append not yet durable

	// Guarded by hub.mu.
	subs  map[wire.MailboxID]*subscription
	waits map[*waiting]struct{}

	mu      sync.Mutex
	changed *sync.Cond // queue, writing or closed changed
	queue   [][]byte   // frames to write, in order
	queued  int        // their bytes
	jobs    []func()   // work of the writer, when the queue is empty
	pending int        // answers that are still to be queued
	writing bool       // a writer runs
	closing bool       // close when nothing is left to write
	closed  bool
}

func (srv *Server) newSession(d *door) *session {
	now, l := time.Now(), &srv.c.Limits
	s := &session{
		srv: srv, door: d,
		all:      newBucket(l.Commands, l.CommandBurst, now),
		tight:    newBucket(l.Tight, l.TightBurst, now),
		live:     newBucket(l.Live, l.LiveBurst, now),
		inFlight: make(chan struct{}, l.InFlight),
	}
	s.changed = sync.NewCond(&s.mu)
	rand.Read(s.challenge[:])
	return s
}

// serve is the reader: it says hello and reads until the connection ends.
func (s *session) serve() {
	s.reply(0, s.srv.hello(s.challenge))
	s.socket.ReadLoop()
	s.srv.hub.leave(s)
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	for s.writing {
		s.changed.Wait()
	}
	s.queue, s.jobs = nil, nil
	s.mu.Unlock()
}

// reply queues the answer to a command, or with ref 0 an event that must not
// be lost. It waits for nothing: the reader takes no further command while
// more than the limit is queued.
func (s *session) reply(ref wire.Ref, body wire.Body) {
	frame, err := wire.EncodeFrame(ref, body)
	if err != nil {
		s.srv.c.Log.Error("an answer could not be encoded", "kind", int(body.Kind()), "cause", err)
		frame, _ = wire.EncodeFrame(ref, wire.Refuse(wire.CodeInternal))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue(frame)
}

func (s *session) refuse(ref wire.Ref, r *wire.Refusal) { s.reply(ref, r) }

// offer queues a frame if there is room, and reports whether there was.
func (s *session) offer(frame []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.queued+len(frame) > s.srv.c.Limits.Queue {
		return s.closed
	}
	s.enqueue(frame)
	return true
}

// enqueue is called with mu held.
func (s *session) enqueue(frame []byte) {
	if s.closed {
		return
	}
	s.queue = append(s.queue, frame)
	s.queued += len(frame)
	s.wake()
}

// later gives the writer work that writes by itself.
func (s *session) later(job func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.jobs = append(s.jobs, job)
		s.wake()
	}
}

// expect announces an answer that will be queued from elsewhere; the returned
// function, called once, queues it.
func (s *session) expect(ref wire.Ref) func(wire.Body) {
	s.mu.Lock()
	s.pending++
	s.mu.Unlock()
	return func(body wire.Body) {
		s.reply(ref, body)
		s.mu.Lock()
		s.pending--
		s.wake()
		s.mu.Unlock()
	}
}

// hold blocks the reader while too much is queued.
func (s *session) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queued > s.srv.c.Limits.Queue && !s.closed {
		s.changed.Wait()
	}
}

// shut ends the connection once all that it is owed was written.
func (s *session) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.wake()
}

// cut closes the socket under a peer that does not take what it is owed.
func (s *session) cut() { _ = s.socket.NetConn().Close() }

// wake starts a writer unless one runs; called with mu held. An idle
// connection has none, which halves its memory.
func (s *session) wake() {
	if !s.writing && !s.closed {
		s.writing = true
		go s.write()
	}
}

// write is the writer: it ends when nothing is left to do.
func (s *session) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed {
		switch {
		case len(s.queue) > 0:
			s.writeQueue()
		case len(s.jobs) > 0:
			job := s.jobs[0]
			s.jobs = s.jobs[1:]
			s.mu.Unlock()
			job()
			s.mu.Lock()
		case s.closing && s.pending == 0:
			s.closed = true
			s.mu.Unlock()
			_ = s.mayWrite()
			_ = s.socket.WriteClose(1001, nil)
			s.mu.Lock()
		default:
			s.stop()
			return
		}
	}
	s.stop()
}

// stop is called with mu held.
func (s *session) stop() {
	s.writing = false
	s.changed.Broadcast()
}

// writeQueue writes all frames that are queued; called with mu held, which it
// gives up meanwhile.
func (s *session) writeQueue() {
	frames := s.queue
	s.queue, s.queued = nil, 0
	s.changed.Broadcast()
	s.mu.Unlock()
	for len(frames) > 0 {
		n, size := 1, len(frames[0])
		for n < len(frames) && size+len(frames[n]) <= writeTogether {
			size += len(frames[n])
			n++
		}
		if !s.writeFrames(frames[:n]) {
			break
		}
		frames = frames[n:]
	}
	s.mu.Lock()
}

// mayWrite gives what is written next its time. The socket keeps a deadline
// until another is set, so each write needs its own, a pong too.
func (s *session) mayWrite() error {
	return s.socket.SetWriteDeadline(time.Now().Add(s.srv.c.Limits.Write))
}

// writeTogether is how many bytes of frames leave in one write at most, unless
// one frame alone is longer.
const writeTogether = 64 << 10

// writeFrames writes frames in one call of the system, which is most of what a
// small frame costs; only the writer may. After a failure the socket is closed
// and the reader ends too.
func (s *session) writeFrames(frames [][]byte) bool {
	room, _ := s.srv.buffers.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	b := (*room)[:0]
	for _, frame := range frames {
		b = appendMessage(b, frame)
	}
	err := s.mayWrite()
	if err == nil {
		// Past the library, whose own frames (pongs) leave in one call as well.
		_, err = s.socket.NetConn().Write(b)
	}
	if *room = b; cap(b) <= 2*writeTogether {
		s.srv.buffers.Put(room)
	}
	if err != nil {
		s.cut()
	}
	return err == nil
}

// appendMessage appends a binary WebSocket message of one frame, as a server
// sends it (RFC 6455 §5.2).
func appendMessage(b, payload []byte) []byte {
	const whole, binaryMessage = 0x80, 0x02
	b = append(b, whole|binaryMessage)
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

// events connects the WebSocket library to the sessions.
type events struct{ gws.BuiltinEventHandler }

// OnPing answers a ping.
func (events) OnPing(socket *gws.Conn, payload []byte) {
	if socket.Session().(*holder).s.mayWrite() == nil {
		_ = socket.WritePong(payload)
	}
}

// OnMessage hands a frame to its session.
func (events) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	s := socket.Session().(*holder).s
	s.hold()
	ok := false
	if message.Opcode == gws.OpcodeBinary {
		ok = s.receive(message.Bytes())
	} else {
		ok = s.undecodable(nil, 0, wire.ErrMalformed)
	}
	if !ok {
		s.shut()
	}
}

// holder ties a socket to its session, in the place that the library offers.
type holder struct{ s *session }

// Len is part of gws.SessionStorage.
func (*holder) Len() int { return 0 }

// Load is part of gws.SessionStorage.
func (*holder) Load(string) (any, bool) { return nil, false }

// Delete is part of gws.SessionStorage.
func (*holder) Delete(string) {}

// Store is part of gws.SessionStorage.
func (*holder) Store(string, any) {}

// Range is part of gws.SessionStorage.
func (*holder) Range(func(string, any) bool) {}
