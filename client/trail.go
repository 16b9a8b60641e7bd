// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"slices"

	"clarion.chat/clarion/wire"
)

// The server's data can be restored to a life that never led to the present
// one: two backups of one life, one restored after the other. Who moved in
// between finds their mailbox gone, and goes back to the newest one before it
// whose life led here; whoever slept through it stands there too. So a device
// keeps where it moved from, with the envelopes it took there.

// trailKept is how many lives of the server's data a device can go back.
const trailKept = 4

// lifeBefore is a mailbox that a conversation moved from when the server was
// restored.
type lifeBefore struct {
	Incarnation wire.Incarnation
	Mailbox     wire.MailboxID
	Base        uint64 // place before its first
	BaseEpoch   uint64 // epoch in which it was made
	Last        uint64 // place up to which this device took it
}

// Fields describes the value.
func (l *lifeBefore) Fields(c *wire.Coder) {
	c.Fixed(l.Incarnation[:])
	l.Mailbox.Fields(c)
	c.U64(&l.Base)
	c.U64(&l.BaseEpoch)
	c.U64(&l.Last)
}

// firstKept is the first place of which an envelope may be kept.
func firstKept(base, last uint64) uint64 { return max(base, last-min(last, rawKept)) + 1 }

// leaveMailbox adds the present mailbox to the trail.
func (v *conversation) leaveMailbox(ch *change) {
	v.Trail = append(v.Trail, lifeBefore{Incarnation: v.Incarnation, Mailbox: v.Mailbox, Base: v.Base, BaseEpoch: v.BaseEpoch, Last: v.Seq})
	for len(v.Trail) > trailKept {
		v.dropLife(ch, &v.Trail[0])
		v.Trail = slices.Delete(v.Trail, 0, 1)
	}
}

func (v *conversation) dropLife(ch *change, l *lifeBefore) {
	for seq := firstKept(l.Base, l.Last) - 1; seq <= l.Last; seq++ {
		ch.drop(v.rawRecord(seq))
	}
}

// parting is where a conversation goes on from in another life of the data.
type parting struct {
	life   wire.Incarnation
	from   uint64 // the last place, as this device counts, that the server knows
	epoch  uint64 // that is current there
	lost   []wire.Envelope
	placed map[uint64]uint64 // places of a life that is gone, and where the same stands up to from
}

// part finds where the conversation goes on from. nil without an error: it
// cannot go on, and its state is given up.
func (c *Client) part(ctx context.Context, v *conversation, s *session) (*parting, error) {
	if at := v.ledHere(s.hello); at >= 0 {
		return c.partEarlier(ctx, v, s, at)
	}
	head, epoch, err := c.oldHead(ctx, v, s)
	if err != nil || v.Status != statusActive {
		return nil, err
	}
	_, known, err := c.chainAt(ctx, v, v.Base+head)
	if err != nil {
		return nil, err
	}
	if !known || v.passOf(epoch) == nil {
		return nil, c.lostBranch(ctx, v, 0) // came after what the server remembers
	}
	lost, err := c.lostAfter(ctx, v, v.Base+head)
	return &parting{life: v.Incarnation, from: v.Base + head, epoch: epoch, lost: lost}, err
}

// ledHere is the newest mailbox of the trail whose life led to the present one,
// when that of the present mailbox did not; -1 for none.
func (v *conversation) ledHere(hello *wire.Hello) int {
	if slices.Contains(hello.Line, v.Incarnation) {
		return -1
	}
	for i := len(v.Trail) - 1; i >= 0; i-- {
		if slices.Contains(hello.Line, v.Trail[i].Incarnation) {
			return i
		}
	}
	return -1
}

// heldEnvelope is one that this device took, and its place as it counts.
type heldEnvelope struct {
	place    uint64
	envelope wire.Envelope
}

// partEarlier goes back to an earlier mailbox. What it holds up to its head is
// there, whatever came of it in the life that is gone; all else that this
// device took since is to be put back. What it never took, and can no longer
// open, its authors are asked to send again.
func (c *Client) partEarlier(ctx context.Context, v *conversation, s *session, at int) (*parting, error) {
	t := v.Trail[at]
	p := &parting{life: t.Incarnation, placed: map[uint64]uint64{}}
	past, head, whole, err := c.readEarlier(ctx, v, s, &t, p)
	if err != nil {
		return nil, err
	}
	if p.epoch == 0 { // it goes on in an epoch that this device never was in
		return nil, c.lostBranch(ctx, v, v.BaseEpoch)
	}
	p.from = t.Base + head
	held, err := c.heldSince(ctx, v, at)
	if err != nil {
		return nil, err
	}
	there, last := map[wire.EnvelopeID]uint64{}, map[wire.EnvelopeID]int{}
	for _, e := range past {
		there[e.ID] = t.Base + uint64(e.Seq)
	}
	for i, h := range held {
		last[h.envelope.ID] = i
		if h.place <= p.from {
			there[h.envelope.ID] = h.place
		}
	}
	for i, h := range held {
		if place, is := there[h.envelope.ID]; is {
			p.placed[h.place] = place
		} else if last[h.envelope.ID] == i {
			e := h.envelope
			e.Seq = wire.Seq(h.place - v.Base) // may wrap around, and back again
			p.lost = append(p.lost, e)
		}
	}
	p.lost = append(p.lost, v.unseen(p.from)...)
	for _, e := range past {
		if _, took := last[e.ID]; !took {
			whole = false
		}
	}
	v.Lacks = v.Lacks || !whole
	return p, nil
}

// readEarlier reads what an earlier mailbox holds past what this device took
// there, and tells its head; whole is false when some of it is forgotten. The
// epoch goes into p, and stays 0 when this device does not know the present one.
func (c *Client) readEarlier(ctx context.Context, v *conversation, s *session, t *lifeBefore, p *parting) (past []wire.Envelope, head uint64, whole bool, err error) {
	whole = true
	for i := len(v.Passes) - 1; i >= 0; i-- {
		pass, after := v.Passes[i], t.Last-t.Base
		for {
			page, err := ask[*wire.Envelopes](ctx, s, &wire.Read{Mailbox: t.Mailbox, Pass: pass.pass(t.Mailbox), After: wire.Seq(after), Limit: wire.MaxRead})
			if refusedWith(err, wire.CodeWrongPass) {
				break // an older epoch, then
			}
			if refusedWith(err, wire.CodeNoMailbox) {
				p.epoch = t.BaseEpoch
				return nil, 0, whole, nil
			}
			if err != nil {
				return nil, 0, false, err
			}
			if !page.Current {
				return nil, 0, whole, nil
			}
			whole = whole && (uint64(page.First) <= after+1 || uint64(page.Head) <= after)
			past = append(past, page.Envelopes...)
			if len(page.Envelopes) > 0 {
				after = uint64(page.Envelopes[len(page.Envelopes)-1].Seq)
			}
			if !page.More {
				p.epoch = pass.Epoch
				return past, uint64(page.Head), whole, nil
			}
		}
	}
	return nil, 0, whole, nil
}

// heldSince lists what this device took in a mailbox of the trail and after it.
func (c *Client) heldSince(ctx context.Context, v *conversation, at int) ([]heldEnvelope, error) {
	var list []heldEnvelope
	lives := append(slices.Clone(v.Trail[at:]), lifeBefore{Base: v.Base, Last: v.Seq})
	for _, l := range lives {
		for place := firstKept(l.Base, l.Last); place <= l.Last; place++ {
			var r raw
			found, err := get(ctx, c.vault, v.rawRecord(place), &r)
			if err != nil {
				return nil, err
			}
			if found && len(r.Envelope.Body) > 0 {
				list = append(list, heldEnvelope{place, r.Envelope})
			}
		}
	}
	return list, nil
}

// lacked notes that a member's device has not taken everything that came before
// a place, as its commit there says: what it had told before counts on, and
// what it had not is sent again.
func (m *memberState) lacked(epoch, seq uint64) {
	if m.Newcomer || m.OldGot >= m.From {
		m.OldGot, m.OldRead = max(m.OldGot, m.Got), max(m.OldRead, m.Read)
	}
	m.Newcomer, m.Since, m.From, m.Got, m.Read = false, epoch, seq, seq, seq
}
