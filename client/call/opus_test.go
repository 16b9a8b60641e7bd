// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"bytes"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   time.Duration
	}{
		{[]byte{0xf8, 1}, 20 * time.Millisecond},                // CELT, full band, 20 ms
		{[]byte{0xe0, 1}, 2500 * time.Microsecond},              // the shortest
		{[]byte{0x18, 1}, 60 * time.Millisecond},                // SILK, the longest
		{[]byte{0x68, 1}, 20 * time.Millisecond},                // hybrid
		{[]byte{0xf9, 1, 1}, 40 * time.Millisecond},             // two frames of one size
		{[]byte{0xfb, 6, 1}, 120 * time.Millisecond},            // six
		{[]byte{0xfb, 7, 1}, 0}, {[]byte{0xfb, 0}, 0}, {nil, 0}, // too long, none, nothing
	} {
		got, err := duration(c.packet)
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%x plays %v, %v; it should play %v", c.packet, got, err, c.want)
		}
	}
}

// TestPad: a padded packet has the size, the same frames and the same time.
func TestPad(t *testing.T) {
	for _, packet := range [][]byte{
		{0xf8, 1, 2, 3}, {0xf9, 1, 2}, {0xfa, 1, 9, 8, 7}, {0xfb, 3, 1, 2, 3}, {0xfb, 3 | 64, 2, 1, 2, 3, 0, 0}, silence(),
	} {
		for size := len(packet) + 2; size < 1200; size += 7 {
			padded := pad(packet, size)
			if len(padded) != size {
				t.Fatalf("%x padded to %d has %d bytes", packet, size, len(padded))
			}
			samePacket(t, packet, padded)
		}
	}
}

func samePacket(t *testing.T, a, b []byte) {
	t.Helper()
	ta, ca, ra, err := split(a)
	tb, cb, rb, err2 := split(b)
	if err != nil || err2 != nil || ta != tb || ca != cb || !bytes.Equal(ra, rb) {
		t.Fatalf("%x and %x are not one packet", a, b)
	}
}

func FuzzPad(f *testing.F) {
	f.Add([]byte{0xf8, 1, 2, 3}, 100)
	f.Add([]byte{0xfb, 0x43, 255, 255, 1}, 700)
	f.Fuzz(func(t *testing.T, packet []byte, size int) {
		if size > 4000 {
			return
		}
		padded := pad(packet, size)
		if len(padded) > max(size, len(packet)) {
			t.Fatalf("%d bytes became %d, past %d", len(packet), len(padded), size)
		}
		if _, _, _, err := split(packet); err == nil {
			samePacket(t, packet, padded)
		}
	})
}

func FuzzSource(f *testing.F) {
	f.Add([]byte("OggS"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSource(bytes.NewReader(b))
		if (err == nil) != (s != nil && len(s.packets) > 0) {
			t.Fatalf("%v, %v", s, err)
		}
	})
}
