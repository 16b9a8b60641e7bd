// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/turn/v5"
)

// Config says how a relay runs. Only Ports and Host are needed.
type Config struct {
	// Ports are open; the relay closes its own when Run ends.
	Ports *Ports
	// TLS is spoken at the ports for streams; nil means none.
	TLS *tls.Config
	// Host is the name in the URLs, and the port when it is not the one listened
	// at: "clarion.example" or "clarion.example:443". An IPv6 address stands in
	// brackets when a port follows.
	Host string
	// HostPort stands in the URLs in place of the port listened at; 0 means that.
	HostPort int
	// Public are the addresses that relayed packets come from, as others see
	// them: at most one of each family. Empty: those of the machine.
	Public []netip.Addr
	// MinPort and MaxPort are the range of ports for allocations; 0 means 49152
	// and 65535.
	MinPort, MaxPort int
	// Anywhere lets allocations talk with any address. For tests.
	Anywhere bool
	// Allocations is how many may stand at once; 0 means 1000. Each is a port.
	Allocations int
	// PerCredential is how many one credential may have; 0 means 4.
	PerCredential int
	// Lifetime is how long a credential makes allocations; 0 means an hour.
	Lifetime time.Duration
	// Clock gives the present time; nil means time.Now.
	Clock func() time.Time
}

// Defaults of Config.
const (
	DefaultMinPort       = 49152 // RFC 8656 §7.2: the dynamic range
	DefaultMaxPort       = 65535
	DefaultAllocations   = 1000
	DefaultPerCredential = 4
	DefaultLifetime      = time.Hour
)

func (c Config) withDefaults() (Config, error) {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.MinPort, DefaultMinPort)
	set(&c.MaxPort, DefaultMaxPort)
	set(&c.Allocations, DefaultAllocations)
	set(&c.PerCredential, DefaultPerCredential)
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	switch {
	case c.Ports == nil || !c.Ports.Relays():
		return c, errors.New("a relay needs ports")
	case c.Host == "":
		return c, errors.New("a relay needs a host")
	case c.MinPort < 1 || c.MaxPort > 65535 || c.MinPort > c.MaxPort:
		return c, fmt.Errorf("the ports of a relay are a range within 1 to 65535, not %d to %d", c.MinPort, c.MaxPort)
	case c.Allocations < 1 || c.PerCredential < 1 || c.Lifetime < time.Second:
		return c, errors.New("a relay's bounds are above zero")
	}
	return c, nil
}

// Relay is a running, or not yet running, STUN and TURN server.
type Relay struct {
	c       Config
	secret  *secret
	gate    *gate
	book    *book
	machine machine
	log     counter
	v4, v6  face
	urls    []string
	web     net.Listener
	sorter  *sorter

	mu      sync.Mutex
	streams map[*stream]struct{}

	readers sync.WaitGroup // the library's, of datagrams and streams
	sockets sync.WaitGroup // the library's, of allocations
}

// New makes a relay. It starts nothing. An error is a setting that cannot be
// meant.
func New(c Config) (*Relay, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Relay{c: c, secret: newSecret(), book: newBook(c.Allocations, c.PerCredential), streams: make(map[*stream]struct{})}
	r.gate = &gate{key: func(name string, method stun.Method) ([]byte, bool) { return r.secret.key(name, method, c.Clock()) }}
	at := c.Ports.at()
	if r.v4, r.v6 = faces(at.Addr(), c.Public, addresses()); !r.v4.public.IsValid() && !r.v6.public.IsValid() {
		return nil, errors.New("a relay at this address has no address to hand out")
	}
	for _, a := range c.Public {
		if !r.own(a) {
			return nil, fmt.Errorf("a relay has one public address of each family that it listens in, and %d are given", len(c.Public))
		}
	}
	if c.TLS != nil {
		// A client of TURN may name it (RFC 7443), and would be refused.
		c.TLS = c.TLS.Clone()
		c.TLS.NextProtos = append(c.TLS.NextProtos, "stun.turn", "stun.nat-discovery")
	}
	r.sorter = &sorter{port: c.Ports.streams(), tls: c.TLS, turn: newListener(c.Ports.streams().Addr()), gate: r.gate,
		held: newUnsorted(), wait: firstByte, enter: r.enter, ended: r.left}
	if r.web = c.Ports.Web(c.TLS); c.Ports.stream == nil {
		r.sorter.web = newListener(c.Ports.web.Addr())
		r.web = r.sorter.web
	}
	r.urls = c.locations(int(at.Port()))
	return r, nil
}

// locations are the URIs of the relay (RFC 7064 §3.1, RFC 7065 §3.1).
func (c *Config) locations(port int) []string {
	if c.HostPort != 0 {
		port = c.HostPort
	}
	at := place(c.Host, port)
	all := []string{"stun:" + at, "turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
	if c.TLS != nil {
		all = append(all, "turns:"+at+"?transport=tcp")
	}
	return all
}

// Web is the listener for HTTP. While Run runs it gives what is not the
// relay's, after TLS when there is one. Whoever accepts there closes it.
func (r *Relay) Web() net.Listener { return r.web }

// Reach says who reaches the relay by the addresses it hands out.
type Reach uint8

// From nobody else to everybody.
const (
	ReachMachine Reach = iota // this machine
	ReachNetwork              // a private network
	ReachAll
)

// Reach says it, for the operator.
func (r *Relay) Reach() Reach {
	reach := ReachMachine
	for _, a := range []netip.Addr{r.v4.public, r.v6.public} {
		switch {
		case public(a):
			return ReachAll
		case a.IsValid() && !a.IsLoopback():
			reach = ReachNetwork
		}
	}
	return reach
}

// Stats are counts of now, and of what the library would have logged.
type Stats struct {
	Allocations, Streams, Unsorted int
	Warnings, Errors               int64
}

// Stats counts.
func (r *Relay) Stats() Stats {
	r.book.mu.RLock()
	allocations := len(r.book.ports)
	r.book.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{allocations, len(r.streams), r.sorter.held.len(), r.log.warnings.Load(), r.log.errors.Load()}
}

// Run relays until ctx is done. Then it ends every allocation and stream, and
// returns when their readers have ended. It is called once.
func (r *Relay) Run(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	config := turn.ServerConfig{
		Realm: realm, AuthHandler: r.authenticate, QuotaHandler: r.book.room, EventHandler: r.book.events(), LoggerFactory: &r.log,
		AllocationLifetime: Life, InboundMTU: maxPacket + headerChannel,
		// Two relays meet only in one family, and IPv4 is the one that all have.
		StrictAddressFamily: r.v4.public.IsValid(),
		ListenerConfigs:     []turn.ListenerConfig{{Listener: r.sorter.turn, RelayAddressGenerator: generator{r}, PermissionHandler: r.permit}},
	}
	for _, c := range r.c.Ports.packets {
		r.readers.Add(1)
		config.PacketConnConfigs = append(config.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: &datagrams{PacketConn: c, gate: r.gate, ended: r.readers.Done}, RelayAddressGenerator: generator{r}, PermissionHandler: r.permit,
		})
	}
	library, err := turn.NewServer(config)
	if err != nil {
		r.c.Ports.Close()
		return err
	}
	var owned sync.WaitGroup
	owned.Go(func() { err = r.sorter.run(running) })

	<-ctx.Done()
	_ = r.c.Ports.streams().Close()
	_ = library.Close() // its listener and its datagrams; a second time says nothing
	r.sorter.held.cut()
	owned.Wait()
	r.cut()
	r.readers.Wait()
	r.sockets.Wait()
	return err
}

// enter lists a stream, so that it ends with Run.
func (r *Relay) enter(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers.Add(1)
	r.streams[s] = struct{}{}
}

// left takes a stream off when the library is done with it.
func (r *Relay) left(s *stream) {
	r.mu.Lock()
	delete(r.streams, s)
	r.mu.Unlock()
	r.readers.Done()
}

// cut closes the streams under the library, which then ends them.
func (r *Relay) cut() {
	r.mu.Lock()
	all := slices.Collect(maps.Keys(r.streams))
	r.mu.Unlock()
	for _, s := range all {
		_ = s.Conn.Close()
	}
}
