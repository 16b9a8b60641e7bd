// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"slices"
)

// applied is what a list of proposals did to a successor state.
type applied struct {
	added   []LeafIndex
	changes Changes
	psks    []PSKID
	path    bool // a path is required (RFC 9420 §12.4)
}

// checkProposals applies the rules that can be seen in the list itself
// (RFC 9420 §12.2). tree is the one before the commit.
func checkProposals(tree *ratchetTree, list []sentProposal, committer LeafIndex) error {
	touched := map[LeafIndex]bool{}
	contexts := 0
	psks := map[string]bool{}
	for _, p := range list {
		switch p.kind {
		case proposalAdd:
		case proposalUpdate:
			if p.sender == committer || touched[p.sender] {
				return ErrInvalidCommit
			}
			touched[p.sender] = true
		case proposalRemove:
			if p.remove == committer || touched[p.remove] || tree.leafAt(p.remove) == nil {
				return ErrInvalidCommit
			}
			touched[p.remove] = true
		case proposalPSK:
			if !p.psk.External && p.psk.Usage != ResumptionApplication || len(p.psk.nonce) != secretSize {
				return ErrInvalidCommit
			}
			// The nonce does not make it another key.
			bare := p.psk
			bare.nonce = nil
			id := string(marshal(&bare))
			if psks[id] {
				return ErrInvalidCommit
			}
			psks[id] = true
		case proposalGroupContextExtensions:
			if contexts++; contexts > 1 {
				return ErrInvalidCommit
			}
		default: // ReInit, ExternalInit
			return ErrUnsupported
		}
	}
	return nil
}

// apply puts proposals into n in the order of RFC 9420 §12.3. n is a successor
// state and worthless after an error.
func (n *Group) apply(list []sentProposal, committer LeafIndex, now uint64) (*applied, error) {
	if n.context.epoch == 0 {
		return nil, ErrExhausted // the epoch before was the last there is
	}
	if err := checkProposals(n.tree, list, committer); err != nil {
		return nil, err
	}
	out := &applied{path: len(list) == 0}
	out.changes.Committer = committer
	for _, p := range list {
		out.path = out.path || p.needsPath()
		switch p.kind {
		case proposalGroupContextExtensions:
			n.context.extensions = p.extensions
		case proposalPSK:
			out.psks = append(out.psks, p.psk)
		}
	}
	for _, p := range list {
		if p.kind != proposalUpdate {
			continue
		}
		if err := n.applyUpdate(p); err != nil {
			return nil, err
		}
		out.changes.Updated = append(out.changes.Updated, p.update.member(p.sender))
	}
	for _, p := range list {
		if p.kind == proposalRemove {
			out.changes.Removed = append(out.changes.Removed, n.tree.leafAt(p.remove).member(p.remove))
			n.tree.remove(p.remove)
		}
	}
	for _, p := range list {
		if p.kind != proposalAdd {
			continue
		}
		if err := p.add.Verify(now); err != nil {
			return nil, err
		}
		i, err := n.tree.add(p.add.leaf)
		if err != nil {
			return nil, err
		}
		out.added = append(out.added, i)
		out.changes.Added = append(out.changes.Added, p.add.leaf.member(i))
	}
	// Adds may not bring a key that is there already, nor updates one of
	// another member (RFC 9420 §7.3).
	if err := n.tree.verifyKeys(); err != nil {
		return nil, ErrInvalidCommit
	}
	return out, n.checkSupport(list)
}

func (n *Group) applyUpdate(p sentProposal) error {
	old := n.tree.leafAt(p.sender)
	if old == nil || p.update.source != sourceUpdate || bytes.Equal(old.encryptionKey, p.update.encryptionKey) {
		return ErrInvalidCommit
	}
	if err := p.update.verify(n.context.groupID, p.sender); err != nil {
		return err
	}
	n.tree.replaceLeaf(p.sender, p.update)
	return nil
}

// checkSupport asks of every leaf that is new, or of all if the group's
// extensions are, whether it can be in this group.
func (n *Group) checkSupport(list []sentProposal) error {
	all := slices.ContainsFunc(list, func(p sentProposal) bool { return p.kind == proposalGroupContextExtensions })
	for _, l := range n.tree.leaves {
		if l == nil {
			continue
		}
		if err := l.supports(n.context.extensions); err != nil {
			if all {
				return ErrInvalidCommit
			}
			return err
		}
	}
	return nil
}

// validate asks the application about every credential that entered.
func (a *applied) validate(f ValidateFunc) error {
	for _, list := range [][]Member{a.changes.Added, a.changes.Updated} {
		for _, m := range list {
			if err := validateMember(f, m); err != nil {
				return err
			}
		}
	}
	return nil
}
