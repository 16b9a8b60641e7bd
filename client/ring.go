// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"context"
	"slices"
	"time"

	"clarion.chat/clarion/mls"
)

// overReasons are how a side says why a call is over for it; the numbers are
// the protocol's.
func overReasons() []CallReason {
	return []CallReason{CallHungUp, CallDeclined, CallBusy, CallNoAnswer, CallCancelled, CallFailed, CallInterrupted, CallTampered}
}

func overNumber(r CallReason) uint8 { return uint8(max(0, slices.Index(overReasons(), r))) }

// StartCall rings the other person of a conversation of two. It needs the
// server: a call cannot wait. The call begins in state calling; when the other
// person's call rings here already, or crosses this one, it is theirs that goes
// on, in state connecting and Incoming.
func (c *Client) StartCall(ctx context.Context, conversation string, p CallParams) (out Call, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		if err := c.mayCall(v); err != nil {
			return err
		}
		if k := c.ringingFrom(v); k != nil { // they were faster, and both want to talk
			if err := c.answer(ctx, k, p); err != nil {
				return err
			}
			out = k.public()
			return c.settleFailure(c.tendCalls(ctx))
		}
		k := &call{Conversation: v.ID, Peer: v.peer(c.self.Handle), Video: p.Video, Began: c.now().Unix(), State: string(CallCalling)}
		if err := c.random(k.ID[:]); err != nil {
			return err
		}
		if err := c.bring(k, p); err != nil {
			return err
		}
		k.round.offerer, k.deadline = true, time.Now().Add(ringFor+signalAgain)
		k.Commit = k.commitment(c.self.devicePublic(), k.round.mine, k.round.nonce)
		if err := c.keepCall(ctx, k); err != nil {
			return err
		}
		if err := c.ring(ctx, v, k); err != nil {
			if c.calls[k.ID] != nil {
				c.sayOver(k, CallCancelled) // perhaps it got there all the same
				if end := c.finish(ctx, k, CallFailed); end != nil {
					return end
				}
			}
			return err
		}
		if c.calls[k.ID] == nil && c.crossed[k.ID] != nil { // they called at the same time
			k = c.crossed[k.ID]
		}
		out = k.public()
		return nil
	})
	return out, err
}

// mayCall says why a conversation cannot have a call now.
func (c *Client) mayCall(v *conversation) error {
	switch code := v.obstacle(); {
	case !c.online:
		return fail(FailUnreachable, nil)
	case !v.Direct:
		return fail(FailCallGroup, nil)
	case code != "":
		return obstacleFailure(code)
	case !c.contacts[v.peer(c.self.Handle)].accepted():
		return fail(FailCallContact, nil)
	case c.held(v):
		return fail(FailIdentityChanged, nil)
	case c.engaged(nil):
		return fail(FailInCall, nil)
	}
	return nil
}

// engaged reports whether this device takes part in a call but that one.
func (c *Client) engaged(but *call) bool {
	for _, k := range c.calls {
		if k != but && !k.is(CallRinging) {
			return true
		}
	}
	return false
}

// keepCall makes a call durable and tells of it.
func (c *Client) keepCall(ctx context.Context, k *call) error {
	var ch change
	c.calls[k.ID] = k
	ch.put(k.record(), k)
	ch.tell(CallChanged{Call: k.public()})
	return c.commit(ctx, &ch)
}

// ring appends the ring. What the short code binds to the group is the epoch it
// is sealed in.
func (c *Client) ring(ctx context.Context, v *conversation, k *call) error {
	err := c.sendNow(ctx, v, func() *content {
		if c.calls[k.ID] == nil {
			return nil // theirs came first
		}
		if v.group != nil {
			k.Auth = [32]byte(v.group.EpochAuthenticator())
		}
		return &content{Kind: contentRing, At: c.now().Unix(), Call: k.ID, Video: k.Video, Rang: c.serverTime(), Commit: k.Commit}
	})
	if err != nil || c.calls[k.ID] == nil {
		return err
	}
	k.Seq = v.Seq
	if n := len(v.Acked); n > 0 {
		k.Seq = v.Acked[n-1].Seq
	}
	var ch change
	ch.put(k.record(), k)
	return c.commit(ctx, &ch)
}

// serverTime is the time by the server's clock, which both sides of a call can
// compare with; their own clocks may be hours apart.
func (c *Client) serverTime() int64 {
	now := c.now().Unix()
	if s := c.doors.mailbox; s != nil {
		now += s.ahead
	}
	return now
}

// sendNow seals a message that is no text and waits for no queue, and appends
// it. make is asked anew for each try; nil gives up.
func (c *Client) sendNow(ctx context.Context, v *conversation, make func() *content) error {
	if err := c.flushUnheld(ctx, v); err != nil {
		return err
	}
	var stuck error
	for range 16 {
		if err := c.catchUp(ctx, v); err != nil {
			return err
		}
		if code := v.obstacle(); code != "" {
			return obstacleFailure(code)
		}
		if _, err := c.groupOf(ctx, v); err != nil {
			return err
		}
		m := make()
		if m == nil {
			return nil
		}
		if err := c.random(m.ID[:]); err != nil {
			return err
		}
		sealed := false
		if err := c.seal(ctx, v, m, func(*pending) { sealed = true }); err != nil {
			return err
		}
		stuck = c.sendPending(ctx, v)
		if stuck == nil && sealed {
			return nil
		}
		if stuck == nil {
			continue
		}
		if !c.moveOn(ctx, v, stuck) {
			return stuck
		}
		if err := c.unseal(ctx, v); err != nil {
			return err
		}
	}
	return stuck
}

// takeRing deals with a ring of the other person. One that is older than a ring
// lasts is a missed call; people who are not accepted do not ring.
func (c *Client) takeRing(ch *change, v *conversation, seq uint64, from *memberState, m *content, g *mls.Group) {
	if !v.Direct || v.Leaving || from.Handle == c.self.Handle || !c.contacts[from.Handle].accepted() || c.calls[m.Call] != nil {
		return
	}
	k := &call{
		ID: m.Call, Conversation: v.ID, Peer: from.Handle, Device: from.Device, Incoming: true, Video: m.Video, Seq: seq,
		Began: min(m.At, c.now().Unix()), State: string(CallRinging), Auth: [32]byte(g.EpochAuthenticator()), Commit: m.Commit,
	}
	k.round.commit, k.round.heard = m.Commit, true
	v.active(k.Began, c.now())
	left := ringFor - time.Duration(c.serverTime()-m.Rang)*time.Second
	if left <= 0 || left > ringFor+ringSkew {
		c.finishIn(ch, k, CallMissed)
		return
	}
	if mine := c.callingTo(v); mine != nil {
		if bytes.Compare(mine.ID[:], k.ID[:]) < 0 {
			return // both called at once, and the other side gives way as well
		}
		c.cross(ch, mine, k)
		return
	}
	if c.engaged(nil) {
		c.sayOver(k, CallBusy)
		c.finishIn(ch, k, CallMissed)
		return
	}
	k.deadline = time.Now().Add(min(left, ringFor))
	c.calls[k.ID] = k
	ch.put(k.record(), k)
	if !c.self.MarksOff { // it says that somebody's device is on, as marks do
		c.signal(k, callSignal{Kind: signalRinging})
	}
	out := k.public()
	ch.tell(CallArrived{At: c.now(), Conversation: out.Conversation, Call: out.ID, From: k.Peer, Video: k.Video, Until: c.now().Add(min(left, ringFor))})
	ch.tell(CallChanged{Call: out})
}

// ringingFrom is the call of the other person that rings here.
func (c *Client) ringingFrom(v *conversation) *call {
	for _, k := range c.calls {
		if k.Conversation == v.ID && k.is(CallRinging) {
			return k
		}
	}
	return nil
}

// callingTo is this device's own call that rings at the other person.
func (c *Client) callingTo(v *conversation) *call {
	for _, k := range c.calls {
		if k.Conversation == v.ID && k.is(CallCalling) {
			return k
		}
	}
	return nil
}

// cross answers the call of somebody whom this device is calling: of two calls
// that cross, the smaller id goes on, for both sides.
func (c *Client) cross(ch *change, mine, theirs *call) {
	delete(c.calls, mine.ID)
	ch.drop(mine.record())
	c.calls[theirs.ID] = theirs
	c.crossed[mine.ID] = theirs
	r := &theirs.round
	r.mine, r.ready = mine.round.mine, true
	if c.random(r.nonce[:]) != nil {
		return // its time runs out
	}
	c.accept(theirs)
	ch.put(theirs.record(), theirs)
	ch.tell(CallChanged{Call: theirs.public(), Was: mine.ID.String()})
}

// accept commits this side to its certificate and says so.
func (c *Client) accept(k *call) {
	k.State, k.deadline = string(CallConnecting), time.Now().Add(connectIn)
	c.repeat(k, callSignal{Kind: signalAccept, Commit: k.commitment(c.self.devicePublic(), k.round.mine, k.round.nonce)})
}

// takeCallOver deals with the other side's word that a call is over.
func (c *Client) takeCallOver(ch *change, v *conversation, from *memberState, m *content) {
	k := c.calls[m.Call]
	if k == nil || k.Conversation != v.ID || (k.Device != [32]byte{} && k.Device != from.Device) || int(m.Reason) >= len(overReasons()) {
		return
	}
	reason := overReasons()[m.Reason]
	if k.is(CallRinging) {
		reason = CallMissed
	}
	c.finishIn(ch, k, reason)
}

// takeRinging notes that a device of the other person rings.
func (c *Client) takeRinging(k *call) error {
	if k.is(CallCalling) && !k.rings {
		k.rings = true
		c.tell(CallChanged{Call: k.public()})
	}
	return nil
}

// EndCall ends a call: hangs up, gives up ringing, or declines.
func (c *Client) EndCall(ctx context.Context, call string) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		reason := CallHungUp
		switch {
		case k.is(CallCalling):
			reason = CallCancelled
		case k.is(CallRinging):
			reason = CallDeclined
		}
		c.sayOver(k, reason)
		if err := c.finish(ctx, k, reason); err != nil {
			return err
		}
		return c.settleFailure(c.tendCalls(ctx))
	})
}
