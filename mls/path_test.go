// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
)

// spoiltPath makes a commit with nothing but a path, in which f may change the
// secrets before they are encrypted and the path after.
func spoiltPath(t *testing.T, d *device, secrets func(*pathKeys), path func(*updatePath)) []byte {
	t.Helper()
	n := d.g.successor()
	change := newLeaf{identity: n.tree.leaves[n.own].identity, signer: d.signer}
	up, pk, err := n.tree.refreshPath(rand.Reader, n.context.groupID, n.own, change, n.priv)
	if err != nil {
		t.Fatal(err)
	}
	secrets(pk)
	n.context.treeHash = n.tree.hash()
	if err := n.tree.encryptPath(up, pk, n.own, marshal(&n.context), nil); err != nil {
		t.Fatal(err)
	}
	leaf := *up.leaf
	up.leaf = &leaf
	path(up)
	return rawCommit(d, &commit{path: up})
}

// TestPathVerified: each rule of RFC 9420 §12.4.2 for the path, by itself. A
// path without fault gets as far as the confirmation tag, which is not right.
func TestPathVerified(t *testing.T) {
	party := newParty(t, 5)
	a, b := party[0], party[1]
	sign := func(l *leafNode) { l.sign(a.signer, a.g.context.groupID, 0) }
	before := b.g.Marshal()
	for name, x := range map[string]struct {
		secrets func(*pathKeys)
		path    func(*updatePath)
		want    error
	}{
		"nothing": {want: ErrTag},
		"leaf signature": {path: func(u *updatePath) {
			u.leaf.signature = bytes.Clone(u.leaf.signature)
			u.leaf.signature[5] ^= 1
		}, want: ErrSignature},
		"leaf signed for another group": {path: func(u *updatePath) { u.leaf.sign(a.signer, []byte("other"), 0) }, want: ErrSignature},
		"leaf signed for another place": {path: func(u *updatePath) { u.leaf.sign(a.signer, a.g.context.groupID, 1) }, want: ErrSignature},
		"parent hash": {path: func(u *updatePath) {
			u.leaf.parentHash = make([]byte, secretSize)
			sign(u.leaf)
		}, want: ErrInvalidCommit},
		"leaf key unchanged": {path: func(u *updatePath) {
			u.leaf.encryptionKey = a.g.tree.leaves[0].encryptionKey
			sign(u.leaf)
		}, want: ErrInvalidCommit},
		"leaf key of another": {path: func(u *updatePath) {
			u.leaf.encryptionKey = a.g.tree.leaves[3].encryptionKey
			sign(u.leaf)
		}, want: ErrInvalidTree},
		"leaf source": {path: func(u *updatePath) {
			u.leaf.source = sourceUpdate
			sign(u.leaf)
		}, want: ErrInvalidCommit},
		"capabilities": {path: func(u *updatePath) {
			u.leaf.caps.suites = nil
			sign(u.leaf)
		}, want: ErrInvalidLeaf},
		"node missing":         {path: func(u *updatePath) { u.nodes = u.nodes[1:] }, want: ErrInvalidCommit},
		"another's secret":     {secrets: func(p *pathKeys) { p.secrets[0][0] ^= 1 }, want: ErrInvalidCommit},
		"ciphertext missing":   {path: func(u *updatePath) { u.nodes[0].ciphertexts = nil }, want: ErrInvalidCommit},
		"ciphertext corrupted": {path: func(u *updatePath) { u.nodes[0].ciphertexts[0].ciphertext[3] ^= 1 }, want: ErrDecrypt},
		"KEM output cut":       {path: func(u *updatePath) { u.nodes[0].ciphertexts[0].kemOutput = nil }, want: ErrDecrypt},
	} {
		if x.secrets == nil {
			x.secrets = func(*pathKeys) {}
		}
		if x.path == nil {
			x.path = func(*updatePath) {}
		}
		msg := spoiltPath(t, a, x.secrets, x.path)
		if n, _, err := b.g.ProcessCommit(msg, testNow, accept); !errors.Is(err, x.want) || n != nil {
			t.Errorf("%s: got %v, want %v", name, err, x.want)
		}
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("the state changed")
	}
}

// TestUpdateVerified: an Update proposal carries a leaf that has to stand by
// itself.
func TestUpdateVerified(t *testing.T) {
	party := newParty(t, 4)
	a, b, c := party[0], party[1], party[2]
	for name, x := range map[string]struct {
		f    func(*leafNode)
		want error
	}{
		"nothing":        {func(*leafNode) {}, ErrInvalidCommit}, // there is no path
		"leaf signature": {func(l *leafNode) { l.signature = make([]byte, 64) }, ErrSignature},
	} {
		leaf := *c.g.tree.leaves[2]
		leaf.source, leaf.parentHash = sourceUpdate, nil
		_, leaf.encryptionKey, _ = newKeyPair(rand.Reader)
		leaf.sign(c.signer, c.g.context.groupID, 2)
		x.f(&leaf)
		if err := b.g.ProcessProposal(propose(t, c, &proposal{kind: proposalUpdate, update: &leaf}, true)); err != nil {
			t.Fatal(err)
		}
		ref := b.g.pending[len(b.g.pending)-1].ref
		msg := rawCommit(a, &commit{proposals: []proposalOrRef{{ref: ref}}})
		if _, _, err := b.g.ProcessCommit(msg, testNow, accept); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPublicMessageVerified: tag and signature, each alone, and our own leaf.
func TestPublicMessageVerified(t *testing.T) {
	party := newParty(t, 3)
	a, b := party[0], party[1]
	remove := &proposal{kind: proposalRemove, remove: 2}
	build := func(sender LeafIndex, f func(*publicMessage)) []byte {
		m := &publicMessage{}
		m.wire, m.content = wirePublic, a.g.content(ContentProposal, nil)
		m.content.proposal, m.content.sender = remove, uint32(sender)
		context := marshal(&a.g.context)
		m.sign(party[sender].signer, context)
		m.membership = m.membershipTag(&a.g.secrets.membership, context)
		f(m)
		return marshal(framed{wirePublic, m})
	}
	before := b.g.Marshal()
	for name, x := range map[string]struct {
		msg  []byte
		want error
	}{
		"tag": {build(0, func(m *publicMessage) { m.membership[0] ^= 1 }), ErrTag},
		"signed by another": {build(0, func(m *publicMessage) {
			m.sign(party[2].signer, marshal(&a.g.context))
			m.membership = m.membershipTag(&a.g.secrets.membership, marshal(&a.g.context))
		}), ErrSignature},
		"from our own leaf":  {build(1, func(*publicMessage) {}), ErrOwnMessage},
		"from nobody":        {build(0, func(m *publicMessage) { m.content.sender = 3 }), ErrUnknownSender},
		"from outside":       {build(0, func(m *publicMessage) { m.content.senderType = senderExternal }), ErrUnsupported},
		"of another group":   {build(0, func(m *publicMessage) { m.content.groupID = []byte("other") }), ErrWrongGroup},
		"of an earlier time": {build(0, func(m *publicMessage) { m.content.epoch-- }), ErrOldEpoch},
		"of a later time":    {build(0, func(m *publicMessage) { m.content.epoch++ }), ErrFutureEpoch},
	} {
		if err := b.g.ProcessProposal(x.msg); !errors.Is(err, x.want) {
			t.Errorf("%s: got %v, want %v", name, err, x.want)
		}
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("the state changed")
	}
	if err := b.g.ProcessProposal(build(0, func(*publicMessage) {})); err != nil {
		t.Error(err)
	}
}

// TestTreeKeysUnique: no key twice in a tree, each leaf rightly signed.
func TestTreeKeysUnique(t *testing.T) {
	party := newParty(t, 5)
	for name, f := range map[string]func(l *leafNode, tree *ratchetTree) int{
		"encryption key": func(l *leafNode, tree *ratchetTree) int { l.encryptionKey = tree.leaves[4].encryptionKey; return 3 },
		"signature key":  func(l *leafNode, tree *ratchetTree) int { l.signatureKey = tree.leaves[4].signatureKey; return 4 },
	} {
		tree := party[0].g.tree.clone()
		clear(tree.parents)
		clear(tree.hashes)
		if err := tree.verify([]byte("group"), nil); err != nil {
			t.Fatal(err)
		}
		l := *tree.leaves[3]
		signer := f(&l, tree)
		l.sign(party[signer].signer, []byte("group"), 3)
		tree.setLeaf(3, &l)
		if err := tree.verify([]byte("group"), nil); !errors.Is(err, ErrInvalidTree) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
