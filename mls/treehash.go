// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"slices"
)

// hash is the tree hash of the whole tree (RFC 9420 §7.8).
func (t *ratchetTree) hash() []byte { return t.nodeHash(t.root()) }

// nodeHash is the tree hash of the subtree under x. Hashes are kept, so that a
// commit costs the length of its paths and not the size of the group.
func (t *ratchetTree) nodeHash(x nodeIndex) []byte {
	if t.hashes[x] == nil {
		t.hashes[x] = t.hashWithout(x, nil)
	}
	return t.hashes[x]
}

// hashWithout is the tree hash under x as if the given leaves, in ascending
// order, had never been added: blank, and in no list of unmerged leaves
// (RFC 9420 §7.9).
func (t *ratchetTree) hashWithout(x nodeIndex, without []LeafIndex) []byte {
	from, to := x.leaves()
	a, _ := slices.BinarySearch(without, from)
	b, _ := slices.BinarySearch(without, to)
	if without = without[a:b]; len(without) == 0 && t.hashes[x] != nil {
		return t.hashes[x]
	}
	var w writer
	if x.isLeaf() {
		l := t.leaves[x/2]
		if len(without) > 0 {
			l = nil
		}
		w.u8(nodeLeaf)
		w.u32(uint32(x.leaf()))
		w.present(l != nil)
		if l != nil {
			l.encode(&w)
		}
		return hash(w.b)
	}
	p := t.parentAt(x)
	if p != nil && len(without) > 0 {
		q := *p
		q.unmerged = slices.DeleteFunc(slices.Clone(p.unmerged), func(l LeafIndex) bool {
			_, gone := slices.BinarySearch(without, l)
			return gone
		})
		p = &q
	}
	w.u8(nodeParent)
	w.present(p != nil)
	if p != nil {
		p.encode(&w)
	}
	if len(without) == 0 {
		w.opaque(t.nodeHash(x.left()))
		w.opaque(t.nodeHash(x.right()))
	} else {
		w.opaque(t.hashWithout(x.left(), without))
		w.opaque(t.hashWithout(x.right(), without))
	}
	return hash(w.b)
}

// parentHash is the parent hash of x with its child s off the path
// (RFC 9420 §7.9). x is not blank.
func (t *ratchetTree) parentHash(x, s nodeIndex) []byte {
	p := t.parentAt(x)
	var w writer
	w.opaque(p.encryptionKey)
	w.opaque(p.parentHash)
	w.opaque(t.hashWithout(s, p.unmerged))
	return hash(w.b)
}

// ownParentHash is the parent_hash field that a node carries, nil if it has
// none; a parent hash is never empty, so nil matches nothing.
func (t *ratchetTree) ownParentHash(x nodeIndex) []byte {
	if x.isLeaf() {
		if l := t.leaves[x/2]; l != nil && l.source == sourceCommit {
			return l.parentHash
		}
		return nil
	}
	if p := t.parentAt(x); p != nil {
		return p.parentHash
	}
	return nil
}

// linked tells whether x is parent-hash valid with respect to a node under its
// child c, s being the other child (RFC 9420 §7.9.2): the resolution of c is
// one node d, which carries the parent hash of x, and the unmerged leaves of x
// under c, which were added since.
func (t *ratchetTree) linked(x, c, s nodeIndex) bool {
	unmerged := t.parentAt(x).unmerged
	from, to := c.leaves()
	a, _ := slices.BinarySearch(unmerged, from)
	b, _ := slices.BinarySearch(unmerged, to)
	unmerged = unmerged[a:b]
	res := t.resolution(c)
	if len(res) != len(unmerged)+1 {
		return false
	}
	rest := slices.DeleteFunc(res, func(y nodeIndex) bool {
		_, found := slices.BinarySearch(unmerged, y.leaf())
		return found && y.isLeaf()
	})
	return len(rest) == 1 && bytes.Equal(t.ownParentHash(rest[0]), t.parentHash(x, s))
}

// verifyParentHashes checks every parent node (RFC 9420 §7.9.2).
func (t *ratchetTree) verifyParentHashes() error {
	t.hash()
	for i, p := range t.parents {
		if p == nil {
			continue
		}
		x := nodeIndex(2*i + 1)
		if !t.linked(x, x.left(), x.right()) && !t.linked(x, x.right(), x.left()) {
			return ErrInvalidTree
		}
	}
	return nil
}

// verifyUnmerged checks the lists of unmerged leaves (RFC 9420 §12.4.3.1).
func (t *ratchetTree) verifyUnmerged() error {
	for i, p := range t.parents {
		if p == nil {
			continue
		}
		x := nodeIndex(2*i + 1)
		for _, l := range p.unmerged {
			if t.leafAt(l) == nil || !x.covers(l.node()) {
				return ErrInvalidTree
			}
			for y := l.node().parent(); y != x; y = y.parent() {
				q := t.parentAt(y)
				if q == nil {
					continue
				}
				if _, ok := slices.BinarySearch(q.unmerged, l); !ok {
					return ErrInvalidTree
				}
			}
		}
	}
	return nil
}

// verifyKeys checks that no public key occurs twice (RFC 9420 §7.3, §12.4.3.1)
// and that HPKE keys have the size of one.
func (t *ratchetTree) verifyKeys() error {
	hpkeKeys, signing := map[string]bool{}, map[string]bool{}
	for x := range nodeIndex(nodeWidth(t.width())) {
		k := t.encryptionKey(x)
		if k == nil {
			continue
		}
		if len(k) != hpkeKey || hpkeKeys[string(k)] {
			return ErrInvalidTree
		}
		hpkeKeys[string(k)] = true
		if !x.isLeaf() {
			continue
		}
		s := string(t.leaves[x/2].signatureKey)
		if signing[s] {
			return ErrInvalidTree
		}
		signing[s] = true
	}
	return nil
}

// verify checks a tree that came from outside, except against the tree hash
// and the credentials (RFC 9420 §12.4.3.1).
func (t *ratchetTree) verify(groupID []byte, extensions []extension) error {
	if err := t.verifyUnmerged(); err != nil {
		return err
	}
	if err := t.verifyKeys(); err != nil {
		return err
	}
	if err := t.verifyParentHashes(); err != nil {
		return err
	}
	for i, l := range t.leaves {
		if l == nil {
			continue
		}
		if err := l.verify(groupID, LeafIndex(i)); err != nil {
			return err
		}
		if err := l.supports(extensions); err != nil {
			return err
		}
	}
	return nil
}
