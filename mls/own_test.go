// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
)

// TestSkipCommits: generations that are passed over are used by no commit, and
// a commit that a copy made under one of them is still known as ours.
func TestSkipCommits(t *testing.T) {
	party := newParty(t, 2)
	g := party[0].g
	copied, err := UnmarshalGroup(g.Marshal(), party[0].signer)
	if err != nil {
		t.Fatal(err)
	}
	forgotten, _, _, err := copied.Commit(rand.Reader, CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SkipCommits(MaxForward + 1); !errors.Is(err, ErrFarGeneration) {
		t.Errorf("too far: %v", err)
	}
	for _, to := range []uint32{MaxForward, 3} { // the second goes nowhere
		if err := g.SkipCommits(to); err != nil || g.NextCommitGeneration() != MaxForward {
			t.Fatalf("to %d: next is %d (%v)", to, g.NextCommitGeneration(), err)
		}
	}
	if g, err = UnmarshalGroup(g.Marshal(), party[0].signer); err != nil {
		t.Fatal(err)
	}
	if err := g.VerifyOwn(forgotten); err != nil {
		t.Errorf("what a copy made: %v", err)
	}
	commit, _, _, err := g.Commit(rand.Reader, CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := g.Peek(commit); err != nil || s.Generation != MaxForward {
		t.Errorf("the commit uses generation %d (%v)", s.Generation, err)
	}
	if _, _, err := party[1].g.ProcessCommit(commit, AnyTime, accept); err != nil {
		t.Errorf("the other member: %v", err)
	}
}

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
