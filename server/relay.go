// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"clarion.chat/clarion/server/internal/relay"
	"clarion.chat/clarion/wire"
)

// Ports are the open ports of a server: TCP for the doors, and UDP and TCP for
// the relay.
type Ports = relay.Ports

// RelayOff is the address of a relay that there is not.
const RelayOff = relay.Off

// Listen opens TCP at web, HOST:PORT, and the relay's ports at the same address
// when at is empty, at at, or nowhere when it is RelayOff. Port 0 takes a free
// number, the same for both.
func Listen(web, at string) (*Ports, error) { return relay.Listen(web, at) }

// Relay says how calls are relayed; zero fields take their defaults.
type Relay struct {
	// Public are the addresses that relayed packets come from, as others see
	// them, at most one of each family. Empty: those of the machine.
	Public []netip.Addr
	// Host is what clients are told, HOST or HOST:PORT. Empty: the host of this
	// server's handles, at the port that is listened at.
	Host string
	// MinPort and MaxPort are the range of UDP ports at which the other side of
	// a relayed call arrives. Default 49152 and 65535.
	MinPort, MaxPort int
	// Allocations is how many relayed ends of calls may stand at once, each a
	// port of the range. Default 1000.
	Allocations int
	// PerCredential is how many of them one credential may have. Default 4.
	PerCredential int
	// Lifetime is how long a credential begins relaying. Default an hour.
	Lifetime time.Duration
	// Anywhere relays to any address, private ones too. For tests.
	Anywhere bool
}

// RelaySetting is a number of Relay as an operator sets it.
type RelaySetting struct {
	Key                  string // in the file of settings
	What                 string // what it bounds, for a person
	Value                *int
	Default, Least, Most int
}

// Settings lists the bounds. Nothing is changed by it. minutes is Lifetime.
func (r *Relay) Settings(minutes *int) []RelaySetting {
	return []RelaySetting{
		{"relay_allocations", "relayed ends of calls at once", &r.Allocations, relay.DefaultAllocations, 1, 16384},
		{"relay_per_credential", "of them by one credential", &r.PerCredential, relay.DefaultPerCredential, 1, 64},
		{"relay_credential_minutes", "minutes for which a credential begins relaying", minutes, int(relay.DefaultLifetime / time.Minute), 1, 24 * 60},
	}
}

// newRelay makes the relay of a server whose ports are open; nil when there is
// none.
func (c *Config) newRelay(host string) (*relay.Relay, error) {
	if c.Ports == nil || !c.Ports.Relays() {
		return nil, nil
	}
	told := host
	if c.Relay.Host != "" {
		told = c.Relay.Host
	}
	name, port := hostPort(told)
	if c.Relay.Host == "" {
		port = 0 // the port of handles may be a proxy's
	}
	r, err := relay.New(relay.Config{
		Ports: c.Ports, TLS: c.TLS, Host: name, HostPort: port, Public: c.Relay.Public, MinPort: c.Relay.MinPort, MaxPort: c.Relay.MaxPort,
		Allocations: c.Relay.Allocations, PerCredential: c.Relay.PerCredential, Lifetime: c.Relay.Lifetime, Anywhere: c.Relay.Anywhere,
		Clock: c.Clock,
	})
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return r, nil
}

// hostPort takes HOST or HOST:PORT apart; port 0 when there is none.
func hostPort(s string) (host string, port int) {
	if host, p, err := net.SplitHostPort(s); err == nil {
		if n, err := strconv.Atoi(p); err == nil {
			return host, n
		}
	}
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	return s, 0
}

// Web is the listener for HTTP, of a server that was opened with Ports. With a
// relay on the same port it gives connections while Run runs.
func (srv *Server) Web() net.Listener {
	if srv.relay != nil {
		return srv.relay.Web()
	}
	if srv.c.Ports == nil {
		return nil
	}
	return srv.c.Ports.Web(srv.c.TLS)
}

// warnOfRelay tells the operator what keeps people from it.
func (srv *Server) warnOfRelay() {
	name, _ := hostPort(srv.host())
	ip, err := netip.ParseAddr(name)
	local := name == "localhost" || (err == nil && ip.IsLoopback())
	switch reach := srv.relay.Reach(); {
	case reach == relay.ReachMachine && !local:
		srv.c.Log.Warn("the relay is reached from this machine only; set relay_listen and relay_public, or relay = off")
	case reach == relay.ReachNetwork && !local && (err != nil || !ip.IsPrivate()):
		srv.c.Log.Warn("the relay hands out a private address; set relay_public if people come from elsewhere")
	}
}

// relayCredentials is asked by pass. The credential says nothing of mailbox or
// pass, and the relay remembers neither it nor that it was given.
func relayCredentials(s *session, _ wire.Ref, m *wire.RelayCredentials) (wire.Body, error) {
	if _, err := s.current(m.Mailbox, m.Pass); err != nil {
		return nil, err
	}
	if s.srv.relay == nil {
		return nil, wire.Refuse(wire.CodeNoRelay)
	}
	c := s.srv.relay.Issue()
	return &wire.Relay{URLs: c.URLs, Username: c.Username, Credential: c.Password, Expires: c.Expires.Unix()}, nil
}
