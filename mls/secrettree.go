// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Bounds on the keys of messages that have not arrived (RFC 9420 §9.2 leaves
// them to us).
const (
	// MaxForward is how many generations beyond the newest one seen from a
	// leaf a message may be.
	MaxForward = 1000
	// MaxSkippedLeaf and MaxSkippedGroup bound the keys kept for messages
	// that may still come late. The oldest go first, from the leaf that
	// holds the most.
	MaxSkippedLeaf  = 1000
	MaxSkippedGroup = 5000
)

// ratchetKind says which of the two ratchets of a leaf is meant.
type ratchetKind uint8

const (
	ratchetHandshake ratchetKind = iota
	ratchetApplication
)

// messageKey encrypts one message.
type messageKey struct {
	key   [keySize]byte
	nonce [nonceSize]byte
}

func (k *messageKey) forget() {
	clear(k.key[:])
	clear(k.nonce[:])
}

// ratchet is one chain of message keys (RFC 9420 §9.1).
type ratchet struct {
	secret  secret
	next    uint32                // generation that secret is for
	floor   uint32                // keys below it may have been discarded unused
	skipped map[uint32]messageKey // passed over, not used yet
}

// advance takes the key of the next generation and moves on.
func (r *ratchet) advance() messageKey {
	var k messageKey
	key := deriveTreeSecret(r.secret[:], "key", r.next, keySize)
	nonce := deriveTreeSecret(r.secret[:], "nonce", r.next, nonceSize)
	copy(k.key[:], key)
	copy(k.nonce[:], nonce)
	next := deriveTreeSecret(r.secret[:], "secret", r.next, secretSize)
	copy(r.secret[:], next)
	r.next++
	clear(key)
	clear(nonce)
	clear(next)
	return k
}

// discardOldest throws away the n oldest skipped keys.
func (r *ratchet) discardOldest(n int) {
	for _, g := range slices.Sorted(maps.Keys(r.skipped))[:n] {
		delete(r.skipped, g)
		r.floor = max(r.floor, g+1)
	}
}

// leafRatchets are the two chains of a leaf.
type leafRatchets [2]ratchet

// secretTree is that of RFC 9420 §9. It holds only what is still needed: a
// node's secret goes when its children have been derived, a leaf's when its
// ratchets have been started, a key when it has been used. Going down to a
// leaf leaves the secrets of the siblings on the way.
type secretTree struct {
	width    uint32
	nodes    map[nodeIndex]secret
	ratchets map[LeafIndex]*leafRatchets
}

func newSecretTree(width uint32, encryption secret) *secretTree {
	return &secretTree{
		width:    width,
		nodes:    map[nodeIndex]secret{rootOf(width): encryption},
		ratchets: map[LeafIndex]*leafRatchets{},
	}
}

// foundKey is a message key looked up but not yet taken: everything the tree
// will change to is prepared here, so that a message that turns out to be
// forged costs nothing.
type foundKey struct {
	leaf       LeafIndex
	kind       ratchetKind
	generation uint32
	key        messageKey
	chain      *ratchet              // the ratchet after the key, nil if it was a skipped one
	skipped    map[uint32]messageKey // keys passed over on the way
	divided    *division
}

// division is the way from a stored node secret down to a leaf.
type division struct {
	from     nodeIndex
	siblings map[nodeIndex]secret
	start    leafRatchets
}

// divide derives the ratchets of a leaf from the nearest secret above it.
func (t *secretTree) divide(leaf LeafIndex) (*division, error) {
	x := leaf.node()
	var down []nodeIndex
	for {
		if _, ok := t.nodes[x]; ok {
			break
		}
		if x == rootOf(t.width) {
			return nil, ErrForgotten
		}
		down = append(down, x)
		x = x.parent()
	}
	d := &division{from: x, siblings: map[nodeIndex]secret{}}
	s := t.nodes[x]
	for _, child := range slices.Backward(down) {
		l := toSecret(expandWithLabel(s[:], "tree", []byte("left"), secretSize))
		r := toSecret(expandWithLabel(s[:], "tree", []byte("right"), secretSize))
		if child < x {
			d.siblings[x.right()], s = r, l
		} else {
			d.siblings[x.left()], s = l, r
		}
		x = child
	}
	d.start[ratchetHandshake].secret = toSecret(expandWithLabel(s[:], "handshake", nil, secretSize))
	d.start[ratchetApplication].secret = toSecret(expandWithLabel(s[:], "application", nil, secretSize))
	clear(s[:])
	return d, nil
}

// find looks up the key of one generation without changing the tree.
func (t *secretTree) find(leaf LeafIndex, kind ratchetKind, generation uint32) (*foundKey, error) {
	if uint32(leaf) >= t.width {
		return nil, ErrUnknownSender
	}
	f := &foundKey{leaf: leaf, kind: kind, generation: generation}
	rs := t.ratchets[leaf]
	if rs == nil {
		if generation > MaxForward {
			return nil, ErrFarGeneration // before any work is done
		}
		d, err := t.divide(leaf)
		if err != nil {
			return nil, err
		}
		f.divided, rs = d, &d.start
	}
	chain := rs[kind]
	if generation < chain.next {
		k, ok := chain.skipped[generation]
		switch {
		case ok:
			f.key = k
			return f, nil
		case generation < chain.floor:
			return nil, ErrKeyDiscarded
		}
		return nil, ErrReplay
	}
	if generation-chain.next > MaxForward {
		return nil, ErrFarGeneration
	}
	if generation == ^uint32(0) {
		return nil, ErrExhausted // next would begin again at 0
	}
	f.skipped = map[uint32]messageKey{}
	for chain.next < generation {
		g := chain.next
		f.skipped[g] = chain.advance()
	}
	f.key = chain.advance()
	f.chain = &chain
	return f, nil
}

// take makes what find prepared true: the key is gone from the tree, and so is
// every secret it could be derived from.
func (t *secretTree) take(f *foundKey) {
	if d := f.divided; d != nil {
		delete(t.nodes, d.from)
		for x, s := range d.siblings {
			t.nodes[x] = s
		}
		t.ratchets[f.leaf] = &d.start
	}
	r := &t.ratchets[f.leaf][f.kind]
	if f.chain == nil {
		delete(r.skipped, f.generation)
		return
	}
	r.secret, r.next = f.chain.secret, f.chain.next
	if len(f.skipped) == 0 {
		return
	}
	if r.skipped == nil {
		r.skipped = map[uint32]messageKey{}
	}
	for g, k := range f.skipped {
		r.skipped[g] = k
	}
	t.bound(r)
}

// bound applies the limits after keys have been added to r.
func (t *secretTree) bound(r *ratchet) {
	if n := len(r.skipped) - MaxSkippedLeaf; n > 0 {
		r.discardOldest(n)
	}
	total := 0
	for _, rs := range t.ratchets {
		total += len(rs[ratchetHandshake].skipped) + len(rs[ratchetApplication].skipped)
	}
	for total > MaxSkippedGroup {
		most := t.mostSkipped()
		n := min(total-MaxSkippedGroup, len(most.skipped))
		most.discardOldest(n)
		total -= n
	}
}

// mostSkipped finds the ratchet that holds the most skipped keys; among equals
// the one of the lowest leaf, so that the same history gives the same state.
func (t *secretTree) mostSkipped() *ratchet {
	var most *ratchet
	for _, leaf := range slices.Sorted(maps.Keys(t.ratchets)) {
		rs := t.ratchets[leaf]
		for i := range rs {
			if most == nil || len(rs[i].skipped) > len(most.skipped) {
				most = &rs[i]
			}
		}
	}
	return most
}

// next is the generation that a message of our own would use.
func (t *secretTree) next(leaf LeafIndex, kind ratchetKind) uint32 {
	if rs := t.ratchets[leaf]; rs != nil {
		return rs[kind].next
	}
	return 0
}

func (t *secretTree) forget() {
	clear(t.nodes)
	for _, rs := range t.ratchets {
		for i := range rs {
			clear(rs[i].secret[:])
			clear(rs[i].skipped)
		}
	}
	clear(t.ratchets)
}

// senderDataKeys are key and nonce of the sender data of a message, from a
// sample of its ciphertext (RFC 9420 §6.3.2).
func senderDataKeys(senderData *secret, ciphertext []byte) (key, nonce []byte) {
	sample := ciphertext[:min(len(ciphertext), secretSize)]
	return expandWithLabel(senderData[:], "key", sample, keySize),
		expandWithLabel(senderData[:], "nonce", sample, nonceSize)
}

// guard applies the reuse guard to a nonce (RFC 9420 §6.3.1).
func (k *messageKey) guard(reuse [4]byte) []byte {
	n := k.nonce
	g := binary.BigEndian.Uint32(reuse[:]) ^ binary.BigEndian.Uint32(n[:4])
	binary.BigEndian.PutUint32(n[:4], g)
	return n[:]
}
