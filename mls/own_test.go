// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
)

// TestVerifyOwn: a copy of our state is recognised by its signature; who only
// claims our leaf is not believed.
func TestVerifyOwn(t *testing.T) {
	party := newParty(t, 3)
	g := party[0].g
	theirs := seal(t, party[1], "theirs")
	used := seal(t, party[0], "used")
	copied, err := UnmarshalGroup(g.Marshal(), party[0].signer)
	if err != nil {
		t.Fatal(err)
	}
	insider, err := UnmarshalGroup(party[2].g.Marshal(), party[2].signer)
	if err != nil {
		t.Fatal(err)
	}
	insider.own = 0
	sealAs := func(g *Group) []byte {
		msg, _, err := g.Seal(rand.Reader, []byte("x"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	sealAs(insider) // generation 0 is used up
	commit, _, _, err := copied.Commit(rand.Reader, CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := g.Marshal()
	for name, x := range map[string]struct {
		msg  []byte
		want error
	}{
		"message of a copy":        {sealAs(copied), nil},
		"commit of a copy":         {commit, nil},
		"insider under our leaf":   {sealAs(insider), ErrSignature},
		"somebody else's":          {theirs, ErrUnknownSender},
		"a generation of our past": {used, ErrReplay},
		"no message":               {[]byte("x"), ErrMalformed},
	} {
		if err := g.VerifyOwn(x.msg); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(before, g.Marshal()) {
		t.Error("the state changed")
	}
}
