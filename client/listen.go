// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"time"

	"clarion.chat/clarion/wire"
)

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	upkeepPace = 6 * time.Hour
)

// Listen goes online and stays: it catches up, subscribes to everything, sends
// what waits, and connects again by itself until Run ends. It returns after
// the first attempt; unreachable then means that the next is on its way.
func (c *Client) Listen(ctx context.Context) error {
	return c.withAccount(ctx, func() error {
		c.listening = true
		err := c.goOnline(ctx)
		if err != nil {
			c.wentOffline()
		}
		return err
	})
}

// goOnline brings everything up to date and subscribes.
func (c *Client) goOnline(ctx context.Context) error {
	if err := c.upkeep(ctx); err != nil {
		return err
	}
	c.upkeepAt = c.now().Add(upkeepPace)
	if err := c.subscribeInbox(ctx); err != nil {
		return err
	}
	if err := c.takeInbox(ctx); err != nil {
		return err
	}
	for _, v := range c.sorted() {
		if err := c.attend(ctx, v); err != nil {
			return err
		}
	}
	if err := c.removeLeavers(ctx); err != nil {
		return err
	}
	if err := c.askAboutStrangers(ctx); err != nil {
		return err
	}
	if err := c.renewDevice(ctx); err != nil {
		return err
	}
	if err := c.mendBroken(ctx); err != nil {
		return err
	}
	c.askBackEverywhere(ctx)
	if err := c.tendUnheard(ctx); unreachable(err) {
		return err
	}
	if err := c.sendIntroductions(ctx); unreachable(err) {
		return err
	}
	if !c.online {
		c.online, c.retries = true, 0
		c.tell(ConnectionChanged{At: c.now(), Online: true})
	}
	return nil
}

// attend catches up with one conversation, sends what waits and subscribes.
// Failures that are the conversation's own are told, not returned.
func (c *Client) attend(ctx context.Context, v *conversation) error {
	err := c.ensureMailbox(ctx, v)
	if err == nil {
		err = c.catchUp(ctx, v)
	}
	if err == nil && v.Leaving {
		err = c.sayLeft(ctx, v)
	}
	if err == nil && v.obstacle() == "" {
		err = c.redo(ctx, v)
	}
	if err == nil && v.waiting() && v.obstacle() == "" {
		err = c.flushUnheld(ctx, v)
	}
	if err == nil {
		err = c.subscribe(ctx, v)
	}
	if unreachable(err) {
		return err
	}
	if err != nil {
		c.tell(c.problem(v.ID.String(), v.Seq, AsFailure(err)))
	}
	return nil
}

func (c *Client) subscribe(ctx context.Context, v *conversation) error {
	if v.Status != statusActive || !v.Created {
		return nil
	}
	s, err := c.mailboxDoor(ctx)
	if err != nil {
		return err
	}
	p := v.newest()
	_, err = ask[*wire.Done](ctx, s, &wire.Subscribe{Mailbox: v.Mailbox, Pass: p.pass(v.Mailbox), After: wire.Seq(v.Seq - v.Base)})
	if refusedWith(err, wire.CodeStalePass) {
		c.soon() // an epoch ended just now: attend again
		return nil
	}
	return err
}

func (c *Client) subscribeInbox(ctx context.Context) error {
	in, box, err := c.ownInbox()
	if err != nil {
		return err
	}
	s, err := c.inboxDoor(ctx)
	if err != nil {
		return err
	}
	_, err = ask[*wire.Done](ctx, s, &wire.Subscribe{Mailbox: box, Pass: in.pass, After: wire.Seq(c.self.InboxSeq)})
	return err
}

// wentOffline drops all connections and plans the next attempt, later each
// time, and never at the same moment as everybody else's.
func (c *Client) wentOffline() {
	c.doors.closeAll()
	if !c.listening {
		return
	}
	if c.online {
		c.online = false
		c.tell(ConnectionChanged{At: c.now(), Online: false})
	}
	delay := min(firstRetry<<min(c.retries, 10), lastRetry)
	c.retries++
	var b [2]byte
	if c.random(b[:]) == nil {
		delay += delay * time.Duration(b[0]) / 512
	}
	c.retryAt = time.Now().Add(delay)
}

// soon plans upkeep for the next turn of the loop.
func (c *Client) soon() {
	if c.upkeepAt.IsZero() || c.upkeepAt.After(c.now()) {
		c.upkeepAt = c.now()
	}
	c.blobOnly = false
}

// untilNext is how long the loop may sleep.
func (c *Client) untilNext() time.Duration {
	wait := c.untilCalls(time.Minute)
	if !c.listening {
		return wait
	}
	if !c.online {
		return max(0, min(wait, time.Until(c.retryAt)))
	}
	if !c.marksAt.IsZero() {
		wait = min(wait, time.Until(c.marksAt))
	}
	if len(c.brokenAt) > 0 {
		wait = min(wait, time.Second)
	}
	wait = c.untilLeavers(wait)
	if !c.askAt.IsZero() {
		wait = min(wait, c.askAt.Sub(c.now()))
	}
	return max(0, min(wait, c.upkeepAt.Sub(c.now())))
}

// takeTimers does what has become due.
func (c *Client) takeTimers(ctx context.Context) {
	if !c.listening || c.self == nil || c.self.Stage != stageReady {
		return
	}
	err := c.tendCalls(ctx)
	switch {
	case err != nil:
	case !c.online:
		if time.Until(c.retryAt) > 0 {
			return
		}
		err = c.goOnline(ctx)
	default:
		if !c.marksAt.IsZero() && time.Until(c.marksAt) <= 0 {
			err = c.sendMarks(ctx)
		}
		if err == nil && len(c.brokenAt) > 0 {
			err = c.mendBroken(ctx)
		}
		if err == nil && len(c.leftAt) > 0 {
			err = c.removeLeavers(ctx)
		}
		if err == nil && !c.askAt.IsZero() && !c.askAt.After(c.now()) {
			c.askBackEverywhere(ctx)
		}
		if err == nil && !c.upkeepAt.After(c.now()) {
			c.upkeepAt = c.now().Add(upkeepPace)
			err = c.goOnline(ctx)
		}
	}
	c.background(err)
}

// background deals with a failure that no caller waits for.
func (c *Client) background(err error) {
	if err == nil {
		return
	}
	f := AsFailure(err)
	skew := refusedWith(err, wire.CodeClockSkew)
	if !unreachable(err) && !(skew && c.skewTold) { // a wrong clock is told once, not at each attempt
		c.tell(c.problem("", 0, f))
	}
	c.skewTold = c.skewTold || skew
	c.wentOffline()
}

// takeEvents takes what the connections brought.
func (c *Client) takeEvents(ctx context.Context) {
	if c.self == nil {
		return
	}
	for _, s := range c.doors.all() {
		if s == nil {
			continue
		}
		for _, body := range s.drain() {
			if err := c.takeEvent(ctx, s, body); err != nil {
				c.background(err)
				return
			}
		}
		if s.lost() && c.listening && c.online && (s == c.doors.mailbox || s == c.doors.inbox) {
			c.wentOffline()
			return
		}
	}
}

func (c *Client) takeEvent(ctx context.Context, s *session, body wire.Body) error {
	switch b := body.(type) {
	case *wire.Delivery:
		if s == c.doors.inbox {
			return c.takeInboxDelivery(ctx, b)
		}
		if v := c.byMailbox(b.Mailbox); v != nil {
			return c.takeDelivery(ctx, v, b)
		}
	case *wire.SubscriptionEnded:
		if v := c.byMailbox(b.Mailbox); v != nil {
			return c.attend(ctx, v)
		}
	case *wire.LiveArrived:
		if v := c.byMailbox(b.Mailbox); v != nil {
			_ = c.takeLive(ctx, v, b.Body)
		}
	}
	return nil
}

// byMailbox finds the conversation that a mailbox belongs to now.
func (c *Client) byMailbox(m wire.MailboxID) *conversation {
	for _, v := range c.convs {
		if v.Mailbox == m {
			return v
		}
	}
	return nil
}

// takeDelivery takes pushed envelopes. When they do not go on from where this
// device stands, or have a gap, it reads the mailbox itself: only a Read tells
// what was forgotten from what is withheld.
func (c *Client) takeDelivery(ctx context.Context, v *conversation, b *wire.Delivery) error {
	if v.Status != statusActive || len(b.Envelopes) == 0 {
		return nil
	}
	mailbox, epoch := v.Mailbox, v.Epoch
	next := v.Seq + 1
	for i := range b.Envelopes {
		seq := v.Base + uint64(b.Envelopes[i].Seq)
		if seq > next {
			return c.attend(ctx, v)
		}
		next = max(next, seq+1)
	}
	err := c.takeEnvelopes(ctx, v, b.Envelopes)
	if unreachable(err) {
		return err
	}
	if err != nil {
		c.tell(c.problem(v.ID.String(), v.Seq, AsFailure(err)))
	}
	if v.Mailbox != mailbox || (v.Epoch != epoch && v.Status == statusActive) {
		return c.attend(ctx, v)
	}
	if v.Status == statusActive && v.waiting() && v.obstacle() == "" {
		return c.settleFailure(c.flushUnheld(ctx, v))
	}
	return nil
}

// takeInboxDelivery takes pushed introductions; a new conversation is attended.
func (c *Client) takeInboxDelivery(ctx context.Context, b *wire.Delivery) error {
	in, err := c.self.inbox()
	if err != nil {
		return err
	}
	for i := range b.Envelopes {
		if uint64(b.Envelopes[i].Seq) > c.self.InboxSeq+1 {
			err = c.takeInbox(ctx)
		} else {
			err = c.takeIntroduction(ctx, in, &b.Envelopes[i])
		}
		if err != nil {
			return err
		}
	}
	for _, v := range c.sorted() {
		if v.Status == statusActive && v.Seq == v.Start {
			if err := c.attend(ctx, v); err != nil {
				return err
			}
		}
	}
	return c.sendIntroductions(ctx)
}
