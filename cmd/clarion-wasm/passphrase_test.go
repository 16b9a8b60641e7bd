// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/hex"
	"errors"
	"testing"

	"clarion.chat/clarion/client/vault"
)

// light are parameters that cost a test little.
func light() stretch { return stretch{Salt: make([]byte, 16), Time: 1, Memory: 8 << 10, Lanes: 1} }

func TestPassphraseSeal(t *testing.T) {
	key := [32]byte{1, 2, 3}
	with := light()
	sealed := sealUnder(with.opener("right"), key)
	if got, wrong := openUnder(with.opener("right"), sealed); wrong || got != key {
		t.Errorf("opens as %x, wrong %v", got, wrong)
	}
	other := light()
	other.Salt = append([]byte{1}, other.Salt[1:]...)
	more := light()
	more.Time++
	for what, try := range map[string]func() bool{
		"another passphrase": func() bool { _, wrong := openUnder(with.opener("Right"), sealed); return wrong },
		"none":               func() bool { _, wrong := openUnder(with.opener(""), sealed); return wrong },
		"another salt":       func() bool { _, wrong := openUnder(other.opener("right"), sealed); return wrong },
		"more passes":        func() bool { _, wrong := openUnder(more.opener("right"), sealed); return wrong },
		"cut":                func() bool { _, wrong := openUnder(with.opener("right"), sealed[:len(sealed)-1]); return wrong },
		"no opener":          func() bool { _, wrong := openUnder(nil, sealed); return wrong },
		"a long opener":      func() bool { _, wrong := openUnder(make([]byte, 64), sealed); return wrong },
		"nothing":            func() bool { _, wrong := openUnder(with.opener("right"), nil); return wrong },
	} {
		if !try() {
			t.Errorf("%s opens it", what)
		}
	}
}

// keptSeal is the key 7, 0, 0… sealed once with light() and "several words".
const keptSeal = "a52dd8badc9a1ea49d27f6d0ede90c9b7fe4eec0ca515aec5cb83a668709071498104323012e4f54be4a9e7becc86d459814bef06a2f667ec7cfe9f5"

// TestPassphraseKept opens what an earlier build sealed: vaults in people's
// browsers must open with every later one.
func TestPassphraseKept(t *testing.T) {
	sealed, err := hex.DecodeString(keptSeal)
	if err != nil {
		t.Fatal(err)
	}
	if got, wrong := openUnder(light().opener("several words"), sealed); wrong || got != [32]byte{7} {
		t.Errorf("opens as %x, wrong %v", got, wrong)
	}
}

func TestStretchCheck(t *testing.T) {
	if err := newStretch(make([]byte, 16)).check(); err != nil {
		t.Errorf("what this program chooses: %v", err)
	}
	for what, change := range map[string]func(*stretch){
		"no salt": func(s *stretch) { s.Salt = nil }, "no time": func(s *stretch) { s.Time = 0 }, "for ever": func(s *stretch) { s.Time = 1 << 30 },
		"little memory": func(s *stretch) { s.Memory = 1 }, "all memory": func(s *stretch) { s.Memory = 1 << 30 },
		"no lane": func(s *stretch) { s.Lanes = 0 }, "many lanes": func(s *stretch) { s.Lanes = 256 },
	} {
		s := light()
		change(&s)
		if err := s.check(); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
