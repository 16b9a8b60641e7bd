// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"slices"
)

// CommitOptions says what a commit of ours does. With nothing set it gives our
// leaf and its path new keys (an update).
type CommitOptions struct {
	Add      [][]byte     // key packages, each an MLSMessage
	Remove   []LeafIndex  // not ourselves
	Now      uint64       // seconds since 1970, for the lifetimes of what is added
	Validate ValidateFunc // asked about each member added
	Pad      func(int) int
	AAD      []byte

	// Credential and Signer, if set, replace those of our own leaf. Restoring
	// next then needs the new Signer, restoring g the old one.
	Credential []byte
	Signer     ed25519.PrivateKey
}

// Changes is what a commit did to the membership.
type Changes struct {
	Committer LeafIndex
	Added     []Member
	Removed   []Member // as they were before
	Updated   []Member // leaves replaced, the committer's own by its path among them
}

// Commit makes a commit of our own: the PrivateMessage for the group, the
// Welcome for those it adds (nil if there are none) and the state to adopt
// once the commit has been accepted.
//
// g stays in its epoch and can still process another member's commit instead.
// But the commit was encrypted under a key of g's handshake ratchet, and that
// key is gone from g: before the commit leaves, store g together with next,
// else a second attempt after a crash would use the key again.
//
// The commit always has a path, so it always heals our own keys as well.
func (g *Group) Commit(rand io.Reader, o CommitOptions) (commitMsg, welcome []byte, next *Group, err error) {
	if g.gone {
		return nil, nil, nil, ErrForgotten
	}
	list, err := o.proposals()
	if err != nil {
		return nil, nil, nil, err
	}
	change, err := g.ownChange(&o)
	if err != nil {
		return nil, nil, nil, err
	}
	n := g.successor()
	sent := make([]sentProposal, len(list))
	for i, p := range list {
		sent[i] = sentProposal{p, g.own}
	}
	done, err := n.apply(sent, g.own, o.Now)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := done.validate(o.Validate); err != nil {
		return nil, nil, nil, err
	}
	up, pk, err := n.tree.refreshPath(rand, g.context.groupID, g.own, change, n.priv)
	if err != nil {
		return nil, nil, nil, err
	}
	defer pk.forget()
	n.signer = bytes.Clone(change.signer)
	n.context.treeHash = n.tree.hash()
	if err := n.tree.encryptPath(up, pk, g.own, marshal(&n.context), done.added); err != nil {
		return nil, nil, nil, err
	}

	a := &authenticatedContent{wire: wirePrivate, content: g.content(ContentCommit, o.AAD)}
	a.content.commit = &commit{path: up}
	for _, p := range list {
		a.content.commit.proposals = append(a.content.commit.proposals, proposalOrRef{proposal: p})
	}
	a.sign(g.signer, marshal(&g.context))
	var psk secret // no pre-shared keys in commits of ours
	joiner := n.confirm(g, a, &pk.commit, &psk)
	defer clear(joiner[:])
	a.confirmation = n.secrets.confirmationTag(n.context.transcript)
	n.interim = interimTranscript(n.context.transcript, a.confirmation)

	if len(done.added) > 0 {
		if welcome, err = n.welcome(sent, done, &joiner, pk); err != nil {
			return nil, nil, nil, err
		}
	}
	// Last, for it is the only thing that changes g.
	if commitMsg, _, err = g.sealPrivate(rand, a, o.Pad); err != nil {
		return nil, nil, nil, err
	}
	return commitMsg, welcome, n, nil
}

// proposals turns the options into proposals by value.
func (o *CommitOptions) proposals() ([]*proposal, error) {
	var out []*proposal
	for _, i := range o.Remove {
		out = append(out, &proposal{kind: proposalRemove, remove: i})
	}
	for _, b := range o.Add {
		k, err := ParseKeyPackage(b)
		if err != nil {
			return nil, err
		}
		out = append(out, &proposal{kind: proposalAdd, add: k})
	}
	if len(out) > 2*MaxLeaves || len(o.AAD) > MaxMessage {
		return nil, ErrTooLarge
	}
	return out, nil
}

func (g *Group) ownChange(o *CommitOptions) (newLeaf, error) {
	c := newLeaf{identity: g.tree.leaves[g.own].identity, signer: g.signer}
	if o.Credential != nil {
		c.identity = bytes.Clone(o.Credential)
	}
	if o.Signer != nil {
		c.signer = o.Signer
	}
	if len(c.identity) > maxSmall || len(c.signer) != ed25519.PrivateKeySize {
		return c, ErrArgument
	}
	for i, l := range g.tree.leaves {
		if l != nil && LeafIndex(i) != g.own && bytes.Equal(l.signatureKey, publicKey(c.signer)) {
			return c, ErrArgument
		}
	}
	return c, nil
}

// confirm moves n, whose tree and extensions are those after the commit, into
// its epoch, and returns the joiner secret (RFC 9420 §8, §8.2).
func (n *Group) confirm(g *Group, a *authenticatedContent, commitSecret, psk *secret) secret {
	// The joiner secret is bound to the new group context, transcript included.
	n.context.transcript = confirmedTranscript(g.interim, a)
	joiner := joinerSecret(&g.secrets.init, commitSecret, marshal(&n.context))
	n.advance(&joiner, psk)
	return joiner
}

// ProcessOptions is what ProcessCommitWith needs to know besides the message.
type ProcessOptions struct {
	Now      uint64       // when the commit was sent, seconds since 1970
	Validate ValidateFunc // asked about each credential that enters
	PSK      PSKFunc      // may be nil
}

// ProcessCommit verifies another member's commit and returns the state of the
// next epoch. g is not changed at all, not even its keys: call Forget on it
// when next has been stored.
//
// now, in seconds since 1970, is the time at which the commit was sent, or
// AnyTime where that is not known: a device that slept for a month would
// otherwise refuse key packages that were good when they were used, and part
// from the group.
//
// If the commit removes us the error is ErrRemoved
// and the changes are filled in. A commit of our own is ErrOwnMessage: adopt
// the state that Commit returned.
func (g *Group) ProcessCommit(msg []byte, now uint64, validate ValidateFunc) (next *Group, ch Changes, err error) {
	return g.ProcessCommitWith(msg, ProcessOptions{Now: now, Validate: validate})
}

// ProcessCommitWith is ProcessCommit for groups that use pre-shared keys.
func (g *Group) ProcessCommitWith(msg []byte, o ProcessOptions) (next *Group, ch Changes, err error) {
	a, _, err := g.openHandshake(msg, ContentCommit)
	if err != nil {
		return nil, ch, err
	}
	committer := LeafIndex(a.content.sender)
	c := a.content.commit
	list, err := g.resolve(c, committer)
	if err != nil {
		return nil, ch, err
	}
	n := g.successor()
	done, err := n.apply(list, committer, o.Now)
	if err != nil {
		return nil, ch, err
	}
	if c.path == nil && done.path {
		return nil, ch, ErrInvalidCommit
	}
	for _, m := range done.changes.Removed {
		if m.Leaf == g.own {
			n.priv.forget()
			return nil, done.changes, ErrRemoved
		}
	}
	commitSecret, err := n.followPath(c.path, committer, done)
	if err != nil {
		return nil, ch, err
	}
	defer clear(commitSecret[:])
	psk, err := pskSecret(done.psks, o.PSK)
	if err != nil {
		return nil, ch, err
	}
	joiner := n.confirm(g, a, &commitSecret, &psk)
	clear(joiner[:])
	clear(psk[:])
	if !equal(n.secrets.confirmationTag(n.context.transcript), a.confirmation) {
		return nil, ch, ErrTag
	}
	n.interim = interimTranscript(n.context.transcript, a.confirmation)
	if err := done.validate(o.Validate); err != nil {
		return nil, ch, err
	}
	return n, done.changes, nil
}

// followPath applies the committer's path, if there is one, and returns the
// commit secret, all zero without a path (RFC 9420 §12.4.2).
func (n *Group) followPath(up *updatePath, committer LeafIndex, done *applied) (secret, error) {
	if up == nil {
		n.priv.prune(n.tree)
		n.context.treeHash = n.tree.hash()
		return secret{}, nil
	}
	if err := up.leaf.supports(n.context.extensions); err != nil {
		return secret{}, err
	}
	if err := n.tree.applyPath(up, committer, n.context.groupID); err != nil {
		return secret{}, err
	}
	n.priv.prune(n.tree)
	n.context.treeHash = n.tree.hash()
	done.changes.Updated = append(done.changes.Updated, up.leaf.member(committer))
	return n.tree.decryptPath(up, committer, n.own, marshal(&n.context), done.added, n.priv)
}

// resolve looks up the proposals a commit refers to.
func (g *Group) resolve(c *commit, committer LeafIndex) ([]sentProposal, error) {
	var out []sentProposal
	for _, p := range c.proposals {
		if p.proposal != nil {
			out = append(out, sentProposal{p.proposal, committer})
			continue
		}
		i := slices.IndexFunc(g.pending, func(q pendingProposal) bool { return bytes.Equal(q.ref, p.ref) })
		if i < 0 {
			return nil, ErrUnknownProposal
		}
		out = append(out, sentProposal{g.pending[i].p, g.pending[i].sender})
	}
	return out, nil
}

// openHandshake verifies a proposal or commit in either framing. The key of a
// PrivateMessage is returned and not taken.
func (g *Group) openHandshake(msg []byte, contentType uint8) (*authenticatedContent, *foundKey, error) {
	wire, err := wireFormat(msg)
	if err != nil {
		return nil, nil, err
	}
	var a *authenticatedContent
	var f *foundKey
	switch wire {
	case wirePrivate:
		m, err := parsePrivate(msg)
		if err != nil {
			return nil, nil, err
		}
		if m.contentType != contentType {
			return nil, nil, ErrWrongContent
		}
		if a, f, err = g.openPrivate(m); err != nil {
			return nil, nil, err
		}
	case wirePublic:
		r := newReader(msg)
		readHeader(r, wirePublic)
		m := decodePublicMessage(r)
		if err := r.end(); err != nil {
			return nil, nil, err
		}
		if m.content.contentType != contentType {
			return nil, nil, ErrWrongContent
		}
		if a, err = g.openPublic(m); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, ErrWrongContent
	}
	return a, f, nil
}

// ProcessProposal verifies a proposal that came by itself and keeps it for a
// commit that refers to it. Store g afterwards.
func (g *Group) ProcessProposal(msg []byte) error {
	if len(g.pending) >= maxPending {
		return ErrTooLarge
	}
	a, f, err := g.openHandshake(msg, ContentProposal)
	if err != nil {
		return err
	}
	if f != nil {
		g.keys.take(f)
		f.key.forget()
	}
	ref := a.proposalRef()
	if !slices.ContainsFunc(g.pending, func(q pendingProposal) bool { return bytes.Equal(q.ref, ref) }) {
		g.pending = append(g.pending, pendingProposal{ref: ref, sender: LeafIndex(a.content.sender), p: a.content.proposal})
	}
	return nil
}
