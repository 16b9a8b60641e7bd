// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseHandle(t *testing.T) {
	long := strings.Repeat("a", MaxName)
	for text, want := range map[string]Handle{
		"ada@example.org":      {"ada", "example.org"},
		"ada@example.org:8443": {"ada", "example.org:8443"},
		"ada@[::1]:8440":       {"ada", "[::1]:8440"},
		"ada@localhost:8440":   {"ada", "localhost:8440"},
		"a":                    {"a", "home.example"},
		"o.m-a_r1":             {"o.m-a_r1", "home.example"},
		long:                   {long, "home.example"},
	} {
		got, err := ParseHandle(text, "home.example")
		if err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "@example.org", "ada@", "Ada@example.org", "ada@Example.org", "1ada@example.org", ".ada@example.org",
		"a da@example.org", "ada@exa mple.org", "ada@b@c", "äda@example.org", "ada\x00@example.org", "ada@example.org\n",
		long + "a@example.org", "ada@" + strings.Repeat("a", MaxHost+1), "ada@example.org/x", "ada@example.org#x",
	} {
		if got, err := ParseHandle(text, "home.example"); !errors.Is(err, ErrHandle) {
			t.Errorf("%q is taken as %v (%v)", text, got, err)
		}
	}
	if _, err := ParseHandle("ada", ""); !errors.Is(err, ErrHandle) {
		t.Errorf("a bare name with no home gives %v", err)
	}
}

func TestHandleRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Handle{
			Name: rapid.StringMatching(`[a-z][a-z0-9._-]{0,31}`).Draw(t, "name"),
			Host: rapid.StringMatching(`[a-z0-9.-]{1,40}(:[0-9]{1,5})?`).Draw(t, "host"),
		}
		if got, err := ParseHandle(h.String(), "other"); err != nil || got != h {
			t.Fatalf("%q reads as %v (%v)", h.String(), got, err)
		}
		var got Handle
		if err := Unmarshal(MustMarshal(&h), &got); err != nil || got != h {
			t.Fatalf("%v decodes as %v (%v)", h, got, err)
		}
	})
}

func TestHandleDecoderRefuses(t *testing.T) {
	for _, h := range []Handle{{"Ada", "example.org"}, {"", "example.org"}, {"ada", ""}, {"ada", "a b"}, {"ada@x", "y"}} {
		if _, err := Marshal(&h); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v is written (%v)", h, err)
		}
		c := Coder{}
		c.String(&h.Name, MaxName)
		c.String(&h.Host, MaxHost)
		var got Handle
		if err := Unmarshal(c.buf, &got); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v is read (%v)", h, err)
		}
	}
}

func TestPassHash(t *testing.T) {
	p := Pass{1, 2, 3}
	if p.Hash() != PassHash(sha256.Sum256(p[:])) {
		t.Error("a pass's hash is not its SHA-256")
	}
}
