// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"slices"
	"time"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// MLS lets nobody commit their own removal (RFC 9420 §12.2). Who leaves says so
// in a sealed message, which names nobody: it speaks for the leaf that sealed
// it, so nobody can say it for another. The lowest leaf online then takes the
// person out; any other commit does so on the way.

const (
	// FailLeft: this person has left the conversation.
	FailLeft = "conversation_left"
	// FailOtherLeft: the other person has left a conversation of two.
	FailOtherLeft = "other_person_left"
	// FailNotOver: a conversation that goes on cannot be forgotten.
	FailNotOver = "conversation_not_over"
)

// The rest of a conversation's states: nothing follows them by itself.
//
//	active ──Leave──▶ left      active ──the other of two leaves──▶ ended
const (
	statusLeft  status = 6
	statusEnded status = 7
)

// over reports whether this device takes no more part, for good.
func (s status) over() bool { return s == statusRemoved || s == statusLeft || s == statusEnded }

// state is what a person is told of the status.
func (v *conversation) state() ConversationState {
	switch {
	case v.Leaving || v.Status == statusLeft:
		return ConversationLeft
	case v.Status == statusRemoved:
		return ConversationRemoved
	case v.Status == statusEnded:
		return ConversationEnded
	case v.Status == statusActive:
		return ConversationActive
	}
	return ConversationWaiting
}

// leavePace is how long a member leaves it to each one before it to take out
// whoever left.
const leavePace = 20 * time.Second

// Leave ends this person's part in a conversation, at once and for good: what
// was typed before goes out if it can, the rest is marked failed, and the
// history stays. The members are told now, or as soon as the server can be
// reached. In a conversation of two it ends for both; Accept begins another.
func (c *Client) Leave(ctx context.Context, conversation string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil || v.Leaving || v.Status == statusLeft {
			return err
		}
		if v.Status == statusActive && c.listening && c.online {
			_ = c.flushUnheld(ctx, v) // what cannot go now does not keep anybody here
		}
		if v.Status != statusActive {
			return c.endPart(ctx, v, v.Status.over())
		}
		var ch change
		v.Leaving = true
		v.save(&ch)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		if c.listening && c.online {
			return c.settleFailure(c.sayLeft(ctx, v))
		}
		return nil
	})
}

// sayLeft tells the members, and then ends this device's part.
func (c *Client) sayLeft(ctx context.Context, v *conversation) error {
	if v.Status != statusActive {
		return nil
	}
	if err := c.ensureMailbox(ctx, v); err != nil {
		return err
	}
	for range 16 {
		said := v.Pending != nil && v.Pending.Leave
		if err := c.catchUp(ctx, v); err != nil && later(err) {
			return err
		}
		switch {
		case v.Status != statusActive: // taken out meanwhile, or lost the state
			return c.endPart(ctx, v, v.Status.over())
		case v.Alarm != "": // nothing is sent here any more, whoever shall hear it
			return c.endPart(ctx, v, false)
		case said && v.Pending == nil: // its echo was faster than the answer
			return c.endPart(ctx, v, true)
		case v.Pending != nil && v.Pending.Epoch < v.Epoch:
			if err := c.unseal(ctx, v); err != nil {
				return err
			}
		}
		if v.Pending == nil {
			if err := c.sealLeave(ctx, v); err != nil {
				return err
			}
		}
		said = v.Pending.Leave
		err := c.sendPending(ctx, v)
		if err == nil && said {
			return c.endPart(ctx, v, true)
		}
		if err != nil && !c.moveOn(ctx, v, err) {
			return err
		}
	}
	return wire.Refuse(wire.CodeStaleEpoch)
}

func (c *Client) sealLeave(ctx context.Context, v *conversation) error {
	m := &content{Kind: contentLeave, At: c.now().Unix()}
	if err := c.random(m.ID[:]); err != nil {
		return err
	}
	return c.seal(ctx, v, m, func(p *pending) { p.Leave = true })
}

// endPart makes a conversation one that was left: its history stays, and what
// could open or send anything in it goes. told says whether the members know.
func (c *Client) endPart(ctx context.Context, v *conversation, told bool) error {
	was := v.Status
	c.endedFor(v, statusLeft)
	v.Leaving = !told // should a member add this device again, it says so then
	var ch change
	if err := c.failQueued(ctx, &ch, v, v.Seq); err != nil {
		return err
	}
	v.save(&ch)
	ch.drop(v.groupRecord())
	err := scan(ctx, c.vault, "env/"+v.ID.String()+"/", func(key string, _ []byte) error { ch.drop(key); return nil })
	if err != nil {
		return fail(FailVault, err)
	}
	c.freeContact(&ch, v)
	if !was.over() {
		ch.tell(MemberRemoved{At: c.now(), Conversation: v.ID.String(), Seq: v.Seq, Handle: c.self.Handle, Left: true})
	}
	c.blobBehind(&ch)
	mailbox := v.Mailbox
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	if s := c.doors.mailbox; s != nil && c.listening {
		_, _ = ask[*wire.Done](ctx, s, &wire.Unsubscribe{Mailbox: mailbox}) // what still comes is not looked at
	}
	return nil
}

// endedFor drops the secrets of a conversation that is over.
func (c *Client) endedFor(v *conversation, s status) {
	if v.group != nil {
		v.group.Forget()
		v.group = nil
	}
	v.Status, v.Passes, v.Acked, v.Healing, v.Open, v.lost = s, nil, nil, nil, nil, nil
	v.Unread, v.UnreadFrom = 0, 0
	delete(c.leftAt, v.ID)
	delete(c.brokenAt, v.ID)
}

// freeContact makes room for another conversation with the person of one that
// is over: of several that go on, the lowest.
func (c *Client) freeContact(ch *change, v *conversation) {
	p := c.contacts[v.peer(c.self.Handle)]
	if !v.Direct || p == nil || p.Conversation != v.ID {
		return
	}
	n := *p
	n.Conversation = conversationID{}
	for _, other := range c.sorted() {
		if other.Direct && !other.Status.over() && other.peer(c.self.Handle) == n.Handle {
			n.Conversation = other.ID
			break
		}
	}
	c.putContact(ch, &n)
}

// takeLeave notes that the person of a leaf has left.
func (c *Client) takeLeave(ctx context.Context, ch *change, v *conversation, seq uint64, from *memberState) error {
	h := from.Handle
	if h == c.self.Handle {
		c.note(ch, v, seq, ProblemUnreadable)
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Handle == h {
			v.Members[i].Leaving = true
		}
	}
	if !v.Direct {
		c.leaversDue(v)
		return nil
	}
	unread, from64 := v.Unread, v.UnreadFrom
	ch.drop(v.groupRecord())
	c.endedFor(v, statusEnded)
	v.Unread, v.UnreadFrom = unread, from64
	c.freeContact(ch, v)
	ch.tell(MemberRemoved{At: c.now(), Conversation: v.ID.String(), Seq: seq, Handle: h, Left: true})
	c.blobBehind(ch)
	return c.failQueued(ctx, ch, v, seq)
}

// leaversDue plans that those who left are taken out.
func (c *Client) leaversDue(v *conversation) {
	if _, known := c.leftAt[v.ID]; !known && v.Status == statusActive && len(v.leavers()) > 0 {
		c.leftAt[v.ID] = c.now()
	}
}

// leavers lists the leaves of those who left and are not yet taken out.
func (v *conversation) leavers() []mls.LeafIndex {
	var list []mls.LeafIndex
	for _, m := range v.Members {
		if m.Leaving {
			list = append(list, mls.LeafIndex(m.Leaf))
		}
	}
	return list
}

// left reports whether a person has said that they leave.
func (v *conversation) left(h wire.Handle) bool {
	return slices.ContainsFunc(v.Members, func(m memberState) bool { return m.Handle == h && m.Leaving })
}

// in reports whether a person is in the conversation and stays.
func (v *conversation) in(h wire.Handle) bool { return v.knows(h) && !v.left(h) }

// withLeavers adds those who left to what a commit removes.
func (v *conversation) withLeavers(remove []mls.LeafIndex) []mls.LeafIndex {
	for _, leaf := range v.leavers() {
		if !slices.Contains(remove, leaf) {
			remove = append(remove, leaf)
		}
	}
	return remove
}

// leaveWait is how long this device leaves it to those before it in the tree.
func (c *Client) leaveWait(v *conversation) time.Duration {
	rank := 0
	for _, m := range v.Members {
		if m.Handle == c.self.Handle {
			break
		}
		if !m.Leaving {
			rank++
		}
	}
	return time.Duration(rank) * leavePace
}

// untilLeavers is how long it is until somebody has to be taken out.
func (c *Client) untilLeavers(most time.Duration) time.Duration {
	for id, at := range c.leftAt {
		if v := c.convs[id]; v != nil {
			most = min(most, max(at.Add(c.leaveWait(v)).Sub(c.now()), 0), time.Second)
		}
	}
	return most
}

// removeLeavers takes out those who left where it is this device's turn.
func (c *Client) removeLeavers(ctx context.Context) error {
	for _, v := range c.sorted() {
		at, due := c.leftAt[v.ID]
		if !due || c.now().Before(at.Add(c.leaveWait(v))) {
			continue
		}
		delete(c.leftAt, v.ID)
		if v.obstacle() != "" {
			continue
		}
		err := c.changeGroup(ctx, v, func(_ context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
			if len(v.leavers()) == 0 {
				return nil, nil, nil, errNothingToCommit
			}
			return nil, v.leavers(), nil, nil
		})
		if err == nil {
			continue
		}
		c.leftAt[v.ID] = c.now().Add(leavePace)
		if unreachable(err) {
			return err
		}
		c.leftAt[v.ID] = c.now().Add(askAgain) // the conversation's own trouble
		c.tell(c.problem(v.ID.String(), v.Seq, AsFailure(err)))
	}
	return nil
}

// leavesAgain reports whether a Welcome came from members who were not told, or
// not all told, that this person had left: the group was begun anew.
func leavesAgain(old *conversation, v *conversation) bool {
	return old != nil && old.Status == statusLeft && (old.Leaving || v.Anew > old.Anew)
}

// Forget deletes what this vault holds of a conversation that is over: that
// was left, that this person was removed from, or whose other person left.
func (c *Client) Forget(ctx context.Context, conversation string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		if !v.Status.over() {
			return fail(FailNotOver, nil)
		}
		var ch change
		for _, kind := range []string{"mls/", "env/", "hist/", "at/", "mid/", "out/", "draft/"} {
			err := scan(ctx, c.vault, kind+v.ID.String(), func(key string, _ []byte) error { ch.drop(key); return nil })
			if err != nil {
				return fail(FailVault, err)
			}
		}
		ch.drop(v.record())
		c.freeContact(&ch, v)
		delete(c.convs, v.ID)
		return c.commit(ctx, &ch)
	})
}
