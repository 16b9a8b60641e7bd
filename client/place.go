// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import "clarion.chat/clarion/wire"

// healing is an envelope that is to come again in the present mailbox, and the
// place it had in the one before.
type healing struct {
	ID  wire.EnvelopeID
	Seq uint64
}

// Fields describes the value.
func (h *healing) Fields(c *wire.Coder) {
	h.ID.Fields(c)
	c.U64(&h.Seq)
}

// baseStep is the distance in which the numbers of a new mailbox begin, so that
// a place that anybody was shown in an earlier one is never shown again. All
// members land on the same multiple, though each knows another part of what
// the server lost.
const baseStep = 1_000_000

// maxBase is the highest number that another member is believed to begin a
// mailbox at: counted on from there, numbers stay below 2^53 for scripts.
const maxBase = 1 << 48

// nextBase is where the numbers begin after a place.
func nextBase(after uint64) uint64 { return (after/baseStep + 1) * baseStep }

// newMailbox begins the numbers of another mailbox. head is the last place of
// the one before that all members share. The caller drops what is kept of that
// one, or adds it to the trail. What this device had past it stands
// where it is until it comes again.
func (v *conversation) newMailbox(head uint64) {
	for i := range v.Open {
		if v.Open[i].Seq > head {
			v.Open[i].Seq = unplaced // no mark speaks of it until it has a place again
		}
	}
	v.Base = nextBase(max(head, v.Seq, v.Top))
	v.Seq = v.Base
}

// dropRaws drops the envelopes that were kept of the mailboxes that are left.
func (v *conversation) dropRaws(ch *change) {
	for seq := v.Seq - min(v.Seq, rawKept-1); seq <= v.Seq; seq++ {
		ch.drop(v.rawRecord(seq))
	}
	v.dropTrail(ch)
}

func (v *conversation) dropTrail(ch *change) {
	for i := range v.Trail {
		v.dropLife(ch, &v.Trail[i])
	}
	v.Trail = nil
}

// continues takes over the history of the state before. In the mailbox that
// state was in, numbers stay what they were; in another they begin where the
// inviter says, unless this device has shown such numbers already.
func (v *conversation) continues(ch *change, old *conversation) {
	v.HistNext, v.OutNext, v.OutFirst, v.Open = old.HistNext, old.OutNext, old.OutFirst, old.Open
	v.Unread, v.UnreadFrom = old.Unread, old.UnreadFrom
	v.Top, v.LastOrder, v.LastSpot, v.Active = old.Top, old.LastOrder, old.LastSpot, old.Active
	top := max(old.Seq, old.Top)
	switch {
	case v.Mailbox == old.Mailbox:
		v.renumber(old.Base)
	case v.Base < top:
		v.renumber(nextBase(top))
	}
	old.dropTrail(ch) // the passes of its mailboxes are gone
	if v.Base != old.Base {
		old.dropRaws(ch)
	}
}

// renumber lets the places of the present mailbox begin at another base.
func (v *conversation) renumber(base uint64) {
	by := base - v.Base // may wrap around, and back again
	for _, n := range []*uint64{&v.Base, &v.Seq, &v.Start, &v.Read, &v.ToldGot, &v.ToldRead} {
		*n += by
	}
	for i := range v.Members {
		m := &v.Members[i]
		for _, n := range []*uint64{&m.Got, &m.Read, &m.From} {
			*n += by
		}
	}
}
