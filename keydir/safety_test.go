// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"slices"
	"strings"
	"testing"

	"clarion.chat/clarion/wire"
	"pgregory.net/rapid"
)

func member(name string, first byte) Member {
	return Member{wire.Handle{Name: name, Host: testHost}, [32]byte{first}}
}

// TestSafetyCodeKept holds the code to what earlier builds showed: two people
// with different builds compare it, so it must never change.
func TestSafetyCodeKept(t *testing.T) {
	const want = "781497172445948633434334506342390669519598759011734358525300"
	if got := SafetyCode([]Member{member("ada", 1), member("omar", 2)}); got != want {
		t.Errorf("the code of Ada and Omar is %s, was %s", got, want)
	}
}

func TestSafetyCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Member {
			return member(rapid.StringMatching(`[a-z][a-z0-9]{0,3}`).Draw(t, "name"), rapid.Byte().Draw(t, "key"))
		}), 1, 40).Draw(t, "members")
		code := SafetyCode(members)
		if len(code) != 60 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("the code is %q", code)
		}
		other := rapid.Permutation(members).Draw(t, "order")
		if got := SafetyCode(append(other, other[0])); got != code {
			t.Fatal("order or a member named twice changes the code")
		}
		changed := slices.Clone(members)
		at := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
		for i := range changed {
			if changed[i] == members[at] && i != at {
				return // the other copy keeps the old key in the code
			}
		}
		changed[at].IdentityKey[31]++
		if SafetyCode(changed) == code {
			t.Fatal("another key leaves the code as it was")
		}
	})
}

// TestSafetyCodeBorders moves bytes from one field to its neighbour.
func TestSafetyCodeBorders(t *testing.T) {
	a := Member{wire.Handle{Name: "ada", Host: "x"}, [32]byte{}}
	for name, pair := range map[string][2][]Member{
		"name and host": {{a}, {{wire.Handle{Name: "ad", Host: "a@x"}, [32]byte{}}}},
		"a member less": {{a, member("omar", 1)}, {a}},
		"nobody":        {{a}, nil},
	} {
		if SafetyCode(pair[0]) == SafetyCode(pair[1]) {
			t.Errorf("%s: equal codes", name)
		}
	}
}
