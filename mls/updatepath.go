// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"slices"
)

// updatePathNode and updatePath are those of RFC 9420 §7.6.
type updatePathNode struct {
	encryptionKey []byte
	ciphertexts   []hpkeCiphertext
}

type updatePath struct {
	leaf  *leafNode
	nodes []updatePathNode
}

func (p *updatePath) encode(w *writer) {
	p.leaf.encode(w)
	w.vector(func(w *writer) {
		for i := range p.nodes {
			n := &p.nodes[i]
			w.opaque(n.encryptionKey)
			w.vector(func(w *writer) {
				for j := range n.ciphertexts {
					n.ciphertexts[j].encode(w)
				}
			})
		}
	})
}

func decodeUpdatePath(r *reader) *updatePath {
	p := &updatePath{leaf: decodeLeafNode(r)}
	r.each(MaxMessage, 32, func(r *reader) {
		n := updatePathNode{encryptionKey: r.opaque(maxSmall)}
		r.each(MaxMessage, MaxLeaves, func(r *reader) {
			n.ciphertexts = append(n.ciphertexts, decodeHPKECiphertext(r))
		})
		p.nodes = append(p.nodes, n)
	})
	return p
}

// treeKeys are the private keys one member holds: of its leaf and of the
// nodes above it whose secret it has been told.
type treeKeys map[nodeIndex]*hpkePrivate

func (k treeKeys) clone() treeKeys {
	out := make(treeKeys, len(k))
	for x, p := range k {
		q := *p
		out[x] = &q
	}
	return out
}

// prune drops the keys of nodes that are blank or gone.
func (k treeKeys) prune(t *ratchetTree) {
	for x, p := range k {
		if uint32(x) >= nodeWidth(t.width()) || t.blank(x) {
			clear(p[:])
			delete(k, x)
		}
	}
}

func (k treeKeys) forget() {
	for _, p := range k {
		clear(p[:])
	}
	clear(k)
}

// pathKeys is a chain of path secrets worked out (RFC 9420 §7.4): one key pair
// per node, and the commit secret that follows the last.
type pathKeys struct {
	secrets []secret
	private []hpkePrivate
	public  [][]byte
	commit  secret
}

func derivePath(first secret, n int) (*pathKeys, error) {
	p := &pathKeys{}
	s := first
	for range n {
		node := deriveSecret(s[:], "node")
		priv, pub, err := deriveKeyPair(node[:])
		clear(node[:])
		if err != nil {
			return nil, err
		}
		p.secrets = append(p.secrets, s)
		p.private = append(p.private, priv)
		p.public = append(p.public, pub)
		s = deriveSecret(s[:], "path")
	}
	p.commit = s
	return p, nil
}

func (p *pathKeys) forget() {
	clear(p.secrets)
	clear(p.private)
	clear(p.commit[:])
}

// merge puts the public keys of a path into the tree and returns the parent
// hash that the leaf has to carry (RFC 9420 §7.5, §7.9). Parent hashes run
// from the root down.
func (t *ratchetTree) merge(leaf LeafIndex, path []step, public [][]byte) []byte {
	for _, x := range directPath(leaf.node(), t.width()) {
		t.setParent(x, nil)
	}
	above := []byte{}
	for i := len(path) - 1; i >= 0; i-- {
		t.setParent(path[i].node, &parentNode{encryptionKey: public[i], parentHash: above})
		above = t.parentHash(path[i].node, path[i].copath)
	}
	return above
}

// recipients lists the nodes to which the secret of a path node is encrypted:
// the resolution of its other child without the leaves this commit adds
// (RFC 9420 §7.6, §12.4.1).
func (t *ratchetTree) recipients(copath nodeIndex, added []LeafIndex) []nodeIndex {
	return slices.DeleteFunc(t.resolution(copath), func(x nodeIndex) bool {
		return x.isLeaf() && slices.Contains(added, x.leaf())
	})
}

// newLeaf is what a committer may change in its own leaf.
type newLeaf struct {
	identity []byte
	signer   ed25519.PrivateKey
}

// refreshPath gives the leaf and everything above it new keys, in the tree and
// in keys (RFC 9420 §7.5). The ciphertexts are added by encryptPath, once the
// new tree hash is known.
func (t *ratchetTree) refreshPath(rand io.Reader, groupID []byte, own LeafIndex, change newLeaf, keys treeKeys) (*updatePath, *pathKeys, error) {
	var first secret
	if _, err := io.ReadFull(rand, first[:]); err != nil {
		return nil, nil, err
	}
	path := t.filteredPath(own)
	pk, err := derivePath(first, len(path))
	if err != nil {
		return nil, nil, err
	}
	leaf := *t.leaves[own]
	priv, pub, err := newKeyPair(rand)
	if err != nil {
		return nil, nil, err
	}
	leaf.encryptionKey, leaf.source = pub, sourceCommit
	leaf.notBefore, leaf.notAfter = 0, 0
	leaf.identity, leaf.signatureKey = change.identity, publicKey(change.signer)
	leaf.parentHash = t.merge(own, path, pk.public)
	leaf.sign(change.signer, groupID, own)
	t.setLeaf(own, &leaf)

	keys.prune(t)
	keys[own.node()] = &priv
	up := &updatePath{leaf: &leaf}
	for i, s := range path {
		p := pk.private[i]
		keys[s.node] = &p
		up.nodes = append(up.nodes, updatePathNode{encryptionKey: pk.public[i]})
	}
	return up, pk, nil
}

// encryptPath encrypts each path secret to whoever is under the other child.
func (t *ratchetTree) encryptPath(up *updatePath, pk *pathKeys, own LeafIndex, context []byte, added []LeafIndex) error {
	for i, s := range t.filteredPath(own) {
		for _, x := range t.recipients(s.copath, added) {
			c, err := encryptWithLabel(t.encryptionKey(x), "UpdatePathNode", context, pk.secrets[i][:])
			if err != nil {
				return err
			}
			up.nodes[i].ciphertexts = append(up.nodes[i].ciphertexts, c)
		}
	}
	return nil
}

// applyPath checks a received path and puts it into the tree
// (RFC 9420 §12.4.2, §7.9.2).
func (t *ratchetTree) applyPath(up *updatePath, sender LeafIndex, groupID []byte) error {
	path := t.filteredPath(sender)
	old := t.leafAt(sender)
	if old == nil || len(path) != len(up.nodes) || up.leaf.source != sourceCommit ||
		bytes.Equal(up.leaf.encryptionKey, old.encryptionKey) {
		return ErrInvalidCommit
	}
	if err := up.leaf.verify(groupID, sender); err != nil {
		return err
	}
	public := make([][]byte, len(path))
	for i := range up.nodes {
		public[i] = up.nodes[i].encryptionKey
	}
	want := t.merge(sender, path, public)
	if !equal(want, up.leaf.parentHash) {
		return ErrInvalidCommit
	}
	t.setLeaf(sender, up.leaf)
	return t.verifyKeys()
}

// decryptPath finds our secret in a path already applied, adds the private
// keys it gives to keys and returns the commit secret (RFC 9420 §7.6).
func (t *ratchetTree) decryptPath(up *updatePath, sender, own LeafIndex, context []byte, added []LeafIndex, keys treeKeys) (secret, error) {
	path := t.filteredPath(sender)
	at := slices.IndexFunc(path, func(s step) bool { return s.copath.covers(own.node()) })
	if at < 0 {
		return secret{}, ErrInvalidCommit
	}
	to := t.recipients(path[at].copath, added)
	if len(to) != len(up.nodes[at].ciphertexts) {
		return secret{}, ErrInvalidCommit
	}
	for i, x := range to {
		priv := keys[x]
		if priv == nil || !x.covers(own.node()) {
			continue
		}
		plain, err := decryptWithLabel(priv, "UpdatePathNode", context, up.nodes[at].ciphertexts[i])
		if err != nil {
			return secret{}, err
		}
		if len(plain) != secretSize {
			return secret{}, ErrInvalidCommit
		}
		first := toSecret(plain)
		clear(plain)
		return t.learnPath(first, path[at:], keys)
	}
	return secret{}, ErrInvalidCommit
}

// learnPath works out the secrets from one node of a path up to the root and
// compares each public key with the tree.
func (t *ratchetTree) learnPath(first secret, path []step, keys treeKeys) (secret, error) {
	pk, err := derivePath(first, len(path))
	if err != nil {
		return secret{}, err
	}
	defer pk.forget()
	for i, s := range path {
		if !bytes.Equal(pk.public[i], t.encryptionKey(s.node)) {
			return secret{}, ErrInvalidCommit
		}
		p := pk.private[i]
		keys[s.node] = &p
	}
	return pk.commit, nil
}
