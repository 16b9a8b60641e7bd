// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "slices"

// parentNode is ParentNode of RFC 9420 §7.1. Like a leaf it is never changed
// once in a tree, only replaced.
type parentNode struct {
	encryptionKey []byte
	parentHash    []byte
	unmerged      []LeafIndex // ascending
}

func (p *parentNode) encode(w *writer) {
	w.opaque(p.encryptionKey)
	w.opaque(p.parentHash)
	w.vector(func(w *writer) {
		for _, l := range p.unmerged {
			w.u32(uint32(l))
		}
	})
}

func decodeParentNode(r *reader) *parentNode {
	p := &parentNode{encryptionKey: r.opaque(maxSmall), parentHash: r.opaque(secretSize)}
	r.each(4*MaxLeaves, MaxLeaves, func(r *reader) {
		l := LeafIndex(r.u32())
		if n := len(p.unmerged); n > 0 && p.unmerged[n-1] >= l {
			r.fail(ErrInvalidTree)
		}
		p.unmerged = append(p.unmerged, l)
	})
	return p
}

// ratchetTree is the array form of the tree, always of full width, so that its
// number of leaves is a power of two. Nodes are shared between trees; clone is
// cheap.
type ratchetTree struct {
	leaves  []*leafNode   // leaf i is node 2i; nil is blank
	parents []*parentNode // parent i is node 2i+1
	hashes  [][]byte      // tree hash by node, nil where it has to be computed again
}

func newTree(width uint32) *ratchetTree {
	return &ratchetTree{
		leaves:  make([]*leafNode, width),
		parents: make([]*parentNode, width-1),
		hashes:  make([][]byte, nodeWidth(width)),
	}
}

func (t *ratchetTree) clone() *ratchetTree {
	return &ratchetTree{
		leaves:  slices.Clone(t.leaves),
		parents: slices.Clone(t.parents),
		hashes:  slices.Clone(t.hashes),
	}
}

func (t *ratchetTree) width() uint32   { return uint32(len(t.leaves)) }
func (t *ratchetTree) root() nodeIndex { return rootOf(t.width()) }

// leafAt returns nil for a blank leaf and for one outside the tree.
func (t *ratchetTree) leafAt(i LeafIndex) *leafNode {
	if uint64(i) >= uint64(len(t.leaves)) {
		return nil
	}
	return t.leaves[i]
}

func (t *ratchetTree) parentAt(x nodeIndex) *parentNode { return t.parents[x/2] }

func (t *ratchetTree) blank(x nodeIndex) bool {
	if x.isLeaf() {
		return t.leaves[x/2] == nil
	}
	return t.parents[x/2] == nil
}

func (t *ratchetTree) encryptionKey(x nodeIndex) []byte {
	if x.isLeaf() {
		if l := t.leaves[x/2]; l != nil {
			return l.encryptionKey
		}
	} else if p := t.parents[x/2]; p != nil {
		return p.encryptionKey
	}
	return nil
}

// touch forgets the hashes that depend on x.
func (t *ratchetTree) touch(x nodeIndex) {
	t.hashes[x] = nil
	for _, p := range directPath(x, t.width()) {
		t.hashes[p] = nil
	}
}

func (t *ratchetTree) setLeaf(i LeafIndex, l *leafNode) {
	t.leaves[i] = l
	t.touch(i.node())
}

func (t *ratchetTree) setParent(x nodeIndex, p *parentNode) {
	t.parents[x/2] = p
	t.touch(x)
}

// replaceLeaf sets a leaf and blanks everything above it (RFC 9420 §7.7,
// §12.1.2, §12.1.3).
func (t *ratchetTree) replaceLeaf(i LeafIndex, l *leafNode) {
	t.setLeaf(i, l)
	for _, p := range directPath(i.node(), t.width()) {
		t.parents[p/2] = nil
	}
}

// add puts a leaf at the leftmost blank place (RFC 9420 §7.7, §12.1.1).
func (t *ratchetTree) add(l *leafNode) (LeafIndex, error) {
	i := LeafIndex(slices.Index(t.leaves, nil))
	if i == ^LeafIndex(0) {
		if len(t.leaves)*2 > MaxLeaves {
			return 0, ErrTooLarge
		}
		i = LeafIndex(len(t.leaves))
		t.resize(t.width() * 2)
	}
	t.setLeaf(i, l)
	for _, x := range directPath(i.node(), t.width()) {
		p := t.parentAt(x)
		if p == nil {
			continue
		}
		q := *p
		at, _ := slices.BinarySearch(p.unmerged, i)
		q.unmerged = slices.Insert(slices.Clone(p.unmerged), at, i)
		t.setParent(x, &q)
	}
	return i, nil
}

// remove blanks a leaf and its direct path and halves the tree while its right
// half is empty (RFC 9420 §7.7, §12.1.3).
func (t *ratchetTree) remove(i LeafIndex) {
	t.replaceLeaf(i, nil)
	w := len(t.leaves)
	for w > 1 && !slices.ContainsFunc(t.leaves[w/2:], func(l *leafNode) bool { return l != nil }) {
		w /= 2
		t.resize(uint32(w))
	}
}

func (t *ratchetTree) resize(width uint32) {
	n := newTree(width)
	copy(n.leaves, t.leaves)
	copy(n.parents, t.parents)
	copy(n.hashes, t.hashes)
	*t = *n
}

// resolution lists the nodes that together cover the non-blank leaves under x
// (RFC 9420 §4.1.1).
func (t *ratchetTree) resolution(x nodeIndex) []nodeIndex {
	return t.appendResolution(nil, x)
}

func (t *ratchetTree) appendResolution(out []nodeIndex, x nodeIndex) []nodeIndex {
	if x.isLeaf() {
		if t.leaves[x/2] != nil {
			out = append(out, x)
		}
		return out
	}
	if p := t.parentAt(x); p != nil {
		out = append(out, x)
		for _, l := range p.unmerged {
			out = append(out, l.node())
		}
		return out
	}
	return t.appendResolution(t.appendResolution(out, x.left()), x.right())
}

// occupied tells whether a non-blank leaf is under x, which is the same as its
// resolution not being empty.
func (t *ratchetTree) occupied(x nodeIndex) bool {
	from, to := x.leaves()
	for _, l := range t.leaves[from:to] {
		if l != nil {
			return true
		}
	}
	return false
}

// step is one node of a filtered direct path with its child off the path.
type step struct{ node, copath nodeIndex }

// filteredPath is the direct path of a leaf without the nodes whose other
// child has nobody under it (RFC 9420 §4.1.2).
func (t *ratchetTree) filteredPath(i LeafIndex) []step {
	var out []step
	child := i.node()
	for _, p := range directPath(child, t.width()) {
		if s := child.sibling(); t.occupied(s) {
			out = append(out, step{node: p, copath: s})
		}
		child = p
	}
	return out
}

// members lists the non-blank leaves.
func (t *ratchetTree) members() []Member {
	var out []Member
	for i, l := range t.leaves {
		if l != nil {
			out = append(out, l.member(LeafIndex(i)))
		}
	}
	return out
}

const (
	nodeLeaf   = 1
	nodeParent = 2
)

// encode writes optional<Node> ratchet_tree<V> (RFC 9420 §12.4.3.3), without
// the blanks at its end.
func (t *ratchetTree) encode(w *writer) {
	n := int(nodeWidth(t.width()))
	for n > 0 && t.blank(nodeIndex(n-1)) {
		n--
	}
	w.vector(func(w *writer) {
		for x := nodeIndex(0); int(x) < n; x++ {
			w.present(!t.blank(x))
			switch {
			case t.blank(x):
			case x.isLeaf():
				w.u8(nodeLeaf)
				t.leaves[x/2].encode(w)
			default:
				w.u8(nodeParent)
				t.parents[x/2].encode(w)
			}
		}
	})
}

// decodeTree reads a tree. What it says is checked by verify, its shape here.
func decodeTree(r *reader) *ratchetTree {
	var leaves []*leafNode
	var parents []*parentNode
	x, last := nodeIndex(0), false
	r.each(MaxMessage, 2*MaxLeaves-1, func(r *reader) {
		var l *leafNode
		var p *parentNode
		if last = r.present(); last {
			switch kind := r.u8(); {
			case kind == nodeLeaf && x.isLeaf():
				l = decodeLeafNode(r)
			case kind == nodeParent && !x.isLeaf():
				p = decodeParentNode(r)
			default:
				r.fail(ErrInvalidTree)
			}
		}
		if x.isLeaf() {
			leaves = append(leaves, l)
		} else {
			parents = append(parents, p)
		}
		x++
	})
	if r.err == nil && !last {
		r.fail(ErrInvalidTree) // empty, or a blank at the end
	}
	if r.err != nil {
		return newTree(1)
	}
	width := uint32(1)
	for nodeWidth(width) < uint32(x) {
		width *= 2
	}
	t := newTree(width)
	copy(t.leaves, leaves)
	copy(t.parents, parents)
	return t
}
