// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package wan

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Line is what a host's connection to the hub does to packets, each way.
type Line struct {
	Loss  float64       // share of packets lost, 0 to 1
	Delay time.Duration // one way
	Rate  int           // bits a second; 0 for no limit
}

// queueMost is how long a packet waits for a slow line before it is dropped.
const queueMost = 500 * time.Millisecond

// port is one host's place at the hub.
type port struct {
	device *os.File
	out    chan packet
	done   chan struct{} // closed with the device
	up     *way
	down   *way
}

// way is one direction of a line.
type way struct {
	line Line
	mu   sync.Mutex // guards what follows
	free time.Time  // when the line has sent what it took
	draw *rand.Rand
}

type packet struct {
	due  time.Time
	data []byte
}

// hub carries packets between hosts by their public address. One goroutine
// reads each host's device, one writes it; both end when it is closed.
type hub struct {
	mu    sync.Mutex // guards ports and seen
	ports map[netip.Addr]*port
	seen  map[netip.Addr]int // packets by where they wanted to go, when nobody is there
	wg    sync.WaitGroup
}

func (h *hub) attach(address netip.Addr, device *os.File, line Line, seed uint64) {
	p := &port{
		device: device, out: make(chan packet, 4096), done: make(chan struct{}),
		up: newWay(line, 2*seed), down: newWay(line, 2*seed+1),
	}
	h.mu.Lock()
	h.ports[address] = p
	h.mu.Unlock()
	h.wg.Add(2)
	go func() { defer h.wg.Done(); defer close(p.done); h.read(p) }()
	go func() { defer h.wg.Done(); p.write() }()
}

func newWay(l Line, seed uint64) *way { return &way{line: l, draw: rand.New(rand.NewPCG(seed, 1))} }

// read takes what a host sends until its device is closed.
func (h *hub) read(p *port) {
	for {
		b := make([]byte, 2048)
		n, err := p.device.Read(b)
		if errors.Is(err, os.ErrClosed) || n == 0 {
			return
		}
		if err != nil || n < 20 || b[0]>>4 != 4 {
			continue // only IPv4 is spoken here
		}
		to := netip.AddrFrom4([4]byte(b[16:20]))
		h.mu.Lock()
		other := h.ports[to]
		if other == nil {
			h.seen[to]++
		}
		h.mu.Unlock()
		if other == nil {
			continue
		}
		due, kept := p.up.pass(n, time.Now())
		if kept {
			due, kept = other.down.pass(n, due)
		}
		if !kept {
			continue
		}
		select {
		case other.out <- packet{due, b[:n]}:
		default: // full, as a router's queue
		}
	}
}

// pass says when a packet of n bytes comes out of a line that it enters at a
// time, if it does.
func (w *way) pass(n int, at time.Time) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draw.Float64() < w.line.Loss {
		return at, false
	}
	if w.line.Rate > 0 {
		if w.free.Before(at) {
			w.free = at
		}
		if w.free.Sub(at) > queueMost {
			return at, false
		}
		w.free = w.free.Add(time.Duration(n*8) * time.Second / time.Duration(w.line.Rate))
		at = w.free
	}
	return at.Add(w.line.Delay), true
}

// write hands packets to the host when they are due, in order.
func (p *port) write() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case k := <-p.out:
			timer.Reset(time.Until(k.due))
			select {
			case <-timer.C:
				_, _ = p.device.Write(k.data)
			case <-p.done:
				return
			}
		case <-p.done:
			return
		}
	}
}
