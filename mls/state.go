// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"maps"
	"slices"
)

// stateVersion is the first octet of a stored state.
const stateVersion = 1

// Marshal returns the state in a form to be stored, under seal. It holds every
// secret that g still needs and none that g has used; the signer's private key
// is not in it. Equal states have equal encodings. nil after Forget.
func (g *Group) Marshal() []byte {
	if g.gone {
		return nil
	}
	var w writer
	w.u8(stateVersion)
	g.context.encode(&w)
	w.opaque(g.interim)
	w.u32(uint32(g.own))
	if g.encoded == nil {
		g.encoded = marshal(g.tree)
	}
	w.put(g.encoded)
	for _, s := range g.secrets.all() {
		w.put(s[:])
	}
	w.vector(func(w *writer) {
		for _, x := range slices.Sorted(maps.Keys(g.priv)) {
			w.u32(uint32(x))
			w.put(g.priv[x][:])
		}
	})
	g.keys.encode(&w)
	w.vector(func(w *writer) {
		for i := range g.pending {
			p := &g.pending[i]
			w.opaque(p.ref)
			w.u32(uint32(p.sender))
			p.p.encode(w)
		}
	})
	return w.b
}

// UnmarshalGroup reads what Marshal wrote. signer has to be the key of our
// leaf. The encoding is checked for its form and against the tree hash, not
// for anything a stranger could have signed: it has to come from where only we
// can write.
func UnmarshalGroup(b []byte, signer ed25519.PrivateKey) (*Group, error) {
	if len(signer) != ed25519.PrivateKeySize {
		return nil, ErrArgument
	}
	r := newReader(b)
	if v := r.u8(); r.err == nil && v != stateVersion {
		return nil, ErrUnsupported
	}
	g := &Group{context: decodeGroupContext(r), interim: r.opaque(secretSize), own: LeafIndex(r.u32()),
		signer: bytes.Clone(signer), priv: treeKeys{}}
	g.tree = decodeTree(r)
	for _, s := range g.secrets.all() {
		copy(s[:], r.take(secretSize))
	}
	r.each(MaxMessage, 64, func(r *reader) {
		x, p := nodeIndex(r.u32()), &hpkePrivate{}
		copy(p[:], r.take(hpkeKey))
		g.priv[x] = p
	})
	g.keys = decodeSecretTree(r, g.tree.width())
	r.each(MaxMessage, maxPending, func(r *reader) {
		g.pending = append(g.pending, pendingProposal{ref: r.opaque(secretSize), sender: LeafIndex(r.u32()), p: decodeProposal(r)})
	})
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := g.consistent(); err != nil {
		return nil, err
	}
	return g, nil
}

// consistent checks what the rest of the code takes for granted.
func (g *Group) consistent() error {
	if err := g.tree.verifyUnmerged(); err != nil {
		return err
	}
	if err := g.tree.verifyKeys(); err != nil {
		return err
	}
	if !equal(g.tree.hash(), g.context.treeHash) {
		return ErrInvalidTree
	}
	own := g.tree.leafAt(g.own)
	if own == nil || g.priv[g.own.node()] == nil {
		return ErrMalformed
	}
	if !bytes.Equal(own.signatureKey, publicKey(g.signer)) {
		return ErrKeyMismatch
	}
	for x, p := range g.priv {
		if uint32(x) >= nodeWidth(g.tree.width()) || !x.covers(g.own.node()) {
			return ErrMalformed
		}
		if pub, err := p.public(); err != nil || !bytes.Equal(pub, g.tree.encryptionKey(x)) {
			return ErrKeyMismatch
		}
	}
	return nil
}

func (t *secretTree) encode(w *writer) {
	w.vector(func(w *writer) {
		for _, x := range slices.Sorted(maps.Keys(t.nodes)) {
			s := t.nodes[x]
			w.u32(uint32(x))
			w.put(s[:])
		}
	})
	w.vector(func(w *writer) {
		for _, l := range slices.Sorted(maps.Keys(t.ratchets)) {
			w.u32(uint32(l))
			for i := range t.ratchets[l] {
				t.ratchets[l][i].encode(w)
			}
		}
	})
}

func (c *ratchet) encode(w *writer) {
	w.put(c.secret[:])
	w.u32(c.next)
	w.u32(c.floor)
	w.vector(func(w *writer) {
		for _, g := range slices.Sorted(maps.Keys(c.skipped)) {
			k := c.skipped[g]
			w.u32(g)
			w.put(k.key[:])
			w.put(k.nonce[:])
		}
	})
}

func decodeSecretTree(r *reader, width uint32) *secretTree {
	t := &secretTree{width: width, nodes: map[nodeIndex]secret{}, ratchets: map[LeafIndex]*leafRatchets{}}
	r.each(MaxMessage, 2*MaxLeaves, func(r *reader) {
		x := nodeIndex(r.u32())
		if uint32(x) >= nodeWidth(width) {
			r.fail(ErrMalformed)
		}
		t.nodes[x] = toSecret(r.take(secretSize))
	})
	r.each(MaxMessage, MaxLeaves, func(r *reader) {
		l, rs := LeafIndex(r.u32()), &leafRatchets{}
		if uint32(l) >= width || t.ratchets[l] != nil {
			r.fail(ErrMalformed)
			return
		}
		for i := range rs {
			rs[i].decode(r)
		}
		t.ratchets[l] = rs
	})
	return t
}

func (c *ratchet) decode(r *reader) {
	copy(c.secret[:], r.take(secretSize))
	c.next, c.floor = r.u32(), r.u32()
	r.each(MaxMessage, MaxSkippedLeaf, func(r *reader) {
		g := r.u32()
		var k messageKey
		copy(k.key[:], r.take(keySize))
		copy(k.nonce[:], r.take(nonceSize))
		if g >= c.next {
			r.fail(ErrMalformed)
			return
		}
		if c.skipped == nil {
			c.skipped = map[uint32]messageKey{}
		}
		c.skipped[g] = k
	})
}
