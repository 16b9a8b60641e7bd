// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// firstByte is how long a connection may take to say what it speaks, its
	// TLS handshake included. An HTTP server gives headers the same time.
	firstByte = 10 * time.Second
	// maxUnsorted is how many connections may stand that have neither said what
	// they speak nor made an allocation.
	maxUnsorted = 1024
	// grace is how long such a connection is safe when there are as many. A real
	// client is through in less, and who holds places open loses them first.
	grace = 2 * time.Second
)

// language is what a connection speaks, by its first byte (RFC 7983 §7).
type language uint8

const (
	speaksTURN  language = iota // 0 to 3: STUN; nothing else that comes first here
	speaksTLS                   // 22: a handshake
	speaksOther                 // HTTP, or nothing we know: the HTTP server answers
)

func languageOf(first byte) language {
	switch {
	case first <= 3:
		return speaksTURN
	case first == 0x16:
		return speaksTLS
	}
	return speaksOther
}

// peeked is a connection whose first byte has been read and not yet been given.
// It has one reader at a time, as any that an HTTP server holds.
type peeked struct {
	net.Conn
	first byte
	held  bool
}

// peek waits for the first byte.
func peek(c net.Conn) (*peeked, error) {
	var b [1]byte
	for {
		n, err := c.Read(b[:])
		if n == 1 {
			return &peeked{Conn: c, first: b[0], held: true}, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Read gives the first byte, then the others.
func (p *peeked) Read(b []byte) (int, error) {
	if p.held && len(b) > 0 {
		b[0], p.held = p.first, false
		return 1, nil
	}
	return p.Conn.Read(b)
}

// CloseWrite tells the other side that nothing follows, by which an HTTP server
// ends a connection without losing its last answer.
func (p *peeked) CloseWrite() error {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// listener hands on what a sorter has sorted.
type listener struct {
	at     net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newListener(at net.Addr) *listener {
	return &listener{at: at, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for a connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr is the address of the port that is shared.
func (l *listener) Addr() net.Addr { return l.at }

// Close refuses what comes from now on.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// put hands a connection on, or closes it when nobody takes any more.
func (l *listener) put(ctx context.Context, c net.Conn) {
	select {
	case l.conns <- c:
		return
	case <-l.closed:
	case <-ctx.Done():
	}
	_ = c.Close()
}

// unsorted are the connections of which nothing is known yet, oldest first.
//
// When there are too many, the oldest that has had its grace is closed. When
// none has, nothing is accepted until there is room: when everybody comes at
// once, after a restart, the handshakes that have begun are finished first.
type unsorted struct {
	most  int
	grace time.Duration
	freed chan struct{} // holds one word when somebody left

	mu  sync.Mutex
	all list.List // of arrival
}

type arrival struct {
	conn net.Conn
	at   time.Time
}

func newUnsorted() *unsorted {
	return &unsorted{most: maxUnsorted, grace: grace, freed: make(chan struct{}, 1)}
}

// enter lists a connection, once there is room, and returns what takes it off,
// which may be called again; nil when ctx ended before.
func (u *unsorted) enter(ctx context.Context, c net.Conn) (leave func()) {
	for {
		leave, wait := u.try(c)
		if leave != nil {
			return leave
		}
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-u.freed:
			again.Stop()
		case <-ctx.Done():
			again.Stop()
			return nil
		}
	}
}

// try is enter without waiting: it says how long to wait instead.
func (u *unsorted) try(c net.Conn) (leave func(), wait time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all.Len() >= u.most {
		oldest := u.all.Front().Value.(arrival)
		if safe := u.grace - time.Since(oldest.at); safe > 0 {
			return nil, safe
		}
		u.all.Remove(u.all.Front())
		_ = oldest.conn.Close()
	}
	e := u.all.PushBack(arrival{c, time.Now()})
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all.Remove(e)
		select {
		case u.freed <- struct{}{}:
		default:
		}
	}, 0
}

// cut closes them all.
func (u *unsorted) cut() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for e := u.all.Front(); e != nil; e = e.Next() {
		_ = e.Value.(arrival).conn.Close()
	}
}

func (u *unsorted) len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all.Len()
}

// sorter accepts at one port and tells HTTP from TURN, within TLS too.
type sorter struct {
	port net.Listener
	tls  *tls.Config // nil: no TLS
	web  *listener   // nil: HTTP is not spoken here
	turn *listener
	gate *gate
	held *unsorted

	wait  time.Duration  // firstByte, but in tests
	owned sync.WaitGroup // sorting
	enter func(*stream)  // told of each stream before the library has it
	ended func(*stream)
}

// run accepts until the port is closed, and waits until all is sorted or cut.
func (s *sorter) run(ctx context.Context) error {
	defer s.owned.Wait()
	const least, most = 5 * time.Millisecond, time.Second
	pause := least
	for {
		c, err := s.port.Accept()
		if err == nil {
			pause = least
			if leave := s.held.enter(ctx, c); leave != nil {
				s.owned.Go(func() { s.sort(ctx, c, leave) })
			} else {
				_ = c.Close()
			}
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		// No descriptor is left, or the other side is gone already.
		again := time.NewTimer(pause)
		select {
		case <-again.C:
			pause = min(2*pause, most)
		case <-ctx.Done():
			again.Stop()
			return nil
		}
	}
}

// sort finds out what one connection speaks and hands it on. leave takes it off
// those of which that is not known.
func (s *sorter) sort(ctx context.Context, raw net.Conn, leave func()) {
	if ctx.Err() != nil || raw.SetDeadline(time.Now().Add(s.wait)) != nil {
		leave()
		_ = raw.Close()
		return
	}
	c, lang := s.listen(raw)
	switch {
	case c == nil:
	case lang == speaksTURN:
		if c.SetDeadline(time.Time{}) == nil {
			t := newStream(c, s.gate, leave, nil)
			t.ended = func() { s.ended(t) }
			s.enter(t)
			s.turn.put(ctx, t)
			return
		}
	case s.web != nil && c.SetDeadline(time.Time{}) == nil:
		leave()
		s.web.put(ctx, c)
		return
	}
	leave()
	_ = raw.Close()
}

// listen reads the first byte, and the first within TLS. nil: nothing came.
func (s *sorter) listen(raw net.Conn) (net.Conn, language) {
	c, err := peek(raw)
	if err != nil {
		return nil, 0
	}
	lang := languageOf(c.first)
	if s.tls == nil || lang == speaksTURN {
		return c, lang
	}
	inner := tls.Server(c, s.tls)
	if lang != speaksTLS {
		return inner, lang // an HTTP server says in plain that TLS is wanted
	}
	if inner.Handshake() != nil {
		return nil, 0
	}
	within, err := peek(inner)
	if err != nil {
		return nil, 0
	}
	if languageOf(within.first) == speaksTURN {
		return within, speaksTURN
	}
	return within, speaksOther
}
