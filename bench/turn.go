// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"clarion.chat/clarion/wire"
)

const (
	perCredential = 4    // allocations, of a server without settings
	mediaPacket   = 1200 // bytes of a video packet, as browsers cut them
	voicePacket   = 120  // of Opus at 32 kbit/s, 20 ms, with SRTP
)

// relayKeys asks the doors for credentials for n allocations, from as many
// connections as their allowance of a hundred at once asks for.
func relayKeys(c *child, n int) (all []*wire.Relay, err error) {
	const each = 90
	n = (n + perCredential - 1) / perCredential
	for len(all) < n {
		if all, err = moreKeys(c, all, min(each, n-len(all))); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func moreKeys(c *child, all []*wire.Relay, n int) ([]*wire.Relay, error) {
	door, err := dialDoor(c.addr, ignore, ignore, ignoreEnd)
	if err != nil {
		return nil, err
	}
	defer door.socket.NetConn().Close()
	b := newBox()
	if _, err := door.ask(b.create()); err != nil {
		return nil, err
	}
	for range n {
		answer, err := door.ask(&wire.RelayCredentials{Mailbox: b.id, Pass: b.pass})
		if err != nil {
			return nil, err
		}
		m, is := answer.(*wire.Relay)
		if !is {
			return nil, errors.New("the door gives no credentials")
		}
		all = append(all, m)
	}
	return all, nil
}

// ringer is one relayed end.
type ringer struct {
	conn    net.PacketConn
	client  *turn.Client
	relayed net.PacketConn
}

func newRinger(c *child, network string, m *wire.Relay) (r *ringer, err error) {
	r = new(ringer)
	if network == "udp" {
		r.conn, err = net.ListenPacket("udp", "127.0.0.1:0")
	} else {
		var stream net.Conn
		if stream, err = net.Dial("tcp", c.addr); err == nil {
			r.conn = turn.NewSTUNConn(stream)
		}
	}
	if err != nil {
		return nil, err
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	r.client, err = turn.NewClient(&turn.ClientConfig{TURNServerAddr: c.addr, Conn: r.conn, Username: m.Username, Password: m.Credential,
		LoggerFactory: quiet})
	if err == nil {
		err = r.client.Listen()
	}
	if err == nil {
		r.relayed, err = r.client.Allocate()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ringer) close() {
	if r.relayed != nil {
		_ = r.relayed.Close()
	}
	if r.client != nil {
		r.client.Close()
	}
	_ = r.conn.Close()
}

// allocations compares the server before and after n allocations that are still.
func allocations(c *child, network string, n int) (f footprint, err error) {
	keys, err := relayKeys(c, n)
	if err != nil {
		return f, err
	}
	before, err := c.stat()
	if err != nil {
		return f, err
	}
	all := make([]*ringer, n)
	defer func() {
		for _, r := range all {
			if r != nil {
				r.close()
			}
		}
	}()
	err = spread(n, func(i int) (err error) {
		all[i], err = newRinger(c, network, keys[i/perCredential])
		return err
	})
	if err != nil {
		return f, err
	}
	after, err := c.stat()
	if err != nil {
		return f, err
	}
	each := func(before, after int) float64 { return float64(after-before) / float64(n) }
	return footprint{each(before.RSS, after.RSS), each(before.Heap, after.Heap), each(before.Stack, after.Stack),
		each(before.Goroutines, after.Goroutines)}, nil
}

// stream is what a relayed flow cost.
type stream struct {
	mbits   float64       // that arrived
	lost    float64       // share of what was sent
	cpu     time.Duration // of the server, for all of it
	packets int           // that arrived
}

// pass sends packets of a size both ways between a relayed end and one that is
// not, at about a rate in Mbit/s each way.
func pass(c *child, network string, size int, rate float64, d time.Duration) (s stream, err error) {
	keys, err := relayKeys(c, 1)
	if err != nil {
		return s, err
	}
	one, err := newRinger(c, network, keys[0])
	if err != nil {
		return s, err
	}
	defer one.close()
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	defer other.Close()
	var arrived atomic.Int64
	var readers, writers sync.WaitGroup
	ends := []net.PacketConn{one.relayed, other}
	if _, err := one.relayed.WriteTo(make([]byte, size), other.LocalAddr()); err != nil { // permission, and soon a channel
		return s, err
	}
	time.Sleep(200 * time.Millisecond)
	for _, end := range ends {
		readers.Go(func() {
			b := make([]byte, 2048)
			for {
				if _, _, err := end.ReadFrom(b); err != nil {
					return
				}
				arrived.Add(1)
			}
		})
	}
	before, err := c.stat()
	if err != nil {
		return s, err
	}
	arrived.Store(0)
	var sent atomic.Int64
	errs := make([]error, len(ends))
	for i, end := range ends {
		writers.Go(func() { errs[i] = pour(end, ends[1-i].LocalAddr(), size, rate, d, &sent) })
	}
	writers.Wait()
	time.Sleep(100 * time.Millisecond) // for the last to arrive
	packets := arrived.Load()
	after, err := c.stat()
	if err = errors.Join(append(errs, err)...); err != nil {
		return s, err
	}
	_ = one.relayed.SetReadDeadline(time.Now())
	_ = other.SetReadDeadline(time.Now())
	readers.Wait()
	if packets == 0 {
		return s, errors.New("nothing was relayed")
	}
	return stream{float64(packets) * float64(size) * 8 / 1e6, 1 - float64(packets)/float64(sent.Load()), after.CPU - before.CPU, int(packets)}, nil
}

// pour sends packets at a rate in Mbit/s for a while.
func pour(from net.PacketConn, to net.Addr, size int, rate float64, d time.Duration, sent *atomic.Int64) error {
	b := make([]byte, size)
	begin := time.Now()
	for n := 0; time.Since(begin) < d; {
		due := int(time.Since(begin).Seconds() * rate * 1e6 / 8 / float64(size))
		for ; n < due; n++ {
			if _, err := from.WriteTo(b, to); err != nil {
				return err
			}
			sent.Add(1)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (p plan) runTURN(dir string) error {
	fmt.Printf("\nThe relay for calls: one end of a call relayed, packets both ways, %s each; and memory of %d allocations that are still\n", p.relayed, p.allocations)
	ours, err := startChild(clarion, dir)
	if err != nil {
		return err
	}
	fmt.Printf("  %-34s %10s %8s %22s %14s\n", "", "relayed", "lost", "CPU per Mbit/s relayed", "CPU per packet")
	for _, c := range []struct {
		network string
		size    int
		rate    float64
	}{{"udp", mediaPacket, 20}, {"tcp", mediaPacket, 20}, {"udp", voicePacket, 2}} {
		s, e := pass(ours, c.network, c.size, c.rate, p.relayed)
		if err = e; err != nil {
			break
		}
		fmt.Printf("  %-34s %5.0f Mbit %6.1f %% %14.3f %% of a core %11.1f µs\n", fmt.Sprintf("%s, packets of %d bytes", c.network, c.size), s.mbits, 100*s.lost,
			100*s.cpu.Seconds()/s.mbits, float64(s.cpu.Microseconds())/float64(s.packets))
	}
	for _, network := range []string{"udp", "tcp"} {
		if err != nil {
			break
		}
		var f footprint
		if f, err = allocations(ours, network, p.allocations); err == nil {
			fmt.Printf("  allocation over %-18s %6.1f KiB resident, %5.1f KiB heap, %5.1f KiB stacks, %.2f goroutines\n", network, f.resident/1024, f.heap/1024,
				f.stack/1024, f.goroutines)
		}
	}
	return errors.Join(err, ours.stop())
}
