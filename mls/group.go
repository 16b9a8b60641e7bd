// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"io"
)

// Signer signs for one member. It is handed in anew with each stored state.
type Signer = ed25519.PrivateKey

// Group is the state of one member in one epoch of a group. It is not safe for
// concurrent use; whoever holds it owns it.
type Group struct {
	context groupContext
	tree    *ratchetTree
	own     LeafIndex
	signer  Signer
	priv    treeKeys
	secrets epochSecrets
	interim []byte // interim_transcript_hash
	keys    *secretTree
	pending []pendingProposal // received by themselves in this epoch
	encoded []byte            // the tree as Marshal writes it, the same all epoch
	gone    bool              // Forget was called
}

// pendingProposal waits for a commit that refers to it.
type pendingProposal struct {
	ref    []byte
	sender LeafIndex
	p      *proposal
}

// maxPending bounds the proposals kept per epoch.
const maxPending = 1024

// Create makes a group of one member. The lifetime, in seconds since 1970, is
// that of the creator's first leaf.
func Create(rand io.Reader, groupID []byte, signer ed25519.PrivateKey, credential []byte, notBefore, notAfter uint64) (*Group, error) {
	if len(signer) != ed25519.PrivateKeySize || len(credential) > maxSmall ||
		len(groupID) > maxSmall || notBefore > notAfter {
		return nil, ErrArgument
	}
	priv, pub, err := newKeyPair(rand)
	if err != nil {
		return nil, err
	}
	var epoch secret
	if _, err := io.ReadFull(rand, epoch[:]); err != nil {
		return nil, err
	}
	leaf := &leafNode{
		encryptionKey: pub,
		signatureKey:  publicKey(signer),
		identity:      bytes.Clone(credential),
		caps:          ownCapabilities(extLastResort),
		source:        sourceKeyPackage,
		notBefore:     notBefore,
		notAfter:      notAfter,
	}
	leaf.sign(signer, groupID, 0)
	g := &Group{
		context: groupContext{groupID: bytes.Clone(groupID)},
		tree:    newTree(1),
		signer:  bytes.Clone(signer),
		priv:    treeKeys{0: &priv},
	}
	g.tree.setLeaf(0, leaf)
	g.context.treeHash = g.tree.hash()
	// RFC 9420 §11: the first epoch's secret is random, the confirmed
	// transcript empty.
	g.enter(epoch)
	clear(epoch[:])
	g.interim = interimTranscript(nil, g.secrets.confirmationTag(nil))
	return g, nil
}

// enter derives everything of an epoch from its epoch secret.
func (g *Group) enter(epoch secret) {
	var encryption secret
	g.secrets, encryption = deriveFromEpoch(&epoch)
	g.keys = newSecretTree(g.tree.width(), encryption)
	clear(encryption[:])
}

// advance runs the key schedule into the epoch that g.context describes.
func (g *Group) advance(joiner, psk *secret) {
	epoch := epochSecret(joiner, psk, marshal(&g.context))
	g.enter(epoch)
	clear(epoch[:])
}

// successor is a copy of g to which a commit is applied. It shares nothing
// with g that either may change.
func (g *Group) successor() *Group {
	n := &Group{
		context: g.context,
		tree:    g.tree.clone(),
		own:     g.own,
		signer:  bytes.Clone(g.signer),
		priv:    g.priv.clone(),
	}
	n.context.epoch++
	return n
}

// checkHeader compares a message's group and epoch with ours.
func (g *Group) checkHeader(groupID []byte, epoch uint64) error {
	switch {
	case g.gone:
		return ErrForgotten
	case !bytes.Equal(groupID, g.context.groupID):
		return ErrWrongGroup
	case epoch < g.context.epoch:
		return ErrOldEpoch
	case epoch > g.context.epoch:
		return ErrFutureEpoch
	}
	return nil
}

// GroupID returns a copy of the group's id.
func (g *Group) GroupID() []byte { return bytes.Clone(g.context.groupID) }

// Epoch is the number of this epoch, from 0.
func (g *Group) Epoch() uint64 { return g.context.epoch }

// OwnLeaf is our place in the tree. It stays the same for as long as we are a
// member.
func (g *Group) OwnLeaf() LeafIndex { return g.own }

// Members lists all members by leaf, ourselves included.
func (g *Group) Members() []Member { return g.tree.members() }

// Member returns the member at a leaf.
func (g *Group) Member(i LeafIndex) (Member, bool) {
	l := g.tree.leafAt(i)
	if l == nil {
		return Member{}, false
	}
	return l.member(i), true
}

// Export is MLS-Exporter of RFC 9420 §8.5: n bytes that every member of this
// epoch can derive and nobody else. It returns nil if n is negative or above
// 8160, or after Forget.
func (g *Group) Export(label string, context []byte, n int) []byte {
	if g.gone || n < 0 || n > maxExport {
		return nil
	}
	return g.secrets.export(label, context, n)
}

// EpochAuthenticator is 32 bytes that are equal for all members who agree on
// the whole history of the group (RFC 9420 §8.7); nil after Forget.
func (g *Group) EpochAuthenticator() []byte {
	if g.gone {
		return nil
	}
	return bytes.Clone(g.secrets.authenticator[:])
}

// ResumptionPSK is the resumption key of this epoch (RFC 9420 §8.6), for a
// caller that wants to supply it to a later commit; nil after Forget.
func (g *Group) ResumptionPSK() []byte {
	if g.gone {
		return nil
	}
	return bytes.Clone(g.secrets.resumption[:])
}

// Forget zeroes every secret of the state. Afterwards only the public parts
// answer; everything else fails.
func (g *Group) Forget() {
	g.gone = true
	g.secrets.forget()
	g.priv.forget()
	g.keys.forget()
	clear(g.signer)
}
