// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// cut splits text at drawn places: the same bytes, divided in different ways,
// are the pairs most likely to collide.
func cut(t *rapid.T, text []byte, name string) [][]byte {
	ends := rapid.SliceOfN(rapid.IntRange(0, len(text)), 1, 5).Draw(t, name)
	slices.Sort(ends)
	parts := make([][]byte, 0, len(ends)+1)
	from := 0
	for _, to := range ends {
		parts = append(parts, text[from:to])
		from = to
	}
	return append(parts, text[from:])
}

func TestToSignIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.ByteRange(0, 2), 0, 24).Draw(t, "text")
		a, b := cut(t, text, "a"), cut(t, text, "b")
		same := slices.EqualFunc(a, b, bytes.Equal)
		signedA := ToSign(string(a[0]), string(a[1]), a[2:]...)
		signedB := ToSign(string(b[0]), string(b[1]), b[2:]...)
		if bytes.Equal(signedA, signedB) != same {
			t.Fatalf("%q and %q sign as %x and %x", a, b, signedA, signedB)
		}
	})
}

// TestToSignCutsNothing would fail if a long or odd part ended what is signed.
func TestToSignCutsNothing(t *testing.T) {
	long := bytes.Repeat([]byte{'h'}, MaxFrame+1)
	for _, host := range []string{"h", string(long), "\xff"} {
		if bytes.Equal(ToSign("p", host, long, []byte("a")), ToSign("p", host, long, []byte("b"))) {
			t.Errorf("with a host of %d bytes, what follows is not signed", len(host))
		}
	}
	want := "\x00\x00\x00\x00\x00\x00\x00\x01p\x00\x00\x00\x00\x00\x00\x00\x02ho\x00\x00\x00\x00\x00\x00\x00\x00"
	if got := ToSign("p", "ho", nil); string(got) != want {
		t.Errorf("signed bytes are %q, want %q", got, want)
	}
}

func TestSignedBytesDiffer(t *testing.T) {
	one, two := [32]byte{1}, [32]byte{2}
	register := &Register{Chain: [][]byte{[]byte("entry")}}
	signIn, recover := &SignIn{Name: "ada"}, &SignIn{Name: "ada", Recovery: true}
	holdings, later := &Holdings{Account: "ada@h", At: 1}, &Holdings{Account: "ada@h", At: 2}
	seen := map[string]string{}
	for name, b := range map[string][]byte{
		"register":                   register.SignedBytes("h", one),
		"register, other challenge":  register.SignedBytes("h", two),
		"register, other host":       register.SignedBytes("i", one),
		"register, other chain":      (&Register{}).SignedBytes("h", one),
		"sign in":                    signIn.SignedBytes("h", one),
		"sign in, other challenge":   signIn.SignedBytes("h", two),
		"sign in, other host":        signIn.SignedBytes("i", one),
		"sign in, other name":        (&SignIn{Name: "eve"}).SignedBytes("h", one),
		"sign in by recovery":        recover.SignedBytes("h", one),
		"holdings":                   holdings.SignedBytes("h"),
		"holdings, other host":       holdings.SignedBytes("i"),
		"holdings at another second": later.SignedBytes("h"),
	} {
		if other, twice := seen[string(b)]; twice {
			t.Errorf("%q and %q sign the same bytes", name, other)
		}
		seen[string(b)] = name
	}
}
