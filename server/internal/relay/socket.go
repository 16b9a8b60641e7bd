// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// errRefused is what the library is told of an allocation that is not made; it
// answers 508 (RFC 8656 §7.2).
var errRefused = errors.New("no such allocation is made")

// socketTries is how many ports are drawn before an allocation is refused.
const socketTries = 32

// socket is where one allocation meets the other side.
type socket struct {
	*net.UDPConn
	r    *Relay
	f    face
	port port
	name string // the credential

	once  sync.Once // Close
	ended sync.Once // the reader
}

// generator makes the sockets; it is the library's RelayAddressGenerator.
type generator struct{ r *Relay }

// Validate has nothing to check.
func (generator) Validate() error { return nil }

// AllocateListener refuses: no TCP to others (RFC 6062).
func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errRefused
}

// AllocateConn refuses, as AllocateListener does.
func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errRefused }

// AllocatePacketConn opens a port of the range. It refuses a port that was
// wished for: EVEN-PORT and RESERVATION-TOKEN, which no browser sends, would
// reserve ports outside of the bounds.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	r, f := g.r, g.r.v4
	if c.Network == "udp6" {
		f = g.r.v6
	}
	if c.UserID == "" || c.RequestedPort != 0 || !f.public.IsValid() {
		return nil, nil, errRefused
	}
	for range socketTries {
		p := port{f.public.Is6(), uint16(r.c.MinPort + rand.IntN(r.c.MaxPort-r.c.MinPort+1))}
		if r.book.stands(p) {
			continue
		}
		conn, err := net.ListenUDP(c.Network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.bind, p.number)))
		if err != nil {
			continue
		}
		if !r.book.enter(p, c.UserID) {
			_ = conn.Close()
			return nil, nil, errRefused
		}
		r.sockets.Add(1)
		s := &socket{UDPConn: conn, r: r, f: f, port: p, name: c.UserID}
		return s, net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.public, p.number)), nil
	}
	return nil, nil, errRefused
}

// Close gives the place back.
func (s *socket) Close() error {
	s.once.Do(func() {
		s.r.book.leave(s.port, s.name)
		_ = s.UDPConn.Close()
	})
	return nil
}

// within translates an address of the relay itself: packets between two
// allocations do not leave the machine. ok is false when the address is the
// relay's own and no allocation stands at that port.
func (s *socket) within(a netip.AddrPort, own, other netip.Addr) (b netip.AddrPort, ok bool) {
	if a.Addr() != own {
		return a, true
	}
	if s.r.book.stands(port{s.port.v6, a.Port()}) {
		return netip.AddrPortFrom(other, a.Port()), true
	}
	return a, s.r.c.Anywhere
}

func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// WriteTo sends a packet to somebody the library found permitted. What is meant
// for the relay's own machine, and not for an allocation, is dropped: a packet
// may always be lost.
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	at, ok := s.within(addrPort(to), s.f.public, s.f.inner)
	if !ok {
		return len(b), nil
	}
	return s.WriteToUDPAddrPort(b, at)
}

// ReadFrom returns the next packet, but for those of the relay's own machine
// that come from no allocation.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.ReadFromUDPAddrPort(b)
		if err != nil {
			s.ended.Do(s.r.sockets.Done)
			return 0, nil, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if at, ok := s.within(from, s.f.inner, s.f.public); ok {
			return n, net.UDPAddrFromAddrPort(at), nil
		}
	}
}
