// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"crypto/ecdh"
	"crypto/rand"
	"testing"

	"clarion.chat/clarion/wire"
)

func TestCleanServer(t *testing.T) {
	for in, want := range map[string]string{
		"http://localhost:8440":   "http://localhost:8440",
		"https://Chat.Example/":   "https://chat.example",
		"chat.example":            "https://chat.example",
		"HTTP://[::1]:80":         "http://[::1]:80",
		"ftp://chat.example":      "",
		"http://":                 "",
		"http://a b":              "",
		"https://ada@example.org": "",
		"https://chat.example/x":  "",
	} {
		got, err := cleanServer(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestCheckHost(t *testing.T) {
	for _, c := range []struct {
		server, says, known string
		ok                  bool
	}{
		{"https://chat.example", "chat.example", "", true},
		{"https://chat.example", "other.example", "", false},
		{"http://127.0.0.1:9999", "chat.example", "", true}, // a way there, on this machine
		{"http://localhost:1", "chat.example", "", true},
		{"http://[::1]:1", "chat.example", "", true},
		{"http://127.evil.example", "chat.example", "", false},
		{"https://chat.example", "other.example", "chat.example", false},
		{"https://moved.example", "chat.example", "chat.example", true},
	} {
		if err := checkHost(c.server, c.says, c.known); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestSealTo(t *testing.T) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub := [32]byte(key.PublicKey().Bytes())
	other := wire.Handle{Name: "omar", Host: testHandle.Host}
	for _, n := range []int{0, 1, 459, 460, 461, 5000, 60000} {
		plain := make([]byte, n)
		sealed, err := sealTo(pub, "a", testHandle, plain)
		if err != nil || !wire.IsSizeClass(len(sealed)) {
			t.Fatalf("%d bytes seal to %d (%v)", n, len(sealed), err)
		}
		if got, err := openWith(key, "a", testHandle, sealed); err != nil || len(got) != n {
			t.Fatalf("%d bytes open to %d (%v)", n, len(got), err)
		}
		if _, err := openWith(key, "b", testHandle, sealed); err == nil {
			t.Fatal("opened for another purpose")
		}
		if _, err := openWith(key, "a", other, sealed); err == nil {
			t.Fatal("opened for another person")
		}
		sealed[len(sealed)/2] ^= 1
		if _, err := openWith(key, "a", testHandle, sealed); err == nil {
			t.Fatal("opened though one bit is another")
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"Harbour": true, "港": true, "a b c": true, "": false, "a\x1b[2J": false, "a\u202eb": false, "line\nline": false, string(make([]byte, 300)): false,
		"ada@localhost:8440": false, "Ada@Example.org ": false, "ada": true, "lunch @ four": true, "@": true,
	} {
		if err := checkName(name, false); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
