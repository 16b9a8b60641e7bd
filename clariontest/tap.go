// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"sync"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
	"clarion.chat/clarion/wire"
)

// Tap is a Dialer that stands between one client and its server. It sees every
// frame decoded, and may change, hold back or add some: a network that only
// watches, or a server that lies. Its functions are called one at a time.
type Tap struct {
	// Up sees a command on its way to the server, Down an answer (ref not 0)
	// or an event. They may alter body; false keeps it from going on. nil
	// lets everything pass.
	Up, Down func(l *Link, ref wire.Ref, body wire.Body) bool

	mu sync.Mutex
}

// Link is one connection through a Tap.
type Link struct {
	Door   client.DoorName
	tap    *Tap
	under  client.Conn
	asked  map[wire.Ref]wire.Body // commands without an answer; guarded by tap.mu
	mu     sync.Mutex
	queue  [][]byte // to the client
	err    error
	filled chan struct{}
}

// Dial implements client.Dialer.
func (t *Tap) Dial(ctx context.Context, server string, door client.DoorName) (client.Conn, error) {
	under, err := new(dial.Dialer).Dial(ctx, server, door)
	if err != nil {
		return nil, err
	}
	l := &Link{Door: door, tap: t, under: under, asked: map[wire.Ref]wire.Body{}, filled: make(chan struct{}, 1)}
	go l.pump()
	return l, nil
}

// pump takes frames from the server until the connection ends.
func (l *Link) pump() {
	for {
		frame, err := l.under.Recv(context.Background())
		if err == nil {
			err = l.down(frame)
		}
		if err != nil {
			l.mu.Lock()
			l.err = err
			l.mu.Unlock()
			l.signal()
			return
		}
	}
}

func (l *Link) down(frame []byte) error {
	ref, body, err := wire.DecodeFrame(frame)
	if err != nil {
		return err
	}
	l.tap.mu.Lock()
	defer l.tap.mu.Unlock()
	if l.tap.Down == nil || l.tap.Down(l, ref, body) {
		l.Tell(ref, body)
	}
	delete(l.asked, ref)
	return nil
}

// Asked is the command that an answer belongs to, nil for none. Only the Tap's
// functions call it.
func (l *Link) Asked(ref wire.Ref) wire.Body { return l.asked[ref] }

// Tell sends a frame to the client, as if the server had.
func (l *Link) Tell(ref wire.Ref, body wire.Body) {
	frame, err := wire.EncodeFrame(ref, body)
	l.mu.Lock()
	if err != nil {
		l.err = err
	} else {
		l.queue = append(l.queue, frame)
	}
	l.mu.Unlock()
	l.signal()
}

func (l *Link) signal() {
	select {
	case l.filled <- struct{}{}:
	default:
	}
}

// Send implements client.Conn.
func (l *Link) Send(ctx context.Context, frame []byte) error {
	ref, body, err := wire.DecodeFrame(frame)
	if err != nil {
		return err
	}
	l.tap.mu.Lock()
	l.asked[ref] = body
	pass := l.tap.Up == nil || l.tap.Up(l, ref, body)
	if pass {
		frame, err = wire.EncodeFrame(ref, body)
	}
	l.tap.mu.Unlock()
	if err != nil || !pass {
		return err
	}
	return l.under.Send(ctx, frame)
}

// Recv implements client.Conn.
func (l *Link) Recv(ctx context.Context) ([]byte, error) {
	for {
		l.mu.Lock()
		if len(l.queue) > 0 {
			frame := l.queue[0]
			l.queue = l.queue[1:]
			l.mu.Unlock()
			return frame, nil
		}
		err := l.err
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-l.filled:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close implements client.Conn.
func (l *Link) Close() error { return l.under.Close() }

// Knock is a bare connection to a door: somebody who speaks the protocol and
// is no client of ours.
type Knock struct {
	Hello *wire.Hello
	conn  client.Conn
	ref   wire.Ref
}

// Knock opens a door of a server at url.
func (s *Server) Knock(url string, door client.DoorName) *Knock {
	s.t.Helper()
	conn, err := new(dial.Dialer).Dial(Context(s.t), url, door)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	k := &Knock{conn: conn}
	frame, err := conn.Recv(Context(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, body, err := wire.DecodeFrame(frame); err == nil {
		k.Hello, _ = body.(*wire.Hello)
	}
	if k.Hello == nil {
		s.t.Fatal("a door that does not say hello")
	}
	return k
}

// Ask sends a command and waits for its answer; a refusal is the error. Events
// that come before the answer are dropped.
func (k *Knock) Ask(ctx context.Context, command wire.Body) (wire.Body, error) {
	k.ref++
	frame, err := wire.EncodeFrame(k.ref, command)
	if err == nil {
		err = k.conn.Send(ctx, frame)
	}
	for err == nil {
		if frame, err = k.conn.Recv(ctx); err != nil {
			break
		}
		var ref wire.Ref
		var body wire.Body
		if ref, body, err = wire.DecodeFrame(frame); err != nil || ref != k.ref {
			continue
		}
		if r, refused := body.(*wire.Refusal); refused {
			return nil, r
		}
		return body, nil
	}
	return nil, err
}

// Must is Ask for a command that a test needs to succeed.
func (k *Knock) Must(s *Server, command wire.Body) wire.Body {
	s.t.Helper()
	body, err := k.Ask(Context(s.t), command)
	if err != nil {
		s.t.Fatalf("%T: %v", command, err)
	}
	return body
}
