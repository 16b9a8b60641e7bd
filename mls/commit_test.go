// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
)

// TestCommitLeavesStateForRival: a commit of ours that loses is given up and
// the rival's processed from the same state.
func TestCommitLeavesStateForRival(t *testing.T) {
	party := newParty(t, 3)
	mine, _, lost, err := party[0].g.Commit(rand.Reader, CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if party[0].g.Epoch()+1 != lost.Epoch() {
		t.Fatal("wrong epoch")
	}
	commitAll(t, party, 1, CommitOptions{})
	agree(t, party)
	if bytes.Equal(lost.EpochAuthenticator(), party[0].g.EpochAuthenticator()) {
		t.Error("two commits, one epoch")
	}
	if _, _, err := party[2].g.ProcessCommit(mine, testNow, accept); !errors.Is(err, ErrOldEpoch) {
		t.Errorf("the loser's commit: %v", err)
	}
}

// TestCommitGenerationNotReused: a retry, also after a restart, takes another
// key of the handshake ratchet.
func TestCommitGenerationNotReused(t *testing.T) {
	party := newParty(t, 2)
	for want := range uint32(4) {
		if got := party[0].g.NextCommitGeneration(); got != want {
			t.Fatalf("next generation %d, want %d", got, want)
		}
		msg, _, _, err := party[0].g.Commit(rand.Reader, CommitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := party[1].g.Peek(msg)
		if err != nil || s.Generation != want || s.Leaf != 0 || s.ContentType != ContentCommit {
			t.Fatalf("%+v, %v; want generation %d", s, err, want)
		}
		party[0].restore(t)
	}
}

// TestOwnMessages: what comes back is recognised and not opened.
func TestOwnMessages(t *testing.T) {
	party := newParty(t, 2)
	g := party[0].g
	for want := range uint32(3) {
		if g.NextGeneration() != want {
			t.Fatalf("next generation %d, want %d", g.NextGeneration(), want)
		}
		msg, gen, err := g.Seal(rand.Reader, []byte("x"), nil, nil)
		if err != nil || gen != want {
			t.Fatalf("generation %d, %v", gen, err)
		}
		s, err := g.Peek(msg)
		if err != nil || s != (Sender{0, want, ContentApplication}) {
			t.Fatalf("%+v, %v", s, err)
		}
		if _, err := g.Open(msg); !errors.Is(err, ErrOwnMessage) {
			t.Errorf("own message: %v", err)
		}
		id, epoch, kind, err := MessageEpoch(msg)
		if err != nil || string(id) != "group" || epoch != g.Epoch() || kind != ContentApplication {
			t.Errorf("%s %d %d %v", id, epoch, kind, err)
		}
	}
	msg, _, _, err := g.Commit(rand.Reader, CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.ProcessCommit(msg, testNow, accept); !errors.Is(err, ErrOwnMessage) {
		t.Errorf("own commit: %v", err)
	}
}

// refusal is something that must fail with err.
type refusal struct {
	err error
	f   func() error
}

// refusals lists what member 1 has to refuse, given a commit and a message of
// member 0 and a key package of somebody new.
func refusals(party []*device, msg, app, kp []byte) []refusal {
	b := party[1]
	refused := errors.New("refused")
	return []refusal{
		{refused, func() error {
			_, _, err := b.g.ProcessCommit(msg, testNow, func(m Member) error {
				if string(m.Credential) == "new" {
					return refused
				}
				return nil
			})
			return err
		}},
		{refused, func() error { // the committer's own new leaf is asked about as well
			_, _, err := b.g.ProcessCommit(msg, testNow, func(m Member) error {
				if m.Leaf == 0 {
					return refused
				}
				return nil
			})
			return err
		}},
		{ErrNoValidate, func() error { _, _, err := b.g.ProcessCommit(msg, testNow, nil); return err }},
		{ErrLifetime, func() error { _, _, err := b.g.ProcessCommit(msg, testEnd+1, accept); return err }},
		{ErrLifetime, func() error { _, _, err := b.g.ProcessCommit(msg, testPast-1, accept); return err }},
		{ErrWrongContent, func() error { _, _, err := b.g.ProcessCommit(app, testNow, accept); return err }},
		{ErrWrongContent, func() error { _, err := b.g.Open(msg); return err }},
		{ErrWrongContent, func() error { _, err := b.g.Open(kp); return err }},
		{ErrWrongContent, func() error { return b.g.ProcessProposal(msg) }},
		{ErrInvalidCommit, func() error {
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Remove: []LeafIndex{1}})
			return err
		}},
		{ErrInvalidCommit, func() error {
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Remove: []LeafIndex{0, 0}})
			return err
		}},
		{ErrInvalidCommit, func() error {
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Remove: []LeafIndex{3}})
			return err
		}},
		{ErrInvalidCommit, func() error {
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Remove: []LeafIndex{1 << 31}})
			return err
		}},
		{ErrInvalidCommit, func() error { // the same package twice
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Add: [][]byte{kp, kp}, Now: testNow, Validate: accept})
			return err
		}},
		{ErrLifetime, func() error {
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Add: [][]byte{kp}, Now: testEnd + 1, Validate: accept})
			return err
		}},
		{ErrArgument, func() error {
			_, _, _, err := b.g.Commit(rand.Reader, CommitOptions{Signer: party[0].signer})
			return err
		}},
		{ErrTooLarge, func() error {
			_, _, err := b.g.Seal(rand.Reader, make([]byte, MaxMessage), nil, nil)
			return err
		}},
	}
}

// TestErrorsLeaveStateUnchanged: nothing that is refused leaves a trace.
func TestErrorsLeaveStateUnchanged(t *testing.T) {
	party := newParty(t, 3)
	kp, _ := newDevice(t, "new").keyPackage(t)
	msg, _, _, err := party[0].g.Commit(rand.Reader, CommitOptions{Add: [][]byte{kp}, Now: testNow, Validate: accept})
	if err != nil {
		t.Fatal(err)
	}
	app := seal(t, party[0], "app")
	b := party[1]
	before := b.g.Marshal()
	for i := 0; i < len(msg); i += 3 {
		bad := bytes.Clone(msg)
		bad[i] ^= 0x10
		if _, _, err := b.g.ProcessCommit(bad, testNow, accept); err == nil {
			t.Fatalf("octet %d changed and accepted", i)
		}
	}
	for _, x := range refusals(party, msg, app, kp) {
		if err := x.f(); !errors.Is(err, x.err) {
			t.Errorf("got %v, want %v", err, x.err)
		}
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("the state changed")
	}
	if n, ch, err := b.g.ProcessCommit(msg, testNow, accept); err != nil || n.Epoch() != b.g.Epoch()+1 ||
		len(ch.Added) != 1 || string(ch.Added[0].Credential) != "new" || ch.Added[0].Leaf != 3 {
		t.Errorf("the real commit: %+v, %v", ch, err)
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("processing changed the state")
	}
}

// TestRemovedMemberIsOut: it learns of its removal and reads nothing after it.
func TestRemovedMemberIsOut(t *testing.T) {
	party := newParty(t, 4)
	out := party[2]
	msg, _, next, err := party[0].g.Commit(rand.Reader, CommitOptions{Remove: []LeafIndex{2}})
	if err != nil {
		t.Fatal(err)
	}
	_, ch, err := out.g.ProcessCommit(msg, testNow, accept)
	if !errors.Is(err, ErrRemoved) || len(ch.Removed) != 1 || ch.Removed[0].Leaf != 2 || ch.Committer != 0 {
		t.Fatalf("%+v, %v", ch, err)
	}
	party[0].g = next
	after := seal(t, party[0], "after")
	if _, err := out.g.Open(after); !errors.Is(err, ErrFutureEpoch) {
		t.Errorf("after removal: %v", err)
	}
	// Nor by pretending to be in the new epoch.
	cheat := *out.g
	cheat.context = next.context
	if _, err := cheat.Open(after); !errors.Is(err, ErrDecrypt) {
		t.Errorf("with the old secrets: %v", err)
	}
	// And no ciphertext of the path is for a key it holds.
	a, _, err := party[1].g.openHandshake(msg, ContentCommit)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range a.content.commit.path.nodes {
		for _, c := range n.ciphertexts {
			for _, k := range out.g.priv {
				if _, err := decryptWithLabel(k, "UpdatePathNode", marshal(&next.context), c); err == nil {
					t.Error("a path secret opens with a removed member's key")
				}
			}
		}
	}
}

// TestRemoveAndAddAgain: the way back in one commit.
func TestRemoveAndAddAgain(t *testing.T) {
	party := newParty(t, 4)
	kp, priv := party[1].keyPackage(t)
	welcome := commitAll(t, party, 3, CommitOptions{Remove: []LeafIndex{1}, Add: [][]byte{kp}})
	if party[1].g != nil {
		t.Fatal("the old state went on")
	}
	refs, err := WelcomeRefs(welcome)
	if err != nil || len(refs) != 1 || !bytes.Equal(refs[0], priv.Ref()) {
		t.Fatalf("%x, %v", refs, err)
	}
	party[1].join(t, welcome, priv)
	agree(t, party)
	commitAll(t, party, 1, CommitOptions{})
	agree(t, party)
}

// TestNewCredential: a committer changes its own credential and signing key.
func TestNewCredential(t *testing.T) {
	party := newParty(t, 3)
	again := newDevice(t, "renewed")
	joiner := newDevice(t, "joiner")
	kp, priv := joiner.keyPackage(t)
	welcome := commitAll(t, party, 1, CommitOptions{Credential: []byte("renewed"), Signer: again.signer, Add: [][]byte{kp}})
	party[1].signer = again.signer
	joiner.join(t, welcome, priv)
	party = append(party, joiner)
	agree(t, party)
	party[1].restore(t)
	m, ok := party[0].g.Member(1)
	if !ok || string(m.Credential) != "renewed" || !bytes.Equal(m.SignatureKey, publicKey(again.signer)) {
		t.Fatalf("%+v", m)
	}
	open(t, party[0], seal(t, party[1], "x"), "x")
	commitAll(t, party, 1, CommitOptions{})
	agree(t, party)
}

// propose makes a proposal by itself, as another client may.
func propose(t *testing.T, d *device, p *proposal, private bool) []byte {
	t.Helper()
	c := d.g.content(ContentProposal, nil)
	c.proposal = p
	if !private {
		return d.g.sealPublic(c)
	}
	a := &authenticatedContent{wire: wirePrivate, content: c}
	a.sign(d.g.signer, marshal(&d.g.context))
	msg, _, err := d.g.sealPrivate(rand.Reader, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// rawCommit makes a commit of whatever it is told, valid or not, in public.
func rawCommit(d *device, c *commit) []byte {
	content := d.g.content(ContentCommit, nil)
	content.commit = c
	return d.g.sealPublic(content)
}

// TestInvalidCommitsRefused: the rules of RFC 9420 §12.2 and §12.4, one by one.
func TestInvalidCommitsRefused(t *testing.T) {
	party := newParty(t, 4)
	a, b := party[0], party[1]
	update := *a.g.tree.leaves[0]
	update.source = sourceUpdate
	value := func(p ...*proposal) []proposalOrRef {
		var out []proposalOrRef
		for _, x := range p {
			out = append(out, proposalOrRef{proposal: x})
		}
		return out
	}
	gce := &proposal{kind: proposalGroupContextExtensions}
	psk := &proposal{kind: proposalPSK, psk: PSKID{External: true, ID: []byte("k"), nonce: make([]byte, secretSize)}}
	kp, _ := newDevice(t, "late").keyPackage(t)
	k, err := ParseKeyPackage(kp)
	if err != nil {
		t.Fatal(err)
	}
	add := &proposal{kind: proposalAdd, add: k}
	up := &updatePath{leaf: &update}
	before := b.g.Marshal()
	for name, x := range map[string]struct {
		c    *commit
		want error
	}{
		"nothing and no path":         {&commit{}, ErrInvalidCommit},
		"remove without path":         {&commit{proposals: value(&proposal{kind: proposalRemove, remove: 2})}, ErrInvalidCommit},
		"committer updates itself":    {&commit{proposals: value(&proposal{kind: proposalUpdate, update: &update})}, ErrInvalidCommit},
		"committer removes itself":    {&commit{proposals: value(&proposal{kind: proposalRemove, remove: 0})}, ErrInvalidCommit},
		"same leaf twice":             {&commit{proposals: value(&proposal{kind: proposalRemove, remove: 2}, &proposal{kind: proposalRemove, remove: 2})}, ErrInvalidCommit},
		"nobody's leaf":               {&commit{proposals: value(&proposal{kind: proposalRemove, remove: 77})}, ErrInvalidCommit},
		"two context extensions":      {&commit{proposals: value(gce, gce)}, ErrInvalidCommit},
		"one key twice":               {&commit{proposals: value(psk, psk)}, ErrInvalidCommit},
		"unknown key":                 {&commit{proposals: value(psk)}, ErrUnknownPSK},
		"unknown reference":           {&commit{proposals: []proposalOrRef{{ref: make([]byte, 32)}}}, ErrUnknownProposal},
		"reinit":                      {&commit{proposals: value(&proposal{kind: proposalReInit})}, ErrUnsupported},
		"external init from a member": {&commit{proposals: value(&proposal{kind: proposalExternalInit})}, ErrUnsupported},
		"path too short":              {&commit{path: up}, ErrInvalidCommit},
		"unsupported extension":       {&commit{proposals: value(&proposal{kind: proposalGroupContextExtensions, extensions: []extension{{kind: 0xf00}}})}, ErrInvalidCommit},
		"wrong confirmation tag":      {&commit{proposals: value(add)}, ErrTag},
	} {
		if n, _, err := b.g.ProcessCommit(rawCommit(a, x.c), testNow, accept); !errors.Is(err, x.want) || n != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("the state changed")
	}
}

// TestProposalsByReference: proposals that came by themselves, in either
// framing, are kept over a restart and used by a commit.
func TestProposalsByReference(t *testing.T) {
	party := newParty(t, 4)
	for i, private := range []bool{true, false} {
		msg := propose(t, party[3-i], &proposal{kind: proposalRemove, remove: 0}, private)
		if err := party[1].g.ProcessProposal(msg); err != nil {
			t.Fatal(err)
		}
		if private {
			if err := party[1].g.ProcessProposal(msg); !errors.Is(err, ErrReplay) {
				t.Errorf("twice: %v", err)
			}
		}
		party[1].restore(t)
		if len(party[1].g.pending) != i+1 {
			t.Fatalf("%d proposals kept", len(party[1].g.pending))
		}
	}
	ref := party[1].g.pending[0].ref
	list, err := party[1].g.resolve(&commit{proposals: []proposalOrRef{{ref: ref}}}, 2)
	if err != nil || len(list) != 1 || list[0].kind != proposalRemove || list[0].sender != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	commitAll(t, party, 2, CommitOptions{})
	if len(party[1].g.pending) != 0 {
		t.Error("proposals outlive their epoch")
	}
}
