// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Off is the place of a relay that there is not.
const Off = "off"

// Ports are the open ports of a server. Whoever opened them closes them, unless
// a Relay runs: it closes its own.
type Ports struct {
	web     net.Listener // HTTP; the relay's streams too, when stream is nil
	stream  net.Listener // the relay's own port, or nil
	packets []net.PacketConn
}

// portTries is how often port 0 is drawn again because its number was free for
// TCP and taken for UDP.
const portTries = 32

// Listen opens TCP at web, HOST:PORT, and UDP and TCP for the relay: at the
// same address when at is empty, at at, or nowhere when it is Off. Port 0 takes
// a number that is free for both.
func Listen(web, at string) (*Ports, error) {
	switch at {
	case Off:
		l, err := net.Listen("tcp", web)
		return &Ports{web: l}, err
	case "":
		l, packets, err := both(web)
		return &Ports{web: l, packets: packets}, err
	}
	l, err := net.Listen("tcp", web)
	if err != nil {
		return nil, err
	}
	p := &Ports{web: l}
	if p.stream, p.packets, err = both(at); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// both opens one port number for TCP and UDP.
func both(at string) (net.Listener, []net.PacketConn, error) {
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, nil, err
	}
	tries := 1
	if port == "0" {
		tries = portTries
	}
	for ; ; tries-- {
		l, err := net.Listen("tcp", at)
		if err != nil {
			return nil, nil, err
		}
		packets, err := listenPackets(l.Addr().(*net.TCPAddr))
		if err == nil {
			return l, packets, nil
		}
		_ = l.Close()
		if tries <= 1 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, err
		}
	}
}

// listenPackets opens UDP beside TCP. All addresses of the machine are two
// sockets, so that each knows its family.
func listenPackets(at *net.TCPAddr) ([]net.PacketConn, error) {
	if !at.IP.IsUnspecified() {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port, Zone: at.Zone})
		if err != nil {
			return nil, err
		}
		return []net.PacketConn{c}, nil
	}
	var all []net.PacketConn
	var failed error
	for _, network := range []string{"udp4", "udp6"} {
		c, err := net.ListenUDP(network, &net.UDPAddr{Port: at.Port})
		switch {
		case err == nil:
			all = append(all, c)
		case errors.Is(err, syscall.EADDRINUSE):
			closeAll(all)
			return nil, err
		default:
			failed = err // a family that the machine does not speak
		}
	}
	if len(all) == 0 {
		return nil, failed
	}
	return all, nil
}

func closeAll(all []net.PacketConn) {
	for _, c := range all {
		_ = c.Close()
	}
}

// Port is the port that HTTP is served at.
func (p *Ports) Port() int { return p.web.Addr().(*net.TCPAddr).Port }

// Web is the listener for HTTP of a server without a relay; tls may be nil.
func (p *Ports) Web(c *tls.Config) net.Listener {
	if c == nil {
		return p.web
	}
	return tls.NewListener(p.web, c)
}

// Relays reports whether there is a port for a relay.
func (p *Ports) Relays() bool { return len(p.packets) > 0 }

// Close closes every port. Closing twice is harmless.
func (p *Ports) Close() {
	_ = p.web.Close()
	if p.stream != nil {
		_ = p.stream.Close()
	}
	closeAll(p.packets)
}

// streams is the listener that the relay's streams come in at.
func (p *Ports) streams() net.Listener {
	if p.stream != nil {
		return p.stream
	}
	return p.web
}

// at is the address that the relay listens at.
func (p *Ports) at() netip.AddrPort {
	a := p.streams().Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// place writes host and port as they stand in a URI (RFC 7064 §3.1).
func place(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
