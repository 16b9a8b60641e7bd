// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

const (
	// ProblemWelcome: a Welcome that this device cannot use.
	ProblemWelcome = "welcome_unreadable"
)

// join enters a conversation by its Welcome.
func (c *Client) join(ctx context.Context, ch *change, i *introduction, a *keydir.Account) error {
	old := c.convs[i.Conversation]
	if old != nil && old.Status == statusActive {
		// Perhaps we were taken out and do not know it yet.
		if err := c.catchUp(ctx, old); later(err) {
			return err
		}
		if old.Status == statusActive && !peerLost(old, i, a) && !comesBefore(old, i) {
			return errIgnore
		}
	}
	if old != nil && !goesOn(old, i, a) {
		// Perhaps by somebody who came while we were away; the members that we
		// know are asked again, and soon.
		old.Asked = min(old.Asked, c.now().Add(time.Minute-askAgain).Unix())
		old.save(ch)
		return nil
	}
	var used change
	g, err := c.openWelcome(ctx, &used, i)
	if err != nil {
		if later(err) || errors.Is(err, errIgnore) {
			return err
		}
		ch.tell(c.problem(i.Conversation.String(), 0, namedFailure(ProblemWelcome)))
		// Once in a while only: the next Welcome may be as unreadable.
		if last, asked := c.askedAt[i.Conversation]; asked && c.now().Sub(last) < askAgain {
			return nil
		}
		c.askedAt[i.Conversation] = c.now()
		return c.queueAddBack(ch, i.Conversation, inviteeOf(a), c.self.devicePublic(), i.Epoch)
	}
	v, err := c.conversationFrom(ctx, i, g, a)
	if err != nil {
		g.Forget()
		return err
	}
	if old != nil {
		if err := c.inherit(ctx, ch, v, old); err != nil {
			g.Forget()
			return err
		}
	}
	ch.records = append(ch.records, used.records...)
	c.convs[v.ID] = v
	delete(c.brokenAt, v.ID)
	ch.put(v.rawRecord(v.Start), &raw{Chain: v.Chain, Envelope: wire.Envelope{EnvelopeKind: wire.KindMessage}})
	v.save(ch)
	if p := c.contacts[a.Newest.Handle]; v.Direct && p != nil {
		n := *p
		if other := c.convs[n.Conversation]; other == nil || string(v.ID[:]) < string(other.ID[:]) {
			n.Conversation = v.ID // of two that crossed, both sides take the same
		}
		c.putContact(ch, &n)
	}
	for _, m := range v.Members {
		c.identityChanged(ctx, ch, m.Handle, m.Identity)
	}
	if v.Leaving = leavesAgain(old, v); v.Leaving {
		v.save(ch)
		c.soon() // tells them, and is gone again
		return nil
	}
	ch.tell(ConversationJoined{At: c.now(), Conversation: v.ID.String(), Seq: v.Seq, Name: c.public(v).Name, Members: v.handles()})
	c.blobBehind(ch)
	return nil
}

// inherit takes over what a conversation's state before has: its history, its
// queue, and what was sent in a group that is left.
func (c *Client) inherit(ctx context.Context, ch *change, v, old *conversation) error {
	if v.Anew > old.Anew && !v.amongst(old) {
		return errIgnore // begun anew with others than it had
	}
	v.continues(ch, old)
	v.remember(old)
	v.Undone = old.Undone
	v.dropStanding()
	var err error
	switch {
	case old.Status.over():
	case v.Anew != old.Anew:
		err = c.queueAgain(ctx, ch, v)
	case v.Mailbox != old.Mailbox: // what a restored server lost, perhaps nobody could put back
		_, err = c.sendAgain(ctx, ch, v, false, func(openMessage) bool { return true })
	}
	if err != nil {
		return err
	}
	if old.group != nil {
		old.group.Forget()
	}
	return nil
}

// goesOn reports whether a Welcome may be for a conversation that this device
// knows: its sender and whoever began it anew were in it, and it is what it
// was. After a removal any invitation is a new one.
func goesOn(v *conversation, i *introduction, a *keydir.Account) bool {
	if v.Status.over() {
		return true
	}
	knows := v.knows(a.Newest.Handle) || (v.Status == statusAwaiting && v.Epoch == 0) // the sheet's list may be old
	founder := i.Founder == "" || i.Founder == v.Founder
	for _, m := range v.Members {
		founder = founder || m.Handle.String() == i.Founder
	}
	return founder && knows && i.Direct == v.Direct && (v.Direct || i.Name == v.Name)
}

// amongst reports whether everybody here was in the other conversation.
func (v *conversation) amongst(other *conversation) bool {
	for _, m := range v.Members {
		if !other.knows(m.Handle) {
			return false
		}
	}
	return true
}

// comesBefore reports whether the group of a Welcome stands before the one that
// this device is in. A group that nobody had to begin anew stands before one
// that somebody did, because who could go on in it does; of two begun anew at
// the same time the one of the lower handle does, for everybody. Of two people,
// whoever began it anew has left what was before, where nobody else can go on.
func comesBefore(v *conversation, i *introduction) bool {
	if i.Anew != v.Anew {
		if v.Direct {
			return i.Anew > v.Anew
		}
		return i.Anew < v.Anew
	}
	return v.Anew > 0 && i.Founder < v.Founder
}

// peerLost reports whether the other person of a conversation of two begins it
// anew with a device that has no leaf in it: theirs is lost, so this state has
// nobody to talk to.
func peerLost(v *conversation, i *introduction, a *keydir.Account) bool {
	if !v.Direct || !i.Direct || !v.knows(a.Newest.Handle) {
		return false
	}
	for _, m := range v.Members {
		if m.Handle == a.Newest.Handle && a.Newest.HasDevice(m.Device) {
			return false
		}
	}
	return true
}

// openWelcome finds the key package that a Welcome is for, and joins. What the
// vault must write with it goes into used: a one-time package is gone, and a
// last resort, which serves on, remembers where it led. It leads nowhere twice
// (errIgnore): the state of a Welcome has used no generation yet, and this leaf
// may have used some in that epoch since, as when a member repeats a Welcome to
// a device that waits to be added anew.
func (c *Client) openWelcome(ctx context.Context, used *change, i *introduction) (*mls.Group, error) {
	refs, err := mls.WelcomeRefs(i.Welcome)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		var k keptPackage
		found, err := get(ctx, c.vault, packageRecord(ref), &k)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		priv, err := mls.UnmarshalKeyPackagePrivate(k.Private)
		if err != nil {
			return nil, err
		}
		g, err := mls.Join(i.Welcome, priv, c.self.deviceKey(), uint64(c.now().Unix()), c.validator())
		if err != nil {
			return nil, err
		}
		if !k.LastResort {
			used.drop(packageRecord(ref))
			return g, nil
		}
		mark := epochMark(g)
		if slices.ContainsFunc(k.Joined, func(b []byte) bool { return bytes.Equal(b, mark) }) || len(k.Joined) == maxJoined {
			g.Forget()
			return nil, errIgnore
		}
		k.Joined = append(k.Joined, mark)
		used.put(packageRecord(ref), &k)
		return g, nil
	}
	return nil, mls.ErrNotForUs
}

// epochMark names an epoch of a group by what every Welcome into it leads to,
// however it was sealed, and tells no secret of it.
func epochMark(g *mls.Group) []byte {
	mark := sha256.Sum256(wire.ToSign("clarion epoch mark v1", "", g.GroupID(), g.EpochAuthenticator()))
	return mark[:]
}

// conversationFrom checks a joined group against its introduction and the
// directory: whoever invites must be in it, and every member must be whom the
// directory names. A stranger in the tree refuses the whole.
func (c *Client) conversationFrom(ctx context.Context, i *introduction, g *mls.Group, a *keydir.Account) (*conversation, error) {
	v := &conversation{
		ID: i.Conversation, Direct: i.Direct, Name: i.Name, Status: statusActive, Created: true, Mailbox: i.Mailbox,
		Incarnation: i.Incarnation, Moves: i.Moves, Keep: min(max(i.Keep, wire.MinKeep), wire.MaxKeep), Base: i.Base, BaseEpoch: i.BaseEpoch,
		Anew: i.Anew, Founder: i.Founder,
		Seq: i.Seq, Start: i.Seq, Chain: i.Chain, Read: i.Seq, ToldGot: i.Seq, ToldRead: i.Seq,
	}
	if err := c.adopt(v, g, i.Seq, nil); err != nil {
		return nil, errIgnore
	}
	inviter := false
	for _, m := range v.Members {
		inviter = inviter || (m.Handle == a.Newest.Handle && m.Identity == a.Newest.IdentityKey && a.Newest.HasDevice(m.Device))
		err := c.person(ctx, m.Handle, m.Identity)
		if err != nil && !nobody(err) {
			return nil, err
		}
		if err != nil {
			return nil, errIgnore
		}
	}
	if !inviter || (v.Direct && len(v.handles()) != 2) || checkName(v.Name, v.Direct) != nil || v.Seq < v.Base || v.Seq-v.Base > maxBase {
		return nil, errIgnore
	}
	if v.Base > maxBase {
		v.renumber(nextBase(0))
	}
	return v, nil
}

// inviteeOf is where to reach a person of the directory.
func inviteeOf(a *keydir.Account) *invitee {
	return &invitee{Handle: a.Newest.Handle, Inbox: a.Newest.Inbox, InboxKey: a.Newest.InboxKey}
}
