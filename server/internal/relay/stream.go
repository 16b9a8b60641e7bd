// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	streamIdle  = 30 * time.Second   // without an allocation, from its beginning
	streamLife  = Life + time.Minute // with one, without a word
	streamWrite = 10 * time.Second   // for a packet to leave
)

// errFrame ends a stream that does not speak TURN.
var errFrame = errors.New("no frame of TURN")

// stream is TURN over TCP or TLS (RFC 8656 §3.1). It hands the library one whole
// frame at a time: the library's own cutting goes round for ever when a length
// is near 65,536, which anybody could send.
type stream struct {
	net.Conn
	gate  *gate
	leave func() // out of those that have no allocation
	ended func() // told once, when the library is done with it

	frames *bufio.Reader // the library's reader alone
	stood  bool          // what allocated was at the last frame
	set    time.Time     // when the deadline of reading was set

	allocated atomic.Bool
	once      sync.Once
}

func newStream(c net.Conn, g *gate, leave, ended func()) *stream {
	return &stream{Conn: c, gate: g, leave: leave, ended: ended, frames: bufio.NewReaderSize(c, maxPacket)}
}

// Read returns one frame. The library's buffer is longer than any.
func (s *stream) Read(b []byte) (int, error) {
	for {
		if err := s.wait(); err != nil {
			return 0, err
		}
		head, err := s.frames.Peek(headerChannel)
		if err != nil {
			return 0, err
		}
		size, ok := frameSize([4]byte(head), true)
		if !ok || size > maxPacket || size > len(b) {
			return 0, errFrame
		}
		frame, err := s.frames.Peek(size)
		if err != nil {
			return 0, err
		}
		n := copy(b, s.gate.admit(frame))
		if _, err := s.frames.Discard(size); err != nil {
			return 0, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// wait gives what is read next its time: fixed from the beginning while there
// is no allocation, and counted from the last frame when there is one.
func (s *stream) wait() error {
	now, stands := time.Now(), s.allocated.Load()
	if stands == s.stood && (!stands || now.Sub(s.set) < time.Minute) && !s.set.IsZero() {
		return nil
	}
	s.stood, s.set = stands, now
	if stands {
		return s.SetReadDeadline(now.Add(streamLife))
	}
	return s.SetReadDeadline(now.Add(streamIdle))
}

// Write sends one packet or answer, and learns from it whether there is an
// allocation. A peer that does not take what it is sent is cut off.
func (s *stream) Write(b []byte) (int, error) {
	if len(b) >= headerSTUN {
		switch binary.BigEndian.Uint16(b) {
		case typeAllocated:
			s.allocated.Store(true)
			s.leave()
		case typeRefreshed:
			s.allocated.Store(!ended(b))
		}
	}
	if err := s.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(b)
	if err != nil {
		_ = s.Conn.Close()
	}
	return n, err
}

// ended reports whether an answer to Refresh says a lifetime of 0. It is an
// answer of the library's own, which begins with LIFETIME.
func ended(b []byte) bool {
	const lifetime = 0x000D0004
	return len(b) >= headerSTUN+8 && binary.BigEndian.Uint32(b[headerSTUN:]) == lifetime && binary.BigEndian.Uint32(b[headerSTUN+4:]) == 0
}

// Close is called by the library when it is done.
func (s *stream) Close() error {
	err := s.Conn.Close()
	s.once.Do(func() {
		s.leave()
		s.ended()
	})
	return err
}

// datagrams is a UDP port with the gate before it.
type datagrams struct {
	net.PacketConn
	gate  *gate
	ended func()
	once  sync.Once
}

// faults is how many failures of a socket in a row end it. A datagram that
// could not be received says nothing about the next.
const faults = 64

// ReadFrom returns the next packet that may pass.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	for failed := 0; ; {
		n, from, err := d.PacketConn.ReadFrom(b)
		if err != nil {
			if failed++; failed < faults && !errors.Is(err, net.ErrClosed) {
				continue
			}
			d.once.Do(d.ended)
			return 0, nil, err
		}
		failed = 0
		if passed := copy(b, d.gate.admit(b[:n])); passed > 0 {
			return passed, from, nil
		}
	}
}
