// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// Bounds of one allocation. A call needs a handful of each; the library keeps a
// timer for each permission and looks through all channels for each packet.
const (
	maxPermissions = 64
	maxChannels    = 32
)

// client is who talks to the relay: an address, by datagrams or by a stream.
type client struct {
	at       netip.AddrPort
	datagram bool
}

func clientOf(a net.Addr) client {
	switch a := a.(type) {
	case *net.UDPAddr:
		return client{at: a.AddrPort(), datagram: true}
	case *net.TCPAddr:
		return client{at: a.AddrPort()}
	}
	return client{}
}

// place of an allocation: a port of one family.
type port struct {
	v6     bool
	number uint16
}

// asked is what an allocation has been granted.
type asked struct{ permissions, channels int }

// book counts what stands, to keep it within the bounds. It forgets an
// allocation when it ends.
type book struct {
	most, each int // allocations: of all, of one credential

	mu      sync.RWMutex
	ports   map[port]struct{}
	names   map[string]int // allocations by credential
	clients map[client]*asked
}

func newBook(most, each int) *book {
	return &book{most: most, each: each, ports: make(map[port]struct{}), names: make(map[string]int), clients: make(map[client]*asked)}
}

// room reports whether a credential may make one more allocation: the library
// asks before it makes one (486, RFC 8656 §7.2).
func (b *book) room(name, _ string, _ net.Addr) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.ports) < b.most && b.names[name] < b.each
}

// enter takes a place, if there still is one.
func (b *book) enter(p port, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.ports[p]; taken || len(b.ports) >= b.most || b.names[name] >= b.each {
		return false
	}
	b.ports[p] = struct{}{}
	b.names[name]++
	return true
}

func (b *book) leave(p port, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.ports, p)
	if b.names[name]--; b.names[name] <= 0 {
		delete(b.names, name)
	}
}

// stands reports whether an allocation has a port.
func (b *book) stands(p port) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	_, ok := b.ports[p]
	return ok
}

// mayAsk reports whether a client's allocation is below its bounds.
func (b *book) mayAsk(c client) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a := b.clients[c]
	return a == nil || (a.permissions < maxPermissions && a.channels < maxChannels)
}

// grant changes what a client's allocation has been granted.
func (b *book) grant(at net.Addr, permissions, channels int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.clients[clientOf(at)]; a != nil {
		a.permissions += permissions
		a.channels += channels
	}
}

// events are the library's, of which the book only keeps count.
func (b *book) events() turn.EventHandler {
	return turn.EventHandler{
		OnAllocationCreated: func(client, _ net.Addr, _, _, _ string, _ net.Addr, _ int) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.clients[clientOf(client)] = new(asked)
		},
		OnAllocationDeleted: func(client, _ net.Addr, _, _, _ string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.clients, clientOf(client))
		},
		OnPermissionCreated: func(client, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) { b.grant(client, 1, 0) },
		OnPermissionDeleted: func(client, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) { b.grant(client, -1, 0) },
		OnChannelCreated:    func(client, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) { b.grant(client, 0, 1) },
		OnChannelDeleted:    func(client, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) { b.grant(client, 0, -1) },
	}
}
