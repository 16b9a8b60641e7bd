// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"slices"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// A server that is restored from a backup forgets commits. Members put them
// back, unless others have left the epoch by another commit before whoever
// holds them was there. What such a commit did is then undone: somebody added
// is out, somebody removed is in. So each device remembers who came and went
// by which commit, and does again what its own did; what others did it does
// when the person that they added asks for it.

const (
	deedsKept = 1024      // changes remembered per conversation, of the epochs whose pass is kept
	redoPace  = time.Hour // before trying again to add who could not be
)

// deedKind is what a commit did.
type deedKind uint8

const (
	deedAdded   deedKind = 1
	deedRemoved deedKind = 2
	deedKeep    deedKind = 3
)

// deed is one thing that a commit did.
type deed struct {
	Kind   deedKind
	Epoch  uint64      // that the commit ended
	Own    bool        // by this device
	Member memberState // added, removed: who, and what their marks had told
	Keep   uint8       // keep: days
}

// Fields describes the value.
func (d *deed) Fields(c *wire.Coder) {
	c.U8((*uint8)(&d.Kind))
	c.U64(&d.Epoch)
	c.Bool(&d.Own)
	if d.Kind != deedKeep {
		d.Member.Fields(c)
	}
	c.U8(&d.Keep)
}

// same reports whether two deeds are about the same thing.
func (d *deed) same(other deed) bool {
	return (d.Kind == deedKeep) == (other.Kind == deedKeep) && d.Member.Handle == other.Member.Handle
}

// deedsBetween lists what a commit did that ended an epoch, from the members
// before and after it.
func deedsBetween(before, after []memberState, epoch uint64, own bool, keep uint8) []deed {
	var list []deed
	in := func(list []memberState, h wire.Handle) bool {
		return slices.ContainsFunc(list, func(m memberState) bool { return m.Handle == h })
	}
	for _, m := range after {
		if !in(before, m.Handle) {
			list = append(list, deed{Kind: deedAdded, Epoch: epoch, Own: own, Member: m})
		}
	}
	for _, m := range before {
		if !in(after, m.Handle) {
			list = append(list, deed{Kind: deedRemoved, Epoch: epoch, Own: own, Member: m})
		}
	}
	if keep != 0 {
		list = append(list, deed{Kind: deedKeep, Epoch: epoch, Own: own, Keep: keep})
	}
	return list
}

// did remembers what the commit did that led into the present epoch.
func (v *conversation) did(before []memberState, own bool, keep uint8) {
	v.Done = append(v.Done, deedsBetween(before, v.Members, v.Epoch-1, own, keep)...)
	oldest := v.Passes[0].Epoch
	v.Done = slices.DeleteFunc(v.Done, func(d deed) bool { return d.Epoch < oldest })
	v.Done = v.Done[max(0, len(v.Done)-deedsKept):]
}

// undo notes that the group goes on from an epoch without the commits that this
// device took there and after.
func (v *conversation) undo(from uint64) {
	for _, d := range v.Done {
		if d.Epoch >= from {
			v.undone(d)
		}
	}
	v.Done = slices.DeleteFunc(v.Done, func(d deed) bool { return d.Epoch >= from })
}

// undone notes a deed that is to be done again. The last about somebody counts.
func (v *conversation) undone(d deed) {
	if at := slices.IndexFunc(v.Members, func(m memberState) bool { return m.Handle == d.Member.Handle }); at >= 0 && d.Kind == deedAdded {
		d.Member = v.Members[at] // with what they told since
	}
	v.Undone = slices.DeleteFunc(v.Undone, d.same)
	v.Undone = append(v.Undone, d)
	v.Undone = v.Undone[max(0, len(v.Undone)-deedsKept):]
}

// undoneCommit notes what a commit would have done that was on the server, or
// may have been, and is no more.
func (c *Client) undoneCommit(v *conversation, p *pending) error {
	if p == nil || p.Commit == nil || p.Commit.Fresh {
		return nil // made in this life of the data: whoever made it plans it again
	}
	g, err := mls.UnmarshalGroup(p.Commit.State, c.self.deviceKey())
	if err != nil {
		return fail(FailVault, err)
	}
	defer g.Forget()
	var after []memberState
	for _, m := range g.Members() {
		cert, err := memberCertificate(m, c.self.Handle.Host)
		if err != nil {
			return err
		}
		after = append(after, memberState{ // what is written from here on is for them
			Handle: cert.Handle, Identity: cert.IdentityKey, Device: cert.DeviceKey, Newcomer: true, Got: v.Seq, Read: v.Seq, From: v.Seq,
		})
	}
	for _, d := range deedsBetween(v.Members, after, p.Epoch, true, p.Commit.Keep) {
		v.undone(d)
	}
	return nil
}

// stands reports whether the conversation is as a deed made it.
func (v *conversation) stands(d deed) bool {
	switch d.Kind {
	case deedAdded:
		return v.in(d.Member.Handle)
	case deedRemoved:
		return !v.knows(d.Member.Handle)
	}
	return v.Keep == d.Keep
}

// dropStanding forgets what need not be done again.
func (v *conversation) dropStanding() { v.Undone = slices.DeleteFunc(v.Undone, v.stands) }

// addedBefore lists the members who are out only because a restored server lost
// their coming, with what they had told.
func (v *conversation) addedBefore() []memberState {
	var list []memberState
	for _, d := range v.Undone {
		if d.Kind == deedAdded {
			list = append(list, d.Member)
		}
	}
	return list
}

// toAddAgain lists those of them whom this device added.
func (v *conversation) toAddAgain() []memberState {
	var list []memberState
	for _, d := range v.Undone {
		if d.Kind == deedAdded && d.Own {
			list = append(list, d.Member)
		}
	}
	return list
}

// unjustlyOut reports whether a person is out only for that.
func (v *conversation) unjustlyOut(h wire.Handle) bool {
	return !v.knows(h) && slices.ContainsFunc(v.addedBefore(), func(m memberState) bool { return m.Handle == h })
}

// redoDue reports whether this device has something to do again, and when it
// could not do all of it last time, whether that is long enough ago.
func (c *Client) redoDue(v *conversation) bool {
	return v.Status == statusActive && !c.now().Before(c.redoAt[v.ID]) && slices.ContainsFunc(v.Undone, func(d deed) bool { return d.Own })
}

// planRedo gathers what this device has to do again. Who cannot be added yet,
// because their device was not online since the restore, is tried later, or
// when they ask; whom the directory no longer knows, never.
func (c *Client) planRedo(ctx context.Context, v *conversation) (add [][]byte, remove []mls.LeafIndex, tell []invitee, err error) {
	var never []deed
	for _, d := range v.Undone {
		h := d.Member.Handle
		switch {
		case !d.Own || d.Kind == deedKeep || v.stands(d) || h == c.self.Handle:
			continue
		case d.Kind == deedRemoved:
			remove = append(remove, leavesOf(v, h, nil)...)
			continue
		}
		var f *founding
		a, err := c.lookUp(ctx, h)
		if err == nil {
			f, err = c.gather(ctx, []*keydir.Account{a})
		}
		switch {
		case unreachable(err):
			return nil, nil, nil, err
		case err == nil:
			add, tell = append(add, f.packages...), append(tell, f.invitees...)
		case nobody(err) || c.contacts[h].blocked():
			never = append(never, d)
		default:
			c.redoAt[v.ID] = c.now().Add(redoPace)
		}
	}
	v.Undone = slices.DeleteFunc(v.Undone, func(d deed) bool {
		return slices.ContainsFunc(never, d.same)
	})
	return add, remove, tell, nil
}

// redoKeep is the keep that this device has to set again, or 0.
func (v *conversation) redoKeep() uint8 {
	for _, d := range v.Undone {
		if d.Kind == deedKeep && d.Own && v.Keep != d.Keep {
			return d.Keep
		}
	}
	return 0
}

// firstSeal makes the commit that has to come before anything else of this leaf:
// one that nothing shows a used generation before, after a move to a restored
// server, and one that does again what the server lost, so that what is sealed
// next is for all. made is false when there is nothing of that.
func (c *Client) firstSeal(ctx context.Context, v *conversation) (made bool, err error) {
	var add [][]byte
	var remove []mls.LeafIndex
	var tell []invitee
	var keep uint8
	if c.redoDue(v) {
		if add, remove, tell, err = c.planRedo(ctx, v); err != nil {
			return false, err
		}
		keep = v.redoKeep()
	}
	if !v.Renew && !v.Lacks && len(add)+len(remove) == 0 && keep == 0 {
		return false, nil
	}
	return true, c.makeCommit(ctx, v, keep, add, v.withLeavers(remove), tell)
}

// redo does again what is due, and says what this device lacks, also where
// nothing waits to be sent.
func (c *Client) redo(ctx context.Context, v *conversation) error {
	if !c.redoDue(v) && !v.Lacks {
		return nil
	}
	return c.changeGroupKeep(ctx, v, v.redoKeep(), func(ctx context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
		add, remove, tell, err := c.planRedo(ctx, v)
		if err == nil && len(add)+len(remove) == 0 && v.redoKeep() == 0 && !v.Lacks {
			err = errNothingToCommit
		}
		return add, remove, tell, err
	})
}

// lostBranch gives up a state whose last commits a restored server lost, from an
// epoch on, when the others have gone on from there without them.
func (c *Client) lostBranch(ctx context.Context, v *conversation, from uint64) error {
	if err := c.undoneCommit(v, v.Pending); err != nil {
		return err
	}
	v.undo(from)
	return c.awaitAgain(ctx, v, ProblemRestored)
}

// forkedAt is the epoch from which the others went on without this device's
// last commits: the newest one that the mailbox knows, where it does not know
// the present one. ok is false when it knows none, which is a matter of time.
func (c *Client) forkedAt(ctx context.Context, v *conversation, s *session) (from uint64, ok bool, err error) {
	for i := len(v.Passes) - 1; i >= 0 && v.Passes[i].Epoch >= v.BaseEpoch; i-- {
		p := v.Passes[i]
		_, err := ask[*wire.Envelopes](ctx, s, &wire.Read{Mailbox: v.Mailbox, Pass: p.pass(v.Mailbox), Limit: 1})
		if refusedWith(err, wire.CodeWrongPass) {
			continue
		}
		return p.Epoch, err == nil, err
	}
	return 0, false, nil
}
