// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"errors"
	"runtime"
	"testing"
)

// sizeClass is the smallest 512·2^k that holds n octets.
func sizeClass(n int) int {
	c := 512
	for c < n {
		c *= 2
	}
	return c
}

// TestPadding: every size comes out as exactly one of the classes.
func TestPadding(t *testing.T) {
	party := newParty(t, 2)
	step := 211
	if runtime.GOOS == "js" {
		step = 997 // ten times slower there
	}
	for n := 0; n <= 70000; n += step {
		for _, aad := range [][]byte{nil, make([]byte, n%600)} {
			msg, _, err := party[0].g.Seal(rand.Reader, make([]byte, n), aad, sizeClass)
			if err != nil {
				t.Fatal(err)
			}
			if len(msg) != sizeClass(len(msg)) {
				t.Fatalf("%d octets, aad %d: message of %d", n, len(aad), len(msg))
			}
			m, err := party[1].g.Open(msg)
			if err != nil || len(m.Plaintext) != n {
				t.Fatalf("%d octets: %v", n, err)
			}
		}
	}
	msg, _, next, err := party[0].g.Commit(rand.Reader, CommitOptions{Pad: sizeClass, AAD: []byte("clear")})
	if err != nil || len(msg) != sizeClass(len(msg)) {
		t.Fatalf("commit of %d: %v", len(msg), err)
	}
	if _, _, err := party[1].g.ProcessCommit(msg, testNow, accept); err != nil || next.Epoch() != 2 {
		t.Fatal(err)
	}
}

// TestPaddingArithmetic: all sizes around each growth of the length prefix.
func TestPaddingArithmetic(t *testing.T) {
	for fixed := 60; fixed < 520; fixed++ {
		for _, body := range []int{1, 20, 60, 63, 64, 65, 300, 440, 1<<14 - 2, 1<<14 - 1, 1 << 14, 1<<14 + 1, 32000} {
			n, ok := padding(fixed, body, sizeClass)
			if !ok {
				t.Fatal("refused")
			}
			total := fixed + varintLen(body+n) + body + n
			if total != sizeClass(total) {
				t.Fatalf("fixed %d, body %d: %d", fixed, body, total)
			}
			if least := fixed + varintLen(body) + body; total > 2*sizeClass(least) {
				t.Fatalf("fixed %d, body %d: %d is wasteful", fixed, body, total)
			}
		}
	}
	for want, pad := range map[int]func(int) int{
		0:  func(int) int { return 0 }, // less than there is
		10: func(n int) int { return n + 10 },
	} {
		if n, ok := padding(100, 100, pad); !ok || n != want {
			t.Errorf("got %d, want %d", n, want)
		}
	}
	if n, ok := padding(100, 100, func(int) int { return 1 << 40 }); !ok || n != 0 {
		t.Errorf("absurd size: %d", n)
	}
	if _, ok := padding(100, MaxMessage, nil); ok {
		t.Error("too large a message passes")
	}
}

// TestLengthsBounded: a length that promises more than there is, or more than
// we take, is refused before anything is allocated for it.
func TestLengthsBounded(t *testing.T) {
	huge := []byte{0xbf, 0xff, 0xff, 0xff, 1, 2, 3}
	allocs := testing.AllocsPerRun(10, func() {
		r := newReader(huge)
		if r.opaque(MaxMessage); !errors.Is(r.err, ErrTooLarge) {
			t.Fatal(r.err)
		}
		r = newReader([]byte{0x80, 0xff, 0xff, 0xff, 1})
		if r.opaque(MaxMessage); !errors.Is(r.err, ErrMalformed) {
			t.Fatal(r.err)
		}
	})
	if allocs > 4 {
		t.Errorf("%v allocations", allocs)
	}
	for _, b := range [][]byte{{0xc0}, {0x40, 0x01}, {0x80, 0, 0, 1}, {0x80, 0, 0x3f, 0xff}, {}, {0x40}} {
		r := newReader(b)
		if r.varint(); r.err == nil {
			t.Errorf("%x passes as a length", b)
		}
	}
	if err := newReader(make([]byte, MaxMessage+1)).end(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	// A tree of too many nodes.
	var w writer
	w.opaque(make([]byte, 2*MaxLeaves))
	r := newReader(w.b)
	if decodeTree(r); !errors.Is(r.end(), ErrTooLarge) {
		t.Error(r.err)
	}
	// Blank at the end, empty, a leaf where a parent belongs.
	for _, b := range [][]byte{{0}, {1, 0}, {2, 0, 1}, {1, 2}} {
		r := newReader(b)
		if decodeTree(r); r.end() == nil {
			t.Errorf("tree %x passes", b)
		}
	}
}

// TestTreeFull: the leaf after the last is refused.
func TestTreeFull(t *testing.T) {
	tree := newTree(MaxLeaves)
	l := &leafNode{}
	for i := range tree.leaves {
		tree.leaves[i] = l
	}
	if _, err := tree.add(l); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	tree.leaves[9] = nil
	if i, err := tree.add(l); err != nil || i != 9 {
		t.Fatal(i, err)
	}
}

// TestPaddingMustBeZero: other octets behind the signature would be a way to
// hide something that nobody signed (RFC 9420 §6.3.1).
func TestPaddingMustBeZero(t *testing.T) {
	m := &privateMessage{contentType: ContentApplication}
	var w writer
	w.opaque([]byte("text"))
	w.opaque(make([]byte, 64))
	w.put(make([]byte, 10))
	if _, err := decodePrivateContent(m, 0, w.b); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		bad := bytes.Clone(w.b)
		bad[len(bad)-1-i] = 1
		if _, err := decodePrivateContent(m, 0, bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("octet %d: %v", i, err)
		}
	}
}

// TestStateDamaged: no changed octet of a stored state makes UnmarshalGroup
// or what is done with the state panic.
func TestStateDamaged(t *testing.T) {
	party := newParty(t, 3)
	late := seal(t, party[0], "late")
	open(t, party[1], seal(t, party[0], "m"), "m")
	blob := party[1].g.Marshal()
	good := 0
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 0x41
		g, err := UnmarshalGroup(bad, party[1].signer)
		if err != nil {
			continue
		}
		if _, err := g.Open(late); err == nil {
			good++
		}
		if _, _, err := g.Seal(rand.Reader, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if good == 0 {
		t.Error("no damaged octet left the late message readable: the test tests nothing")
	}
	for i := range blob {
		if _, err := UnmarshalGroup(blob[:i], party[1].signer); err == nil {
			t.Fatalf("cut to %d and accepted", i)
		}
	}
	if _, err := UnmarshalGroup(blob, party[0].signer); !errors.Is(err, ErrKeyMismatch) {
		t.Errorf("another signer: %v", err)
	}
	if _, err := UnmarshalGroup(blob, nil); !errors.Is(err, ErrArgument) {
		t.Errorf("no signer: %v", err)
	}
}
