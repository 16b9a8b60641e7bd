// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package wan

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// listen opens a UDP socket in a host.
func listen(t *testing.T, h *Host, at string) net.PacketConn {
	t.Helper()
	var c net.PacketConn
	err := inside(h.space, func() (err error) {
		c, err = net.ListenPacket("udp4", at)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// send sends a word and returns from where it is seen to come.
func send(t *testing.T, from, to net.PacketConn, at net.Addr) string {
	t.Helper()
	b := make([]byte, 16)
	_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := from.WriteTo([]byte("word"), at); err != nil {
		t.Fatal(err)
	}
	n, seen, err := to.ReadFrom(b)
	if err != nil || string(b[:n]) != "word" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	return seen.String()
}

func TestRouters(t *testing.T) {
	n := New(t, 1)
	server := n.Host(Access{})
	one, two := listen(t, server, server.Public.String()+":1000"), listen(t, server, server.Public.String()+":2000")
	for _, c := range []struct {
		router Router
		same   bool
	}{{Cone, true}, {Symmetric, false}} {
		h := n.Host(Access{Router: c.router})
		from := listen(t, h, ":5000")
		a, b := send(t, from, one, one.LocalAddr()), send(t, from, two, two.LocalAddr())
		if (a == b) != c.same || !strings.HasPrefix(a, h.Public.String()+":") {
			t.Errorf("router %d is seen as %s and %s", c.router, a, b)
		}
	}
}

func TestWalls(t *testing.T) {
	n := New(t, 1)
	server := n.Host(Access{})
	udp := listen(t, server, server.Public.String()+":443")
	for _, w := range []Wall{NoUDP, Only443} {
		for _, r := range []Router{Open, Cone} {
			h := n.Host(Access{Router: r, Wall: w})
			from := listen(t, h, ":5000")
			_, _ = from.WriteTo([]byte("word"), udp.LocalAddr())
		}
	}
	open := n.Host(Access{})
	from := listen(t, open, ":5000")
	if seen := send(t, from, udp, udp.LocalAddr()); !strings.HasPrefix(seen, open.Public.String()+":") {
		t.Errorf("a datagram of %s came through", seen)
	}
}

// TestLines: what a line loses and delays is what it was told to.
func TestLines(t *testing.T) {
	p := func(l Line) (kept int, last time.Duration) {
		at := time.Unix(0, 0)
		w := newWay(l, 7)
		for range 1000 {
			due, ok := w.pass(1000, at)
			if ok {
				kept++
				last = due.Sub(at)
			}
		}
		return kept, last
	}
	if kept, last := p(Line{Loss: 0.15, Delay: 200 * time.Millisecond}); kept < 820 || kept > 880 || last != 200*time.Millisecond {
		t.Errorf("of 1000 %d came, after %v", kept, last)
	}
	if kept, last := p(Line{Rate: 64_000}); kept != 5 || last != 625*time.Millisecond {
		t.Errorf("at 64 kbit/s %d packets of 1000 bytes came, the last after %v", kept, last)
	}
}

func TestStrays(t *testing.T) {
	n := New(t, 1)
	h := n.Host(Access{Router: Cone})
	cmd := h.Command(context.Background(), "true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	from := listen(t, h, ":5000")
	if _, err := from.WriteTo([]byte("word"), &net.UDPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 53}); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(5 * time.Second)
	for len(n.Strays()) == 0 && time.Now().Before(limit) {
		time.Sleep(time.Millisecond)
	}
	for a := range n.Strays() {
		if a.String() != "203.0.113.9" {
			t.Errorf("somebody sent to %s", a)
		}
	}
	if len(n.Strays()) != 1 {
		t.Errorf("strays: %v", n.Strays())
	}
}
