// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy is a network in between that keeps every byte: what an eavesdropper
// would see without TLS, and what a server's memory sees with it.
type proxy struct {
	URL string

	mu    sync.Mutex
	conns []*captured
}

// captured is one connection's bytes, each way.
type captured struct {
	mu       sync.Mutex
	up, down []byte
}

// newProxy listens and passes everything on to addr.
func newProxy(t *testing.T, addr string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{URL: "http://" + l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", addr)
			if err != nil {
				in.Close()
				continue
			}
			c := new(captured)
			p.mu.Lock()
			p.conns = append(p.conns, c)
			p.mu.Unlock()
			go c.pass(in, out, &c.up)
			go c.pass(out, in, &c.down)
		}
	}()
	return p
}

func (c *captured) pass(from, to net.Conn, into *[]byte) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		c.mu.Lock()
		*into = append(*into, b[:n]...)
		c.mu.Unlock()
		if _, failed := to.Write(b[:n]); err != nil || failed != nil {
			return
		}
	}
}

// door is the door a connection asked for.
func (c *captured) door() string {
	line, _, _ := strings.Cut(string(c.up), "\r\n")
	_, door, _ := strings.Cut(line, "/door/")
	door, _, _ = strings.Cut(door, " ")
	return door
}

// traffic returns all bytes so far: as they were, and without WebSocket's
// masks and frame borders. only limits it to connections of one door, since to
// the frames that began after a mark.
func (p *proxy) traffic(only string, since mark) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []byte
	for _, c := range p.conns {
		c.mu.Lock()
		if only == "" || c.door() == only {
			for i, way := range [][]byte{c.up, c.down} {
				from := since[c][i]
				all = append(all, way[from:]...)
				all = append(all, unmask(way, from)...)
				all = append(all, 0)
			}
		}
		c.mu.Unlock()
	}
	return all
}

// mark is how much of each connection had passed, each way.
type mark map[*captured][2]int

// mark notes how much has passed.
func (p *proxy) mark() mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := mark{}
	for _, c := range p.conns {
		c.mu.Lock()
		m[c] = [2]int{len(c.up), len(c.down)}
		c.mu.Unlock()
	}
	return m
}

// head is where the HTTP head ends.
func head(b []byte) int {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	return len(b)
}

// unmask joins the payloads of a direction's WebSocket frames (RFC 6455 §5.2)
// that began from some place on.
func unmask(b []byte, from int) []byte {
	var out []byte
	for at := head(b); ; {
		payload, n := frame(b[at:])
		if n == 0 {
			return out
		}
		if at >= from {
			out = append(out, payload...)
		}
		at += n
	}
}

// frame reads the frame at the front of b; n is 0 when it is not whole.
func frame(b []byte) (payload []byte, n int) {
	if len(b) < 2 {
		return nil, 0
	}
	at, size := 2, int(b[1]&0x7f)
	switch size {
	case 126:
		if len(b) < 4 {
			return nil, 0
		}
		at, size = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return nil, 0
		}
		at, size = 10, int(binary.BigEndian.Uint64(b[2:]))
	}
	var mask []byte
	if b[1]&0x80 != 0 && len(b) >= at+4 {
		mask = b[at : at+4]
		at += 4
	}
	if len(b) < at+size {
		return nil, 0
	}
	payload = bytes.Clone(b[at : at+size])
	for i := range payload {
		if mask != nil {
			payload[i] ^= mask[i%4]
		}
	}
	return payload, at + size
}

// holds reports whether b holds the marker: as it is, in hexadecimal, or in
// base64 at any of its three alignments.
func holds(b, marker []byte) bool {
	if bytes.Contains(b, marker) ||
		bytes.Contains(b, []byte(hex.EncodeToString(marker))) ||
		bytes.Contains(b, bytes.ToUpper([]byte(hex.EncodeToString(marker)))) {
		return true
	}
	for _, coding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for skip := range 3 {
			// Whole groups of three that begin skip bytes in do not depend on
			// what stands around the marker.
			if n := (len(marker) - skip) / 3 * 3; n >= 6 && bytes.Contains(b, []byte(coding.EncodeToString(marker[skip:skip+n]))) {
				return true
			}
		}
	}
	return false
}
