// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// One way back: whoever lost a leaf's state (a restore from the sheet, an old
// or copied vault, sleep past the mailbox's limit, a Welcome that never came)
// asks the members through their inboxes. A member's client asks the directory
// which devices are the person's, and one commit takes the dead leaves out and
// the devices in. Who asks twice, or asks several, is added once.

const (
	askAgain   = 30 * time.Minute // before asking the same members again
	askSoonest = 10 * time.Second // also where the server forgets a request sooner than that
)

// askEvery is how long a request is left to be answered. When the server was
// seen to forget what is younger than askAgain, it forgets requests too.
func (v *conversation) askEvery() time.Duration {
	if v.Forgets == 0 {
		return askAgain
	}
	return max(askSoonest, min(askAgain, time.Duration(min(v.Forgets, int64(askAgain/time.Second)))*time.Second))
}

// awaitAll closes every conversation that goes on until a member has added this
// device's new key; history and queue stay.
func (c *Client) awaitAll(ch *change) {
	for _, v := range c.sorted() {
		if !v.Status.over() {
			c.await(ch, v)
		}
	}
}

func (c *Client) await(ch *change, v *conversation) {
	if v.group != nil {
		v.group.Forget()
		v.group = nil
	}
	v.Status, v.Pending, v.Asked = statusAwaiting, nil, 0
	ch.drop(v.groupRecord())
	v.save(ch)
}

// awaitConversations writes the conversations of a recovery blob as known but
// not open yet. One that this vault has from before keeps its history.
func (c *Client) awaitConversations(ch *change, list []blobConversation) {
	for _, b := range list {
		if v := c.convs[b.ID]; v != nil {
			v.Leaving = false
			c.await(ch, v)
			continue
		}
		v := &conversation{ID: b.ID, Direct: b.Direct, Name: b.Name, Status: statusAwaiting, Keep: wire.DefaultKeep}
		for _, h := range b.Members {
			m := memberState{Handle: h}
			if p := c.contacts[h]; p != nil {
				m.Identity = p.Identity
			}
			v.Members = append(v.Members, m)
		}
		c.convs[v.ID] = v
		v.save(ch)
	}
}

// askBackEverywhere asks for each conversation that this device cannot open,
// and plans when to ask again.
func (c *Client) askBackEverywhere(ctx context.Context) {
	c.askAt = time.Time{}
	for _, v := range c.sorted() {
		if v.Status != statusAwaiting && v.Status != statusBroken {
			continue
		}
		if err := c.askBack(ctx, v); err != nil && !unreachable(err) {
			c.tell(c.problem(v.ID.String(), 0, AsFailure(err)))
		}
		at := time.Unix(v.Asked, 0).Add(v.askEvery())
		if soonest := c.now().Add(askSoonest); at.Before(soonest) {
			at = soonest // it could not be asked just now
		}
		if c.askAt.IsZero() || at.Before(c.askAt) {
			c.askAt = at
		}
	}
}

// askBack asks the other members of one conversation, at most every askEvery.
func (c *Client) askBack(ctx context.Context, v *conversation) error {
	if c.now().Unix()-v.Asked < int64(v.askEvery()/time.Second) {
		return nil
	}
	epoch := v.Epoch
	if v.Asked != 0 {
		epoch = ^uint64(0) // asked before, and no Welcome came: whatever leaf was made of it is lost too
	}
	var ch change
	for _, h := range v.handles() {
		if h == c.self.Handle || v.left(h) || c.contacts[h].blocked() {
			continue
		}
		a, err := c.lookUp(ctx, h)
		if refusedWith(err, wire.CodeNoAccount) {
			continue
		}
		if err != nil {
			return err
		}
		if err := c.queueAddBack(&ch, v.ID, inviteeOf(a), c.self.devicePublic(), epoch); err != nil {
			return err
		}
	}
	v.Asked = c.now().Unix()
	v.save(&ch)
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	return c.sendIntroductions(ctx)
}

func (c *Client) queueAddBack(ch *change, conv conversationID, to *invitee, device [32]byte, epoch uint64) error {
	return c.queueIntroduction(ch, to, &introduction{Kind: introAddBack, Conversation: conv, Device: device, Epoch: epoch})
}

// takeAddBack answers a person who lost a leaf. The directory says which
// devices are theirs; the request only says where to look.
func (c *Client) takeAddBack(ctx context.Context, i *introduction, a *keydir.Account) error {
	v := c.convs[i.Conversation]
	h := a.Newest.Handle
	if v == nil || (!v.in(h) && !v.unjustlyOut(h)) {
		return errIgnore
	}
	if v.Status == statusAwaiting {
		return c.allLost(ctx, v, a)
	}
	if v.Status == statusBroken || v.Status == statusOld {
		v.noteLost(h) // so it is not this device alone that cannot go on
		return errIgnore
	}
	if v.Status != statusActive {
		return errIgnore
	}
	err := c.changeGroup(ctx, v, func(ctx context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
		return c.planAddBack(ctx, v, i, a)
	})
	if err != nil && v.Status == statusAwaiting { // found out just now that its own state is lost too
		return c.allLost(ctx, v, a)
	}
	if err != nil && !later(err) {
		c.tell(c.problem(v.ID.String(), v.Seq, AsFailure(err)))
		return errIgnore
	}
	return err
}

// allLost begins a conversation anew when every other member has said that
// they lost it too, and this one comes first among them: as long as one may be
// left who has it, two groups would stand under one name. Whoever does not come
// first tells the one who asked, once: this device's own request may have been
// forgotten before they were there.
func (c *Client) allLost(ctx context.Context, v *conversation, asked *keydir.Account) error {
	known := v.lost[asked.Newest.Handle]
	v.noteLost(asked.Newest.Handle)
	first := true
	for _, h := range v.handles() {
		first = first && (h == c.self.Handle || v.left(h) || (v.lost[h] && h.String() > c.self.Handle.String()))
	}
	if first {
		return c.foundAgain(ctx, v)
	}
	if known {
		return errIgnore
	}
	var ch change
	if err := c.queueAddBack(&ch, v.ID, inviteeOf(asked), c.self.devicePublic(), v.Epoch); err != nil {
		return err
	}
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	return errIgnore
}

func (v *conversation) noteLost(h wire.Handle) {
	if v.lost == nil {
		v.lost = map[wire.Handle]bool{}
	}
	v.lost[h] = true
}

func (c *Client) planAddBack(ctx context.Context, v *conversation, i *introduction, a *keydir.Account) (add [][]byte, remove []mls.LeafIndex, tell []invitee, err error) {
	h := a.Newest.Handle
	if !v.knows(h) && !v.unjustlyOut(h) {
		return nil, nil, nil, errNothingToCommit // removed meanwhile
	}
	dead := func(m memberState) bool {
		unheard := i.Epoch != ^uint64(0) || !m.Heard // a leaf that has spoken since is not lost
		return !a.Newest.HasDevice(m.Device) || (m.Device == i.Device && m.Since <= i.Epoch && unheard)
	}
	remove = leavesOf(v, h, dead)
	alive := map[[32]byte]bool{}
	for _, m := range v.Members {
		if m.Handle == h && !dead(m) {
			alive[m.Device] = true
		}
	}
	missing := false
	for _, d := range a.Newest.Devices {
		missing = missing || !alive[d]
	}
	if !missing && len(remove) == 0 {
		return nil, nil, nil, errNothingToCommit
	}
	if missing {
		packages, err := c.takePackages(ctx, a)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, b := range packages {
			kp, err := mls.ParseKeyPackage(b)
			if err != nil {
				return nil, nil, nil, err
			}
			if !alive[[32]byte(kp.Member().SignatureKey)] {
				add = append(add, b)
			}
		}
		tell = []invitee{*inviteeOf(a)}
	}
	return add, remove, tell, nil
}

// foundAgain begins a conversation anew under its old id, with all whom it
// had, when no state of it can go on.
func (c *Client) foundAgain(ctx context.Context, v *conversation) error {
	return c.foundAgainBy(ctx, v, nil)
}

// foundAgainBy is foundAgain for a conversation of two that an invite link
// opens once more: the link's secret goes with the introduction.
func (c *Client) foundAgainBy(ctx context.Context, v *conversation, secret *[32]byte) error {
	var accounts []*keydir.Account
	for _, h := range v.handles() {
		if h == c.self.Handle || v.left(h) {
			continue
		}
		a, err := c.lookUp(ctx, h)
		if refusedWith(err, wire.CodeNoAccount) {
			continue
		}
		if err != nil {
			return err
		}
		accounts = append(accounts, a)
	}
	f, err := c.gather(ctx, accounts)
	if err != nil {
		return err
	}
	if secret != nil && len(f.invitees) == 1 {
		f.invitees[0].Secret, f.invitees[0].Token = *secret, inviteToken(*secret)
	}
	before := snapshot(v)
	var ch change
	v.Anew++
	v.Founder = c.self.Handle.String()
	if err := c.queueAgain(ctx, &ch, v); err != nil {
		return err
	}
	if err := c.found(&ch, v, f); err != nil {
		return err
	}
	delete(c.brokenAt, v.ID)
	c.tellMembership(ctx, &ch, v, before, v.Seq, c.self.Handle)
	ch.tell(ConversationJoined{At: c.now(), Conversation: v.ID.String(), Seq: v.Seq, Name: c.public(v).Name, Members: v.handles()})
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	if err := c.ensureMailbox(ctx, v); err != nil {
		return err
	}
	return c.sendIntroductions(ctx)
}

// alone is how long a member who cannot go on waits for one who can, when no
// other has said that they cannot either.
const alone = time.Minute

// patience is how long this device leaves it to members before it to begin a
// broken conversation anew: the lowest leaf that is online does it. When it is
// the only one to whom the commit was unreadable, a member adds it again.
func (c *Client) patience(v *conversation) time.Duration {
	rank := 0
	for _, m := range v.Members {
		if m.Handle == c.self.Handle {
			break
		}
		rank++
	}
	wait := time.Duration(rank) * 20 * time.Second
	if len(v.lost) == 0 {
		wait += alone
	}
	return wait
}

// mendBroken begins anew what has been broken for long enough.
func (c *Client) mendBroken(ctx context.Context) error {
	for _, v := range c.sorted() {
		if v.Status != statusBroken {
			continue
		}
		at, known := c.brokenAt[v.ID]
		if !known {
			at = c.now()
			c.brokenAt[v.ID] = at
		}
		if c.now().Sub(at) < c.patience(v) {
			continue
		}
		err := c.foundAgain(ctx, v)
		if unreachable(err) {
			return err
		}
		if err != nil { // the conversation's own trouble: the others go on, and this one is tried again
			c.brokenAt[v.ID] = c.now().Add(askAgain)
			c.tell(c.problem(v.ID.String(), v.Seq, AsFailure(err)))
		}
	}
	return nil
}

// renewDevice gives this vault a new device key when its MLS states can no
// longer be trusted to be the only ones. Every conversation is asked to add it;
// a copy that still runs finds itself replaced.
func (c *Client) renewDevice(ctx context.Context) error {
	old := false
	for _, v := range c.convs {
		old = old || v.Status == statusOld
	}
	if !old {
		return nil
	}
	s, err := c.accountDoor(ctx)
	if err != nil {
		return err
	}
	if err := c.takeInbox(ctx); err != nil { // what waits there is sealed to the old key
		return err
	}
	me := c.self
	a, err := me.account()
	if err != nil {
		return err
	}
	next := *me
	next.Prior, next.PriorCertificate = me.Device, me.Certificate
	if err := c.random(next.Device[:]); err != nil {
		return err
	}
	if err := c.random(next.IDSecret[:]); err != nil {
		return err
	}
	if err := c.makeDevice(&next); err != nil {
		return err
	}
	e, err := c.newEntry(&next, nil, a)
	if err != nil {
		return err
	}
	next.Chain = append(append([][]byte{}, me.Chain...), e)
	next.InboxSeq = 0
	var ch change
	c.self = &next
	ch.put(recordSelf, c.self)
	c.awaitAll(&ch)
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	if err := c.putEntry(ctx, s, e); err != nil {
		return err
	}
	c.doors.inbox.close()
	c.doors.inbox = nil
	c.self.Prior, c.self.PriorCertificate = [32]byte{}, nil
	ch.put(recordSelf, c.self)
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	if c.listening {
		return c.subscribeInbox(ctx)
	}
	return nil
}
