// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"fmt"
	"slices"

	"clarion.chat/clarion/wire"
)

// What was sent and may have missed somebody is sent again by its author, under
// its own id: whoever has it does not see it twice. It happens when a member's
// lost leaf was replaced, which cannot open what came before, and when a
// restored server lost what cannot be put back as it was. What is older than
// the server keeps stays gone, as it would without any of that; its author is
// told who lacks it.

// ProblemMissed: a member came back without messages that were sent.
const ProblemMissed = "message_missed"

// sendAgainTo queues own messages that members whose leaf was replaced at place
// seq have not told to have.
func (c *Client) sendAgainTo(ctx context.Context, ch *change, v *conversation, seq uint64) error {
	var back []*memberState
	for i := range v.Members {
		m := &v.Members[i]
		if m.Since == v.Epoch && m.From == seq && !m.Newcomer && m.Handle != c.self.Handle {
			back = append(back, m)
		}
	}
	if len(back) == 0 {
		return nil
	}
	unmet := !slices.ContainsFunc(back, func(m *memberState) bool { return !m.unmet })
	lacks := func(m *memberState, o openMessage) bool { return !m.told(o.Seq, m.Got, m.OldGot) }
	var left []openMessage
	var err error
	if len(v.Members) <= markedGroups {
		left, err = c.sendAgain(ctx, ch, v, unmet, func(o openMessage) bool {
			return slices.ContainsFunc(back, func(m *memberState) bool { return lacks(m, o) })
		})
	} else { // without marks nobody tells what they have, and all would send everything
		left = slices.DeleteFunc(slices.Clone(v.Open), func(o openMessage) bool { return o.State != 1 })
		slices.Reverse(left)
	}
	if err != nil {
		return err
	}
	for _, m := range back {
		missed := slices.DeleteFunc(slices.Clone(left), func(o openMessage) bool { return !lacks(m, o) })
		if n := len(missed); n > 0 { // newest first
			ch.tell(c.problem(v.ID.String(), min(missed[n-1].Seq, v.Seq), missedBy(m.Handle, n)))
		}
	}
	return nil
}

// missedBy says who may lack how many messages.
func missedBy(h wire.Handle, n int) *Failure {
	f := namedFailure(ProblemMissed)
	f.Text = fmt.Sprintf("%s came back into the conversation and may lack messages of yours: %d, from this place on", h, n)
	f.Hint = "what matters of them, write again to " + h.String()
	return f
}

// sendAgain queues the open messages that which names, before what waits
// already. They stay sent, and stand where they did, until they have another
// place. It returns those that cannot be sent again: older than the server
// keeps, unless for somebody who never knew of the conversation (anyAge), or
// gone from this vault. They stay open.
func (c *Client) sendAgain(ctx context.Context, ch *change, v *conversation, anyAge bool, which func(openMessage) bool) (left []openMessage, err error) {
	var open []openMessage
	first := v.OutFirst
	for _, o := range slices.Backward(v.Open) {
		if o.State != 1 || !which(o) {
			open = append(open, o)
			continue
		}
		i, err := c.itemAt(ctx, ch, v, o.Order)
		if err != nil {
			return nil, err
		}
		if i == nil || first == 0 || (!anyAge && c.now().Unix()-i.At > c.keepOf(v)) {
			left, open = append(left, o), append(open, o)
			continue
		}
		first-- // it left the queue once, so there is a number
		ch.put(outRecord(v.ID, first), &place{o.Order})
	}
	if first == v.OutFirst {
		return left, nil
	}
	slices.Reverse(open)
	v.Open, v.OutFirst = open, first // the others are open again when they are sent
	c.soon()
	return left, nil
}

// keepOf is how long the server keeps an envelope of the conversation, in
// seconds, as far as is known.
func (c *Client) keepOf(v *conversation) int64 {
	days := v.Keep
	if s := c.doors.mailbox; s != nil {
		days = min(days, s.hello.Keep)
	}
	return int64(days) * 24 * 3600
}
