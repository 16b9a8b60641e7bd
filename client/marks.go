// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"slices"
	"time"
)

const (
	markBurst    = 250 * time.Millisecond // marks of one burst leave as one
	markedGroups = 32                     // larger groups have no marks
)

// Marks reports whether this person's clients send marks.
func (c *Client) Marks(ctx context.Context) (on bool, err error) {
	err = c.withAccount(ctx, func() error {
		on = !c.self.MarksOff
		return nil
	})
	return on, err
}

// SetMarks switches the sending of marks on or off. The setting comes back
// with the recovery sheet.
func (c *Client) SetMarks(ctx context.Context, on bool) error {
	return c.withAccount(ctx, func() error {
		if on != c.self.MarksOff {
			return nil
		}
		var ch change
		c.self.MarksOff, c.self.BlobDirty = !on, true
		ch.put(recordSelf, c.self)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		c.tryUpkeep(ctx)
		return nil
	})
}

// marksDue plans marks for what has just arrived.
func (c *Client) marksDue() {
	if c.marksAt.IsZero() {
		c.marksAt = time.Now().Add(markBurst)
	}
}

// takeMark notes what another leaf has got and seen. A mark cannot speak of
// more than its sender has taken.
func (c *Client) takeMark(_ context.Context, _ *change, v *conversation, from *memberState, m *content) {
	if got := min(m.Got, m.Seen); m.about(v) && got > 0 {
		from.Got = max(from.Got, v.Base+got)
		if read := min(m.Read, got); read > 0 {
			from.Read = max(from.Read, v.Base+read)
		}
	}
}

// spreadMarks moves own messages on to what every other member has said, with
// those that this device is to add again: what it writes meanwhile is for them.
func (c *Client) spreadMarks(ctx context.Context, ch *change, v *conversation) error {
	others := slices.DeleteFunc(slices.Clone(v.Members), func(m memberState) bool { return m.Handle == c.self.Handle || m.Leaving })
	others = append(others, v.toAddAgain()...)
	if len(others) == 0 {
		return nil
	}
	left := v.Open[:0]
	for _, o := range v.Open {
		got, read := true, true
		for i := range others {
			m := &others[i]
			got = got && m.told(o.Seq, m.Got, m.OldGot)
			read = read && m.told(o.Seq, m.Read, m.OldRead)
		}
		if o.State == 1 && got {
			o.State = 2
			if err := c.itemState(ctx, ch, v, o, StateDelivered); err != nil {
				return err
			}
		}
		if o.State == 2 && read {
			if err := c.itemState(ctx, ch, v, o, StateRead); err != nil {
				return err
			}
			continue
		}
		left = append(left, o)
	}
	v.Open = left
	return nil
}

func (c *Client) itemState(ctx context.Context, ch *change, v *conversation, o openMessage, state MessageState) error {
	i, err := c.itemAt(ctx, ch, v, o.Order)
	if err != nil || i == nil {
		return err
	}
	i.State = string(state)
	ch.put(histRecord(v.ID, o.Order), i)
	ch.tell(MessageStateChanged{At: c.now(), Conversation: v.ID.String(), Seq: o.Seq, ID: i.public(v.ID).ID, State: state})
	return nil
}

// MarkRead notes that the person has seen everything up to a place.
func (c *Client) MarkRead(ctx context.Context, conversation string, seq uint64) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil || seq <= v.Read || v.Unread == 0 {
			return err
		}
		var ch change
		first := true
		err = c.scanUnread(ctx, v, func(key string, i *item) {
			if i.Seq <= seq || (i.First > 0 && i.First <= seq) {
				i.Unread = false
				v.Unread--
				ch.put(key, i)
			} else if first {
				first, v.UnreadFrom = false, orderOf(key)
			}
		})
		if err != nil {
			return err
		}
		v.Read = min(seq, v.Seq)
		v.save(&ch)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		c.marksDue()
		return nil
	})
}

// Settle sends the marks that wait, for a program that is about to end.
func (c *Client) Settle(ctx context.Context) error {
	return c.withAccount(ctx, func() error { return c.sendMarks(ctx) })
}

// sendMarks sends one mark per conversation that has something to say.
func (c *Client) sendMarks(ctx context.Context) error {
	c.marksAt = time.Time{}
	if c.self.MarksOff {
		return nil
	}
	for _, v := range c.sorted() {
		got := min(v.Seq, v.LastText)
		read := min(v.Read, v.LastText)
		if c.held(v) || v.obstacle() != "" || len(v.Members) > markedGroups || (got <= v.ToldGot && read <= v.ToldRead) {
			continue
		}
		if err := c.sendMark(ctx, v, max(got, v.ToldGot), max(read, v.ToldRead)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) sendMark(ctx context.Context, v *conversation, got, read uint64) error {
	if err := c.flushUnheld(ctx, v); err != nil {
		return err
	}
	for range 16 {
		if err := c.catchUp(ctx, v); err != nil {
			return err
		}
		if v.obstacle() != "" {
			return nil
		}
		m := &content{Kind: contentMark, At: c.now().Unix(), Got: got, Read: read}
		if err := c.random(m.ID[:]); err != nil {
			return err
		}
		v.ToldGot, v.ToldRead = got, read
		if err := c.seal(ctx, v, m, func(p *pending) { p.Mark = true }); err != nil {
			return err
		}
		mark := v.Pending.Mark
		err := c.sendPending(ctx, v)
		if err == nil && mark {
			return nil
		}
		if err == nil {
			continue
		}
		if !c.moveOn(ctx, v, err) {
			return err
		}
		if err := c.unseal(ctx, v); err != nil {
			return err
		}
	}
	return nil
}
