// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import "testing"

// TestShares reads a module made by hand: one import, two functions.
func TestShares(t *testing.T) {
	sized := func(s string) string { return string(rune(len(s))) + s }
	names := "\x02\x01" + sized("clarion.chat_clarion_mls.f") + "\x02" + sized("crypto_internal_fips140.g")
	module := []byte("\x00asm\x01\x00\x00\x00" +
		"\x02" + sized("\x01\x01a\x01b\x00\x00") + // import a.b, a function
		"\x0a" + sized("\x02\x03abc\x04defg") + // code of two functions
		"\x0b" + sized("\x01\x00") + // data
		"\x00" + sized("\x04name\x01"+sized(names)))
	code, data, err := shares(module)
	if err != nil || data != 2 || len(code) != 2 {
		t.Fatalf("%v, %d, %v", code, data, err)
	}
	got := map[string]int{}
	for _, s := range code {
		got[s.name] = s.bytes
	}
	if got["clarion.chat/clarion/mls"] != 3 || got["crypto/internal/fips140"] != 4 {
		t.Errorf("got %v", got)
	}
	for n := range module {
		if _, _, err := shares(module[:n]); err == nil {
			t.Errorf("%d bytes of it were taken for a module", n)
		}
	}
}
