// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// TestHTTPOnThePort: requests that keep their connection, and connections that
// are taken over, with and without TLS.
func TestHTTPOnThePort(t *testing.T) {
	for scheme, change := range map[string]func(*Config){"http": nil, "https": under(t)} {
		r := start(t, change)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: r.tls}, Timeout: patience}
		for i := range 3 {
			text := strings.Repeat("x", 100_000*i)
			resp, err := client.Post(scheme+"://"+r.at, "text/plain", strings.NewReader(text))
			if err != nil {
				t.Fatal(scheme, err)
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(b) != text || resp.ProtoMajor != 1 {
				t.Errorf("%s: %d bytes of %d, HTTP %d, %v", scheme, len(b), len(text), resp.ProtoMajor, err)
			}
		}
		client.CloseIdleConnections()
		waitFor(t, "nothing unsorted", func() bool { return r.Stats().Unsorted == 0 })
	}
}

// TestPlainToTLS: HTTP at a port with TLS is told so, as before there was a relay.
func TestPlainToTLS(t *testing.T) {
	r := start(t, under(t))
	resp, err := http.Get("http://" + r.at)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), "HTTPS") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

// TestALPN: a client of TURN may name what it speaks (RFC 7443), or nothing.
func TestALPN(t *testing.T) {
	r := start(t, under(t))
	for _, protos := range [][]string{nil, {"stun.turn"}, {"stun.nat-discovery"}, {"h2", "http/1.1"}} {
		c := r.tls.Clone()
		c.NextProtos = protos
		conn, err := tls.Dial("tcp", r.at, c)
		if err != nil {
			t.Errorf("%q: %v", protos, err)
			continue
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got == "h2" {
			t.Error("h2 is agreed, and not spoken")
		}
		binding(t, conn)
		_ = conn.Close()
	}
}

// binding asks for the mapped address over a stream.
func binding(t testing.TB, c net.Conn) {
	t.Helper()
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	if _, err := c.Write(m.Raw); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	answer := make([]byte, maxPacket)
	n, err := c.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	got := &stun.Message{Raw: answer[:n]}
	if err := got.Decode(); err != nil || got.TransactionID != m.TransactionID || got.Type != stun.BindingSuccess {
		t.Fatalf("%v %v", got, err)
	}
}

// closed waits until the other side has closed a connection.
func closed(t testing.TB, what string, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%s stays open", what)
	}
}

// TestSlowStart: who does not say what it speaks is closed, within TLS too, and
// so is the oldest of too many.
func TestSlowStart(t *testing.T) {
	r := startSorting(t, 100*time.Millisecond, 0, maxUnsorted)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", r.at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	silent := dial()
	half := dial()
	if _, err := half.Write([]byte{0x16, 3, 1}); err != nil { // the beginning of a handshake
		t.Fatal(err)
	}
	closed(t, "a silent connection", silent)
	closed(t, "half a handshake", half)
	waitFor(t, "nothing unsorted", func() bool { return r.Stats().Unsorted == 0 })

	r = startSorting(t, patience, 0, 3)
	oldest := dial()
	waitFor(t, "the oldest", func() bool { return r.Stats().Unsorted == 1 })
	others := []net.Conn{dial(), dial(), dial()}
	closed(t, "the oldest of too many", oldest)
	waitFor(t, "the others", func() bool { return r.Stats().Unsorted == 3 })
	binding(t, others[2])
	// A stream without an allocation still counts; one with an allocation does not.
	stream := r.allocate("tcp", r.Issue())
	waitFor(t, "the allocation's own stream", func() bool { return r.Stats().Allocations == 1 })
	for range 3 {
		dial()
	}
	closed(t, "a stream that never allocates", others[2])
	if _, err := stream.WriteTo([]byte("still here"), stream.LocalAddr()); err != nil {
		t.Error(err)
	}
}

// TestAllAtOnce: while all that wait are new, nobody is cut off for somebody
// newer, and who comes waits for room.
func TestAllAtOnce(t *testing.T) {
	r := startSorting(t, patience, patience, 1)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", r.at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	first, second := dial(), dial()
	waitFor(t, "the first", func() bool { return r.Stats().Unsorted == 1 })
	b := make([]byte, 1)
	if n, err := first.Write([]byte{0}); n != 1 || err != nil { // the first byte of a STUN message
		t.Fatal(err)
	}
	_ = first.Close()
	binding(t, second)
	_ = second.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := second.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second does not stay: %v", err)
	}
}

// startSorting is a relay with TLS and other bounds of what is unsorted.
func startSorting(t *testing.T, wait, grace time.Duration, most int) *running {
	t.Helper()
	return startMade(t, "127.0.0.1:0", "", under(t), func(r *Relay) {
		r.sorter.wait, r.sorter.held.grace, r.sorter.held.most = wait, grace, most
	})
}

// TestFramesOfAStream: what is no frame ends a stream. A length near 65,536 is
// one that the library would go round with for ever.
func TestFramesOfAStream(t *testing.T) {
	r := start(t, nil)
	for what, b := range map[string][]byte{
		"a length that wraps":            {0, 1, 0xFF, 0xEC, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"a channel's length that wraps":  {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0xFF, 0xFC},
		"a length of no four bytes":      {0, 1, 0, 1, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"longer than a packet":           {0, 1, 0x08, 0x00, 0x21, 0x12, 0xA4, 0x42},
		"a channel that does not exist":  {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 4, 1, 2, 3, 4},
		"another protocol in the middle": {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 4, 1, 2, 3, 4},
	} {
		c, err := net.Dial("tcp", r.at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		closed(t, what, c)
		_ = c.Close()
	}
	waitFor(t, "no streams", func() bool { s := r.Stats(); return s.Streams == 0 && s.Unsorted == 0 })

	// A frame in pieces, and two at once, are frames.
	c, err := net.Dial("tcp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	one := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	all := append(bytes.Clone(one), one...)
	for i := range all {
		if _, err := c.Write(all[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(c, make([]byte, 2*(headerSTUN+12+8))); err != nil { // XOR-MAPPED-ADDRESS, FINGERPRINT
		t.Errorf("two answers: %v", err)
	}
}

// TestOwnPort: a relay apart from HTTP, as behind a proxy, speaks no HTTP.
func TestOwnPort(t *testing.T) {
	r := startAt(t, "127.0.0.1:0", "127.0.0.1:0", nil)
	web := r.Web().Addr().String()
	if web == r.at {
		t.Fatal("one port")
	}
	passesBoth(t, r)
	resp, err := http.Post("http://"+web, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp, err := http.Get("http://" + r.at); err == nil {
		_ = resp.Body.Close()
		t.Error("HTTP at the relay's own port")
	}
}

func passesBoth(t testing.TB, r *running) {
	t.Helper()
	one, other := r.allocate("udp", r.Issue()), r.allocate("tcp", r.Issue())
	if _, err := other.WriteTo([]byte("permit"), one.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	passes(t, one, other, "there")
	passes(t, other, one, "back")
}

// TestPublicAddress: behind a translation of addresses the relay hands out the
// outer one, and two allocations meet by it although nothing there leads back.
func TestPublicAddress(t *testing.T) {
	r := start(t, func(c *Config) {
		strict(c)
		c.Public = []netip.Addr{netip.MustParseAddr("198.51.100.7")}
		c.MinPort, c.MaxPort = 40000, 48000
	})
	a := r.allocate("udp", r.Issue())
	at := a.LocalAddr().(*net.UDPAddr)
	if at.IP.String() != "198.51.100.7" || at.Port < 40000 || at.Port > 48000 {
		t.Errorf("it hands out %v", at)
	}
	passesBoth(t, r)
}

// TestPorts: one number for both, and none left open by a failure.
func TestPorts(t *testing.T) {
	p, err := Listen("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	if udp := p.packets[0].LocalAddr().(*net.UDPAddr).Port; udp != p.Port() {
		t.Errorf("TCP %d, UDP %d", p.Port(), udp)
	}
	at := p.web.Addr().String()
	if _, err := Listen("127.0.0.1:0", at); err == nil {
		t.Error("a taken port is opened")
	}
	p.Close()
	p.Close()
	if p, err = Listen(at, Off); err != nil || p.Relays() {
		t.Fatalf("%+v %v", p, err)
	}
	p.Close()
	if _, err := Listen("nonsense", ""); err == nil {
		t.Error("nonsense is opened")
	}
}

// TestConfig: what cannot be meant is refused.
func TestConfig(t *testing.T) {
	ports, err := Listen("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	good := Config{Ports: ports, Host: "localhost"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Config){
		"no ports":                   func(c *Config) { c.Ports = nil },
		"no port of the relay":       func(c *Config) { c.Ports = &Ports{web: ports.web} },
		"no host":                    func(c *Config) { c.Host = "" },
		"a range that is none":       func(c *Config) { c.MinPort, c.MaxPort = 5000, 4000 },
		"a bound below zero":         func(c *Config) { c.Allocations = -1 },
		"an address of no such face": func(c *Config) { c.Public = []netip.Addr{netip.MustParseAddr("2001:db8::1")} },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// TestLocations: URIs as RFC 7064 and 7065 write them.
func TestLocations(t *testing.T) {
	for _, c := range []struct {
		c    Config
		want string
	}{
		{Config{Host: "clarion.example"}, "stun:clarion.example:8440 turn:clarion.example:8440?transport=udp turn:clarion.example:8440?transport=tcp"},
		{Config{Host: "::1", HostPort: 443, TLS: new(tls.Config)},
			"stun:[::1]:443 turn:[::1]:443?transport=udp turn:[::1]:443?transport=tcp turns:[::1]:443?transport=tcp"},
	} {
		if got := strings.Join(c.c.locations(8440), " "); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestFaces: which address is handed out, and which is bound.
func TestFaces(t *testing.T) {
	list := func(all ...string) []netip.Addr {
		var addrs []netip.Addr
		for _, a := range all {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		return addrs
	}
	for _, c := range []struct {
		at             string
		told, machine  []netip.Addr
		v4, b4, v6, b6 string
	}{
		{"127.0.0.1", nil, list("127.0.0.1", "10.0.0.2"), "127.0.0.1", "127.0.0.1", "", ""},
		{"0.0.0.0", nil, list("127.0.0.1", "::1", "10.0.0.2", "1.2.3.4", "fe80::1"), "1.2.3.4", "1.2.3.4", "::1", "::1"},
		{"::", nil, list("127.0.0.1", "10.0.0.2", "2a00::2"), "10.0.0.2", "10.0.0.2", "2a00::2", "2a00::2"},
		{"::", list("5.6.7.8"), list("127.0.0.1", "10.0.0.2"), "5.6.7.8", "0.0.0.0", "", ""},
		{"10.0.0.2", list("5.6.7.8"), list("10.0.0.2"), "5.6.7.8", "10.0.0.2", "", ""},
	} {
		v4, v6 := faces(netip.MustParseAddr(c.at), c.told, c.machine)
		said := func(a netip.Addr) string {
			if !a.IsValid() {
				return ""
			}
			return a.String()
		}
		if said(v4.public) != c.v4 || said(v6.public) != c.v6 || (c.v4 != "" && said(v4.bind) != c.b4) || (c.v6 != "" && said(v6.bind) != c.b6) {
			t.Errorf("at %s: %+v %+v", c.at, v4, v6)
		}
	}
}

// TestEnd: when Run ends, allocations, streams and half-open connections have
// ended, and so has every goroutine.
func TestEnd(t *testing.T) {
	r := start(t, under(t))
	for _, network := range []string{"udp", "tcp", "tls"} {
		r.allocate(network, r.Issue())
	}
	silent, err := net.Dial("tcp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	stream, err := tls.Dial("tcp", r.at, r.tls)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	binding(t, stream)
	waitFor(t, "all of them", func() bool { s := r.Stats(); return s.Allocations == 3 && s.Streams == 3 && s.Unsorted == 2 })
	r.stop()
	if s := r.Stats(); s.Allocations != 0 || s.Streams != 0 || s.Unsorted != 0 {
		t.Errorf("after the end: %+v", s)
	}
	closed(t, "a silent connection", silent)
	closed(t, "a stream", stream)
	if _, err := Listen(r.at, ""); err != nil {
		t.Errorf("its port is not free: %v", err)
	}
	// The clients' own goroutines end with the test; the relay's have.
	buf := make([]byte, 1<<20)
	waitFor(t, "the relay's goroutines", func() bool {
		all := string(buf[:runtime.Stack(buf, true)])
		return !strings.Contains(all, "turn/v5.(*Server)") && !strings.Contains(all, "packetConnHandler") && !strings.Contains(all, "relay.(*sorter)")
	})
}

// TestLogIsSilent: what the library would say names addresses, and nothing of
// it is written anywhere.
func TestLogIsSilent(t *testing.T) {
	name := filepath.Join(t.TempDir(), "written")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = f, f
	defer func() { os.Stdout, os.Stderr = out, errs }()
	r := start(t, strict)
	a := r.asker(r.Issue())
	unknown := stun.RawAttribute{Type: 0x7FFE, Value: []byte{1, 2, 3, 4}} // the library logs the address of who sends one
	if m := a.ask(stun.MethodAllocate, requestedUDP, unknown); m.Type.Class != stun.ClassErrorResponse {
		t.Errorf("%v", m)
	}
	passesBoth(t, r)
	if s := r.Stats(); s.Errors == 0 {
		t.Errorf("control: the library has nothing to say: %+v", s)
	}
	r.stop()
	_ = f.Close()
	if b, err := os.ReadFile(name); err != nil || len(b) > 0 {
		t.Errorf("%s %v", b, err)
	}
}

// wireConn is one end of a stream made of bytes.
type wireConn struct {
	net.Conn
	r io.Reader
}

func (w *wireConn) Read(b []byte) (int, error)       { return w.r.Read(b) }
func (w *wireConn) SetReadDeadline(time.Time) error  { return nil }
func (w *wireConn) SetWriteDeadline(time.Time) error { return nil }
func (w *wireConn) Close() error                     { return nil }

// FuzzStream cuts any bytes into frames: each is whole and in its bounds, and
// the end comes.
func FuzzStream(f *testing.F) {
	one := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	f.Add(one)
	f.Add(append(bytes.Clone(one), 0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0))
	f.Add([]byte{0x40, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStream(&wireConn{r: bytes.NewReader(b)}, &gate{}, func() {}, func() {})
		frame := make([]byte, maxPacket+1)
		for taken := 0; ; {
			n, err := s.Read(frame)
			if err != nil {
				return
			}
			if taken += n; n < headerChannel || n > maxPacket || n%4 != 0 || taken > len(b) {
				t.Fatalf("a frame of %d bytes, %d in all, of %d", n, taken, len(b))
			}
		}
	})
}

// FuzzGate hands any packet to the gate: it makes none longer, and lets no
// lifetime through that is signed and longer than ours.
func FuzzGate(f *testing.F) {
	const key = "key"
	g := &gate{key: func(string, stun.Method) ([]byte, bool) { return []byte(key), true }}
	for _, seconds := range []uint16{0, 600, 601, 3599} {
		f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodRefresh, stun.ClassRequest), stun.NewUsername("u"), lifetime(seconds),
			stun.MessageIntegrity(key), stun.Fingerprint).Raw)
	}
	f.Add([]byte{0x40, 0, 0, 1, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		out := g.admit(b)
		if len(out) > len(b) || !bytes.Equal(before, b) {
			t.Fatalf("%x becomes %x", before, out)
		}
		m := &stun.Message{Raw: bytes.Clone(out)}
		if out == nil || out[0]>>6 == 1 || m.Decode() != nil || stun.MessageIntegrity(key).Check(m) != nil {
			return
		}
		if method := m.Type.Method; method != stun.MethodAllocate && method != stun.MethodRefresh {
			return
		}
		var name stun.Username
		if v, err := m.Get(stun.AttrLifetime); err == nil && len(v) == 4 && name.GetFrom(m) == nil && (v[0]|v[1] != 0 || uint16(v[2])<<8|uint16(v[3]) > 600) {
			t.Fatalf("a lifetime of %x passes", v)
		}
	})
}
