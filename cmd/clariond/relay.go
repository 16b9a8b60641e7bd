// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// relayConfig are the settings of the relay for calls.
type relayConfig struct {
	// Relay is on or off. Default on: calls find each other by this server and
	// go through it when they cannot reach each other.
	Relay string `key:"relay"`
	// Listen is the relay's own address, HOST:PORT, for UDP and TCP, and TLS
	// when tls_cert is set. Default: the address of listen, whose port then
	// serves both. Needed behind a reverse proxy, which passes HTTP alone.
	Listen string `key:"relay_listen"`
	// Public is the IP address that relayed packets come from, as others see it;
	// one of each family may stand, with a space between. Default: the address
	// that is listened at, or the machine's own. Needed behind a translation of
	// addresses.
	Public string `key:"relay_public"`
	// Host is what clients are told, HOST or HOST:PORT. Default: host, at the
	// port of relay_listen or listen.
	Host string `key:"relay_host"`
	// Ports is the range of UDP ports at which the other side of a relayed call
	// arrives, MIN-MAX. Default 49152-65535.
	Ports string `key:"relay_ports"`
	// Minutes is for how long a credential begins relaying. Default 60. What was
	// begun may go on for 12 hours more.
	Minutes int
	// Bounds are relay_allocations, how many relayed ends of calls stand at
	// once, and relay_per_credential, how many of them one credential may have.
	// Default 1000 and 4.
	Bounds server.Relay
}

// fields ties each key to its field.
func (r *relayConfig) fields() map[string]any {
	all := map[string]any{"relay": &r.Relay, "relay_listen": &r.Listen, "relay_public": &r.Public, "relay_host": &r.Host, "relay_ports": &r.Ports}
	for _, s := range r.Bounds.Settings(&r.Minutes) {
		all[s.Key] = s.Value
	}
	return all
}

// at is the relay's address, as server.Listen takes it.
func (r *relayConfig) at() string {
	if r.Relay == server.RelayOff {
		return server.RelayOff
	}
	return r.Listen
}

// settings are those of the server's relay.
func (r *relayConfig) settings(anywhere bool) server.Relay {
	s := r.Bounds
	s.Public, _ = parsePublic(r.Public)
	s.MinPort, s.MaxPort, _ = parseRange(r.Ports)
	s.Host, s.Lifetime, s.Anywhere = r.Host, time.Duration(r.Minutes)*time.Minute, anywhere
	return s
}

// check refuses what cannot be meant.
func (c *config) checkRelay() error {
	r := &c.Relay
	wrong := func(key string, err error) error {
		if err == nil {
			return nil
		}
		return c.wrong(c.lines[key], "%s is %v", key, err)
	}
	switch r.Relay {
	case "", "on":
	case server.RelayOff:
		for key := range r.fields() {
			if key != "relay" && c.lines[key] != 0 {
				return c.wrong(c.lines[key], "%s contradicts relay = off in line %d", key, c.lines["relay"])
			}
		}
	default:
		return c.wrong(c.lines["relay"], "relay is on or off, not %q", r.Relay)
	}
	if r.Listen != "" {
		if _, _, err := net.SplitHostPort(r.Listen); err != nil {
			return wrong("relay_listen", fmt.Errorf("HOST:PORT, not %q", r.Listen))
		}
	}
	if _, err := parsePublic(r.Public); err != nil {
		return wrong("relay_public", err)
	}
	if r.Host != "" && !wire.ValidHost(r.Host) {
		return wrong("relay_host", fmt.Errorf("HOST or HOST:PORT in lower case, not %q", r.Host))
	}
	if _, _, err := parseRange(r.Ports); err != nil {
		return wrong("relay_ports", err)
	}
	for _, s := range r.Bounds.Settings(&r.Minutes) {
		if *s.Value != 0 && (*s.Value < s.Least || *s.Value > s.Most) {
			return wrong(s.Key, fmt.Errorf("%d to %d, not %d", s.Least, s.Most, *s.Value))
		}
	}
	return c.checkRelayRoom()
}

// checkRelayRoom refuses more allocations than there are ports for them.
func (c *config) checkRelayRoom() error {
	least, most, _ := parseRange(c.Relay.Ports)
	if n := c.Relay.Bounds.Allocations; n > 0 && most > 0 && n > most-least+1 {
		return c.wrong(c.lines["relay_allocations"], "relay_allocations = %d contradicts relay_ports = %s in line %d: each takes a port", n,
			c.Relay.Ports, c.lines["relay_ports"])
	}
	return nil
}

// parsePublic reads one address of each family at most.
func parsePublic(s string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, word := range strings.Fields(s) {
		a, err := netip.ParseAddr(word)
		if err != nil || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
			return nil, fmt.Errorf("an IP address, or one of each family, not %q", s)
		}
		all = append(all, a)
	}
	if len(all) > 2 || (len(all) == 2 && all[0].Is4() == all[1].Is4()) {
		return nil, fmt.Errorf("one IP address of each family at most, not %q", s)
	}
	return all, nil
}

// parseRange reads MIN-MAX; nothing is 0 and 0.
func parseRange(s string) (least, most int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	from, to, _ := strings.Cut(s, "-")
	least, errFrom := strconv.Atoi(from)
	most, errTo := strconv.Atoi(to)
	if errors.Join(errFrom, errTo) != nil || least < 1024 || most > 65535 || least > most {
		return 0, 0, fmt.Errorf("MIN-MAX within 1024-65535, not %q", s)
	}
	return least, most, nil
}
