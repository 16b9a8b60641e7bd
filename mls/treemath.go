// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "math/bits"

// LeafIndex is a member's place among the leaves of the ratchet tree, from 0.
type LeafIndex uint32

// nodeIndex is a place in the array form of the tree (RFC 9420 Appendix C):
// leaves are even, parents odd.
type nodeIndex uint32

func (l LeafIndex) node() nodeIndex { return nodeIndex(l) * 2 }

func (x nodeIndex) isLeaf() bool    { return x&1 == 0 }
func (x nodeIndex) leaf() LeafIndex { return LeafIndex(x / 2) }

// level is the height of a node above the leaves: the number of trailing ones.
func (x nodeIndex) level() int { return bits.TrailingZeros32(^uint32(x)) }

// nodeWidth is the number of nodes over a power of two of leaves.
func nodeWidth(leaves uint32) uint32 {
	if leaves == 0 {
		return 0
	}
	return 2*leaves - 1
}

func rootOf(leaves uint32) nodeIndex { return nodeIndex(leaves - 1) }

// left and right are called for parents only.
func (x nodeIndex) left() nodeIndex  { return x ^ 1<<(x.level()-1) }
func (x nodeIndex) right() nodeIndex { return x ^ 3<<(x.level()-1) }

// parent must not be asked of the root.
func (x nodeIndex) parent() nodeIndex {
	k := x.level()
	b := x >> (k + 1) & 1
	return (x | 1<<k) ^ b<<(k+1)
}

// sibling must not be asked of the root.
func (x nodeIndex) sibling() nodeIndex {
	p := x.parent()
	if x < p {
		return p.right()
	}
	return p.left()
}

// covers tells whether y is x or below it.
func (x nodeIndex) covers(y nodeIndex) bool {
	half := nodeIndex(1)<<x.level() - 1
	return y >= x-half && y <= x+half
}

// leaves returns the first leaf under x and the one after the last.
func (x nodeIndex) leaves() (from, to LeafIndex) {
	half := nodeIndex(1)<<x.level() - 1
	return (x - half).leaf(), (x + half).leaf() + 1
}

// directPath lists the ancestors of x from its parent to the root.
func directPath(x nodeIndex, leaves uint32) []nodeIndex {
	var out []nodeIndex
	for root := rootOf(leaves); x != root; {
		x = x.parent()
		out = append(out, x)
	}
	return out
}

// commonAncestor is the lowest node above both leaves.
func commonAncestor(a, b LeafIndex) nodeIndex {
	x, y := a.node(), b.node()
	for !x.covers(y) {
		x = x.parent()
	}
	return x
}
