// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/call"
	"clarion.chat/clarion/exposure"
	"clarion.chat/clarion/wire"
)

// udpNet is a network of UDP that keeps every packet. Each socket has a stand-in,
// which others are told in its place: what is sent to it comes to the socket
// from the sender's own stand-in.
type udpNet struct {
	t     *testing.T
	mu    sync.Mutex
	stand map[string]net.PacketConn // by the socket's own address
	kept  []packet
}

// packet is what passed, with the addresses of both sockets.
type packet struct {
	from, to string
	b        []byte
}

func newUDPNet(t *testing.T) *udpNet {
	n := &udpNet{t: t, stand: map[string]net.PacketConn{}}
	t.Cleanup(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, c := range n.stand {
			_ = c.Close()
		}
		n.stand = nil
	})
	return n
}

// before is the stand-in of a socket; nil once the test is over.
func (n *udpNet) before(socket string) net.PacketConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.stand[socket]; c != nil || n.stand == nil {
		return c
	}
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		n.t.Error(err)
		return nil
	}
	n.stand[socket] = c
	go n.pass(c, socket)
	return c
}

// pass takes what comes to a stand-in.
func (n *udpNet) pass(c net.PacketConn, socket string) {
	to, err := net.ResolveUDPAddr("udp4", socket)
	if err != nil {
		n.t.Error(err)
		return
	}
	b := make([]byte, 64<<10)
	for {
		size, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		n.mu.Lock()
		n.kept = append(n.kept, packet{from.String(), socket, bytes.Clone(b[:size])})
		n.mu.Unlock()
		if out := n.before(from.String()); out != nil {
			_, _ = out.WriteTo(b[:size], to)
		}
	}
}

// address is what others are told in place of a socket's own address.
func (n *udpNet) address(socket string) string {
	c := n.before(socket)
	if c == nil {
		n.t.Fatalf("no stand-in for %s", socket)
	}
	return c.LocalAddr().String()
}

// passed is all that went so far, in one piece, and how many packets of the
// size of sound went to or from a socket.
func (n *udpNet) passed(socket string) (all []byte, through, in int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.kept {
		all = append(append(all, p.b...), 0)
		if len(p.b) > 60 && media(p.b) {
			in++
			if p.from == socket || p.to == socket {
				through++
			}
		}
	}
	return all, through, in
}

// media reports whether a packet is one of SRTP, in a channel of TURN, or in an
// indication of TURN: RFC 7983 and RFC 8656, sections 11 and 12.
func media(b []byte) bool {
	switch {
	case len(b) < 4:
		return false
	case b[0] >= 128 && b[0] <= 191:
		return true
	case b[0] >= 64 && b[0] <= 79:
		return media(b[4:])
	}
	kind := binary.BigEndian.Uint16(b)
	if (kind != 0x0016 && kind != 0x0017) || len(b) < 20 {
		return false
	}
	for b = b[20:]; len(b) >= 4; { // attributes, each padded to four bytes
		size := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+size {
			return false
		}
		if binary.BigEndian.Uint16(b) == 0x0013 { // DATA
			return media(b[4 : 4+size])
		}
		b = b[min(len(b), 4+(size+3)/4*4):]
	}
	return false
}

// netted is a core whose engine has no way to the other but through a udpNet.
type netted struct {
	*Client
	net      *udpNet
	withTCP  bool                // the relay's place by TCP is told too; what goes there is not seen
	disguise func(string) string // what becomes of each fingerprint that leaves

	mu      sync.Mutex
	call    string
	said    []string // descriptions and candidates, as they left
	facts   []client.CallFacts
	reports []exposure.Report
	stuck   func(call string) // called when no connection comes up
}

func (x *netted) say(s string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.said = append(x.said, s)
}

// told is all that the engine said.
func (x *netted) told() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.said)
}

func (x *netted) masked(s string) string {
	if x.disguise != nil {
		return x.disguise(s)
	}
	return s
}

// StartCall implements call.Core, as all that follow.
func (x *netted) StartCall(ctx context.Context, conv string, p client.CallParams) (client.Call, error) {
	p.Fingerprint = x.masked(p.Fingerprint)
	return x.Client.StartCall(ctx, conv, p)
}

func (x *netted) DescribeCall(ctx context.Context, id, sdp string) error {
	sdp = x.masked(sdp)
	x.say(sdp)
	return x.Client.DescribeCall(ctx, id, sdp)
}

func (x *netted) CandidateCall(ctx context.Context, id string, c client.CallCandidate) error {
	x.say(c.Candidate)
	f := strings.Fields(c.Candidate) // candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host
	if len(f) < 8 || f[2] != "udp" || f[4] != "127.0.0.1" {
		return nil
	}
	host, port, err := net.SplitHostPort(x.net.address(net.JoinHostPort(f[4], f[5])))
	if err != nil {
		return err
	}
	f[4], f[5] = host, port
	c.Candidate = strings.Join(f, " ")
	return x.Client.CandidateCall(ctx, id, c)
}

func (x *netted) RelayServers(ctx context.Context, conv string) (wire.Relay, error) {
	r, err := x.Client.RelayServers(ctx, conv)
	var urls []string
	for _, u := range r.URLs {
		at, way, _ := strings.Cut(u, "?")
		switch at, is := strings.CutPrefix(at, "turn:"); {
		case is && way == "transport=udp":
			urls = append(urls, "turn:"+x.net.address(at)+"?"+way)
		case is && x.withTCP:
			urls = append(urls, u)
		}
	}
	if err == nil && len(urls) == 0 {
		err = fmt.Errorf("no place by UDP among %q", r.URLs)
	}
	r.URLs = urls
	return r, err
}

func (x *netted) ConnectedCall(ctx context.Context, id string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.call = id
	return x.Client.ConnectedCall(ctx, id)
}

func (x *netted) RestartCall(_ context.Context, id string) error {
	if x.stuck != nil {
		go x.stuck(id)
		x.stuck = nil
	}
	return nil
}

// options are an engine's, which notes what it knows of its connection, and
// what the core makes of that.
func (x *netted) options(conv string) call.Options {
	return call.Options{Core: x, Conversation: conv, Loopback: true, Connected: func(f client.CallFacts) {
		x.mu.Lock()
		defer x.mu.Unlock()
		r, err := x.WhoCouldHear(Context(x.t), conv, x.call, f)
		if err != nil {
			x.t.Errorf("%s: who could hear: %v", x.Name, err)
		}
		x.facts, x.reports = append(x.facts, f), append(x.reports, r)
	}}
}

// report is that of the connection that came up first.
func (x *netted) report() exposure.Report {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.reports) == 0 {
		x.t.Fatalf("%s's engine had no connection", x.Name)
	}
	return x.reports[0]
}

// netCallers are two people whose calls pass a udpNet, and whose server has a
// relay.
func netCallers(s *Server, a, o *Client) (n *udpNet, ada, omar *netted) {
	n = newUDPNet(s.t.(*testing.T))
	return n, &netted{Client: a, net: n}, &netted{Client: o, net: n}
}

// engines makes the engines of a call that is answered.
func engines(t *testing.T, conv string, ao, bo call.Options, b *Client) (caller, answerer *call.Engine) {
	t.Helper()
	caller, err := call.New(ao)
	if err != nil {
		t.Fatal(err)
	}
	if answerer, err = call.New(bo); err != nil {
		t.Fatal(err)
	}
	if _, err := caller.Call(Context(t)); err != nil {
		t.Fatal(err)
	}
	ring := Await(b, "a call", func(x client.CallArrived) bool { return x.Conversation == conv })
	if _, err := answerer.Answer(Context(t), ring.Call); err != nil {
		t.Fatal(err)
	}
	return caller, answerer
}

// converse lets one call the other until all that ao plays was played.
func converse(t *testing.T, a, b *netted, conv string, ao, bo call.Options) (ar, br call.Result) {
	t.Helper()
	ao.PlayOnce = true
	caller, answerer := engines(t, conv, ao, bo, b.Client)
	ended := make(chan error, 1)
	go func() {
		var err error
		br, err = answerer.Run(Context(t), b.Events())
		ended <- err
	}()
	ar, err := caller.Run(Context(t), a.Events())
	if err != nil {
		t.Errorf("the caller's engine: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the answerer's engine: %v", err)
	}
	return ar, br
}

// sound is a source of n packets that all hold the marker.
func sound(t *testing.T, n int, marker []byte) *call.Source {
	t.Helper()
	var out bytes.Buffer
	oggPage(&out, 2, 0, append([]byte("OpusHead\x01\x01\x00\x00"), 0x80, 0xbb, 0, 0, 0, 0, 0))
	oggPage(&out, 0, 1, []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"))
	for i := range n {
		oggPage(&out, 0, uint32(i)+2, append([]byte{0xf8}, marker...))
	}
	s, err := call.ReadSource(&out)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// oggPage writes a packet of fewer than 255 bytes as a page of its own.
func oggPage(out io.Writer, kind byte, number uint32, packet []byte) {
	head := make([]byte, 28)
	copy(head, "OggS")
	head[5] = kind
	binary.LittleEndian.PutUint32(head[18:], number)
	head[26], head[27] = 1, byte(len(packet))
	_, _ = out.Write(append(head, packet...))
}
