// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"crypto/sha256"
	"testing"
	"time"

	"clarion.chat/clarion/wire"
)

// TestInviteCap: an inbox holds at most DefaultInvites that can still be used; used
// and expired ones, which are remembered longer, do not count.
func TestInviteCap(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now})
	a := newAccount("ada")
	pass := random32[wire.Pass]()
	a.InboxPass = pass.Hash()
	if err := s.Register(a); err != nil {
		t.Fatal(err)
	}
	put := func(days uint8) (token [32]byte, err error) {
		token = random32[[32]byte]()
		return token, s.PutInvite(&wire.PutInvite{Inbox: a.Inbox, Pass: pass, TokenHash: sha256.Sum256(token[:]), Days: days})
	}
	full := func() {
		t.Helper()
		_, err := put(30)
		wantCode(t, err, wire.CodeRateLimited)
	}
	var tokens [DefaultInvites][32]byte
	for i := range tokens {
		var err error
		if tokens[i], err = put(uint8(1 + i%2)); err != nil {
			t.Fatal(i, err)
		}
	}
	full()
	// What is there already may be laid again.
	err := s.PutInvite(&wire.PutInvite{Inbox: a.Inbox, Pass: pass, TokenHash: sha256.Sum256(tokens[7][:]), Days: 30})
	if err != nil {
		t.Fatalf("the same again: %v", err)
	}

	answer := make(chan error, 1)
	use := &wire.Introduce{Inbox: a.Inbox, ID: random16(), Invite: tokens[1], Body: body("hello")}
	s.Introduce(use, func(_ wire.Seq, err error) { answer <- err })
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	if _, err := put(30); err != nil {
		t.Fatalf("a used invite counts: %v", err)
	}
	full()
	clock.forward(26 * time.Hour) // those of one day are over
	for range DefaultInvites / 2 {
		if _, err := put(30); err != nil {
			t.Fatalf("an expired invite counts: %v", err)
		}
	}
	full()
	// The expired and the used one are still told apart.
	for token, code := range map[[32]byte]wire.Code{tokens[0]: wire.CodeInviteExpired, tokens[1]: wire.CodeInviteUsed} {
		again := &wire.Introduce{Inbox: a.Inbox, ID: random16(), Invite: token, Body: body("late")}
		s.Introduce(again, func(_ wire.Seq, err error) { answer <- err })
		wantCode(t, <-answer, code)
	}
}

// TestInboxCap: an inbox that is full takes what spends an invite and nothing
// else, and has room again when what it holds is past its limit.
func TestInboxCap(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now, Bounds: Bounds{Introductions: 4, IntroductionBytes: 3000}})
	a := newAccount("ada")
	pass := random32[wire.Pass]()
	a.InboxPass = pass.Hash()
	if err := s.Register(a); err != nil {
		t.Fatal(err)
	}
	token := random32[[32]byte]()
	err := s.PutInvite(&wire.PutInvite{Inbox: a.Inbox, Pass: pass, TokenHash: sha256.Sum256(token[:]), Days: 30})
	if err != nil {
		t.Fatal(err)
	}
	introduce := func(size int, invite [32]byte) error {
		answer := make(chan error, 1)
		s.Introduce(&wire.Introduce{Inbox: a.Inbox, ID: random16(), Invite: invite, Body: make([]byte, size)},
			func(_ wire.Seq, err error) { answer <- err })
		return <-answer
	}
	none := [32]byte{}
	if err := introduce(2048, none); err != nil {
		t.Fatal(err)
	}
	wantCode(t, introduce(1024, none), wire.CodeInboxFull) // 3072 bytes
	if err := introduce(512, none); err != nil {
		t.Fatal(err)
	}
	wantCode(t, introduce(512, none), wire.CodeInboxFull)
	if err := introduce(4096, token); err != nil {
		t.Fatalf("an invite does not open a full inbox: %v", err)
	}
	wantCode(t, introduce(512, token), wire.CodeInviteUsed)
	wantCode(t, introduce(512, random32[[32]byte]()), wire.CodeInviteInvalid)

	clock.forward(31 * 24 * time.Hour)
	if _, err := s.Purge(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := introduce(512, none); err != nil {
			t.Fatal(i, err)
		}
	}
	wantCode(t, introduce(512, none), wire.CodeInboxFull)
}
