// SPDX-License-Identifier: AGPL-3.0-or-later

// Package interop lets our MLS engine and an independent one be members of
// the same groups. It is a module of its own, so that the peer is nobody's
// dependency but this test's.
package interop

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strconv"
	"testing"
	"time"

	"clarion.chat/clarion/mls"
	peer "github.com/thomas-vilte/mls-go"
	"github.com/thomas-vilte/mls-go/ciphersuite"
)

const exportLabel = "interop"

// member is one party of a group, whichever engine it runs.
type member interface {
	keyPackage(*testing.T) []byte
	join(*testing.T, []byte)
	invite(t *testing.T, kp []byte) (commit, welcome []byte)
	remove(t *testing.T, name string) []byte
	update(*testing.T) []byte
	process(t *testing.T, commit []byte)
	seal(*testing.T, string) []byte
	open(t *testing.T, msg []byte) string
	state(*testing.T) (epoch uint64, authenticator, export []byte)
}

type ours struct {
	name   string
	signer ed25519.PrivateKey
	priv   *mls.KeyPackagePrivate
	g      *mls.Group
}

func now() uint64 { return uint64(time.Now().Unix()) }

func accept(mls.Member) error { return nil }

func newOurs(t *testing.T, name string) *ours {
	_, signer, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	return &ours{name: name, signer: signer}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (o *ours) keyPackage(t *testing.T) []byte {
	kp, priv, err := mls.NewKeyPackage(rand.Reader, o.signer, []byte(o.name), now()-3600, now()+86400, false)
	check(t, err)
	o.priv = priv
	return kp
}

func (o *ours) join(t *testing.T, welcome []byte) {
	g, err := mls.Join(welcome, o.priv, o.signer, now(), accept)
	check(t, err)
	o.g = g
}

func (o *ours) commit(t *testing.T, c mls.CommitOptions) (commit, welcome []byte) {
	c.Now, c.Validate = now(), accept
	commit, welcome, next, err := o.g.Commit(rand.Reader, c)
	check(t, err)
	o.g = next
	return commit, welcome
}

func (o *ours) invite(t *testing.T, kp []byte) (commit, welcome []byte) {
	return o.commit(t, mls.CommitOptions{Add: [][]byte{kp}})
}

func (o *ours) remove(t *testing.T, name string) []byte {
	for _, m := range o.g.Members() {
		if string(m.Credential) == name {
			commit, _ := o.commit(t, mls.CommitOptions{Remove: []mls.LeafIndex{m.Leaf}})
			return commit
		}
	}
	t.Fatalf("no member %s", name)
	return nil
}

func (o *ours) update(t *testing.T) []byte {
	// Not padded: the peer cannot read handshake messages with padding
	// (RFC 9420 §6.3.1 allows any amount).
	commit, _ := o.commit(t, mls.CommitOptions{})
	return commit
}

func (o *ours) process(t *testing.T, commit []byte) {
	next, _, err := o.g.ProcessCommit(commit, now(), accept)
	check(t, err)
	o.g = next
}

func (o *ours) seal(t *testing.T, text string) []byte {
	msg, _, err := o.g.Seal(rand.Reader, []byte(text), nil, func(n int) int { return (n + 511) / 512 * 512 })
	check(t, err)
	return msg
}

func (o *ours) open(t *testing.T, msg []byte) string {
	m, err := o.g.Open(msg)
	check(t, err)
	return string(m.Plaintext)
}

func (o *ours) state(*testing.T) (uint64, []byte, []byte) {
	return o.g.Epoch(), o.g.EpochAuthenticator(), o.g.Export(exportLabel, []byte("context"), 48)
}

type theirs struct {
	c  *peer.Client
	id []byte
}

var ctx = context.Background()

func newTheirs(t *testing.T, name string) *theirs {
	c, err := peer.NewClient([]byte(name), ciphersuite.MLS128DHKEMX25519)
	check(t, err)
	return &theirs{c: c}
}

func (p *theirs) keyPackage(t *testing.T) []byte {
	kp, err := p.c.FreshKeyPackageBytes(ctx)
	check(t, err)
	return append(bytes.Clone(keyPackageHeader), kp...)
}

// keyPackageHeader makes an MLSMessage of a key package. The peer takes and
// gives key packages without it.
var keyPackageHeader = []byte{0, 1, 0, 5}

func (p *theirs) join(t *testing.T, welcome []byte) {
	id, err := p.c.JoinGroup(ctx, welcome)
	check(t, err)
	p.id = id
}

func (p *theirs) invite(t *testing.T, kp []byte) (commit, welcome []byte) {
	commit, welcome, err := p.c.InviteMember(ctx, p.id, bytes.TrimPrefix(kp, keyPackageHeader))
	check(t, err)
	return commit, welcome
}

func (p *theirs) remove(t *testing.T, name string) []byte {
	commit, err := p.c.RemoveMember(ctx, p.id, []byte(name))
	check(t, err)
	return commit
}

func (p *theirs) update(t *testing.T) []byte {
	// Not SelfUpdate: see TestTheirSelfUpdateRefused.
	commit, _, err := p.c.CommitPendingProposals(ctx, p.id)
	check(t, err)
	return commit
}

func (p *theirs) process(t *testing.T, commit []byte) {
	check(t, p.c.ProcessCommit(ctx, p.id, commit))
}

func (p *theirs) seal(t *testing.T, text string) []byte {
	msg, err := p.c.SendMessage(ctx, p.id, []byte(text))
	check(t, err)
	return msg
}

func (p *theirs) open(t *testing.T, msg []byte) string {
	m, err := p.c.ReceiveMessage(ctx, p.id, msg)
	check(t, err)
	return string(m.Plaintext)
}

func (p *theirs) state(t *testing.T) (uint64, []byte, []byte) {
	epoch, err := p.c.Epoch(ctx, p.id)
	check(t, err)
	auth, err := p.c.EpochAuthenticator(ctx, p.id)
	check(t, err)
	export, err := p.c.Export(ctx, p.id, exportLabel, []byte("context"), 48)
	check(t, err)
	return epoch, auth, export
}

// settle checks that all are in one epoch and read each other.
func settle(t *testing.T, party []member) {
	t.Helper()
	epoch, auth, export := party[0].state(t)
	for i, m := range party[1:] {
		e, a, x := m.state(t)
		if e != epoch || !bytes.Equal(a, auth) || !bytes.Equal(x, export) {
			t.Fatalf("member %d disagrees: epoch %d and %d", i+1, e, epoch)
		}
	}
	for i, from := range party {
		text := "from " + strconv.Itoa(i)
		msg := from.seal(t, text)
		for j, to := range party {
			if i != j && to.open(t, msg) != text {
				t.Fatalf("%d reads %d wrongly", j, i)
			}
		}
	}
}

// run lets both engines do everything in turn in one group.
func run(t *testing.T, party []member, newcomer func(string) member) {
	settle(t, party)
	spread := func(from member, commit []byte) {
		for _, m := range party {
			if m != from {
				m.process(t, commit)
			}
		}
	}
	for round := range 4 {
		inviter := party[round%len(party)]
		n := newcomer("n" + strconv.Itoa(round))
		commit, welcome := inviter.invite(t, n.keyPackage(t))
		spread(inviter, commit)
		n.join(t, welcome)
		party = append(party, n)
		settle(t, party)
		for _, m := range party {
			spread(m, m.update(t))
		}
		settle(t, party)
	}
	// Each engine removes one of those who came.
	for i := range 2 {
		party = append(party[:2:2], party[3:]...)
		spread(party[i], party[i].remove(t, "n"+strconv.Itoa(i)))
		settle(t, party)
	}
}

func alternate(t *testing.T) func(string) member {
	n := 0
	return func(name string) member {
		if n++; n%2 == 0 {
			return newOurs(t, name)
		}
		return newTheirs(t, name)
	}
}

func TestTheirsJoinOurs(t *testing.T) {
	a, b := newOurs(t, "a"), newTheirs(t, "b")
	g, err := mls.Create(rand.Reader, []byte("interop group"), a.signer, []byte("a"), now()-3600, now()+86400)
	check(t, err)
	a.g = g
	_, welcome := a.invite(t, b.keyPackage(t))
	b.join(t, welcome)
	run(t, []member{a, b}, alternate(t))
}

func TestOursJoinTheirs(t *testing.T) {
	a, b := newTheirs(t, "a"), newOurs(t, "b")
	id, err := a.c.CreateGroup(ctx)
	check(t, err)
	a.id = id
	_, welcome := a.invite(t, b.keyPackage(t))
	b.join(t, welcome)
	run(t, []member{a, b}, alternate(t))
}

// TestTheirSelfUpdateRefused: the peer's SelfUpdate commits an Update proposal
// of its own, which RFC 9420 §12.2 forbids; we refuse it and stay as we were.
func TestTheirSelfUpdateRefused(t *testing.T) {
	a, b := newTheirs(t, "a"), newOurs(t, "b")
	id, err := a.c.CreateGroup(ctx)
	check(t, err)
	a.id = id
	_, welcome := a.invite(t, b.keyPackage(t))
	b.join(t, welcome)
	commit, err := a.c.SelfUpdate(ctx, a.id)
	check(t, err)
	before := b.g.Marshal()
	if _, _, err := b.g.ProcessCommit(commit, now(), accept); !errors.Is(err, mls.ErrInvalidCommit) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("the state changed")
	}
}
