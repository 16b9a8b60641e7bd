// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// special are the ranges of IPv4 that are nobody's on the internet, and those
// of global unicast IPv6 that are not either (RFC 6890 and its registries). A
// relay that sends there reaches into its operator's own network.
var special = parsePrefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// unicast is all that is given out of IPv6; loopback, unique-local, link-local,
// multicast, IPv4-mapped, NAT64 and what is not given out lie outside.
var unicast = netip.MustParsePrefix("2000::/3")

func parsePrefixes(all ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(all))
	for i, p := range all {
		prefixes[i] = netip.MustParsePrefix(p)
	}
	return prefixes
}

// public reports whether an address can be somebody's on the internet. An IPv4
// address inside IPv6 cannot: it would be another way to write a private one.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || (!a.Is4() && !unicast.Contains(a)) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// permit answers whether a caller's allocation may talk with an address
// (RFC 8656 §9). The relay's own address is permitted, since two who both need
// the relay meet there; the socket then lets nothing through but to and from
// other allocations.
func (r *Relay) permit(client net.Addr, ip net.IP) bool {
	if !r.book.mayAsk(clientOf(client)) {
		return false
	}
	a, ok := netip.AddrFromSlice(ip)
	switch {
	case !ok:
		return false
	case r.c.Anywhere:
		return true
	case r.own(a):
		return true
	}
	return public(a) && !r.machine.has(a, r.c.Clock())
}

// own reports whether an address is one that the relay hands out.
func (r *Relay) own(a netip.Addr) bool {
	return a.IsValid() && (a == r.v4.public || a == r.v6.public)
}

// machine knows the addresses of the machine's interfaces.
type machine struct {
	mu   sync.Mutex
	all  []netip.Addr
	read time.Time
}

// machineAge is how old the list of addresses may be: they change rarely.
const machineAge = 10 * time.Second

func (m *machine) has(a netip.Addr, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := now.Sub(m.read); m.all == nil || age < 0 || age > machineAge {
		m.all, m.read = addresses(), now
	}
	return slices.Contains(m.all, a)
}

// addresses lists those of the machine's interfaces.
func addresses() []netip.Addr {
	found, _ := net.InterfaceAddrs()
	all := []netip.Addr{}
	for _, f := range found {
		if n, ok := f.(*net.IPNet); ok {
			if a, ok := netip.AddrFromSlice(n.IP); ok {
				all = append(all, a.Unmap())
			}
		}
	}
	return all
}

// face is one family of the relay: the address that it hands out, the one it
// binds to, and the one by which its own sockets reach each other. They differ
// behind a translation of addresses.
type face struct{ public, bind, inner netip.Addr }

// faces chooses them for a relay that listens at an address.
func faces(at netip.Addr, told, machine []netip.Addr) (v4, v6 face) {
	choose := func(is func(netip.Addr) bool, loopback, all netip.Addr) face {
		f := face{bind: at}
		if at.IsUnspecified() {
			f.bind = all
		} else if !is(at) {
			return face{}
		}
		candidates := slices.DeleteFunc(slices.Concat(told, sorted(machine)), func(a netip.Addr) bool { return !is(a) || a.IsLinkLocalUnicast() })
		if len(told) == 0 && !at.IsUnspecified() {
			candidates = []netip.Addr{at}
		}
		if len(candidates) == 0 {
			return face{}
		}
		f.public = candidates[0]
		if at.IsUnspecified() && slices.Contains(machine, f.public) {
			f.bind = f.public
		}
		if f.inner = f.bind; f.bind.IsUnspecified() {
			f.inner = loopback
		}
		return f
	}
	return choose(netip.Addr.Is4, netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv4Unspecified()),
		choose(netip.Addr.Is6, netip.IPv6Loopback(), netip.IPv6Unspecified())
}

// sorted puts those that the internet can reach first, then those of a network,
// then the machine's own.
func sorted(all []netip.Addr) []netip.Addr {
	rank := func(a netip.Addr) int {
		switch {
		case public(a):
			return 0
		case a.IsLoopback():
			return 2
		}
		return 1
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	return all
}
