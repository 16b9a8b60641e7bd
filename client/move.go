// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

const (
	// ProblemRestored: the server lost part of a conversation, and it was put back.
	ProblemRestored = "server_restored"
	// ProblemMailboxLost: the mailbox is gone though the server was not restored.
	ProblemMailboxLost = "mailbox_lost"
)

// errMoved says that the server's data live a new life (another incarnation).
var errMoved = errors.New("the server's data have another incarnation")

// mailboxAfter is the address that all members of an epoch derive for the next
// mailbox of their group, without talking.
func (p *epochPass) mailboxAfter(in wire.Incarnation, moves uint32) wire.MailboxID {
	info := append([]byte("clarion mailbox v1"), in[:]...)
	info = binary.BigEndian.AppendUint32(info, moves)
	return wire.MailboxID(derive(p.Secret[:], string(info), 32))
}

// followMove takes the group to where it goes on in the life that the server's
// data live now, through the mailboxes that it had in the lives between.
func (c *Client) followMove(ctx context.Context, v *conversation) error {
	if v.Status != statusActive {
		return errMoved
	}
	s, err := c.mailboxDoor(ctx)
	if err != nil {
		return err
	}
	if s.hello.Incarnation == v.Incarnation {
		return c.lostMailbox(ctx, v, s)
	}
	for range len(s.hello.Line) + 1 { // each life once, whatever the server says
		if err := c.moveOneLife(ctx, v, s); err != nil || v.Status != statusActive || v.Incarnation == s.hello.Incarnation {
			return err
		}
	}
	return errMoved
}

// moveOneLife takes the group to its next mailbox. The old one, which a restored
// server only lets be read, says how far the server's memory goes; all members
// derive the same address from the epoch that was current there. What the
// server lost is put back by whoever holds it, as it was, in order. Where the
// data lived other lives in between, a member who was awake may have made the
// next mailbox in one of them: the first that is there was the way of the
// others.
func (c *Client) moveOneLife(ctx context.Context, v *conversation, s *session) error {
	p, err := c.part(ctx, v, s)
	if err != nil || p == nil {
		return err
	}
	secret := v.passOf(p.epoch)
	if secret == nil {
		return c.lostBranch(ctx, v, v.BaseEpoch) // so long ago that it is no longer kept
	}
	for _, life := range livesBetween(p.life, s.hello) {
		target := secret.mailboxAfter(life, 0)
		_, err := ask[*wire.Envelopes](ctx, s, &wire.Read{Mailbox: target, Pass: secret.pass(target), Limit: 1})
		switch {
		case refusedWith(err, wire.CodeNoMailbox):
			continue
		case refusedWith(err, wire.CodeWrongPass): // it was, and the epoch is forgotten
			return c.awaitAgain(ctx, v, ProblemPastKeep)
		case err != nil:
			return err
		}
		if err := c.moveTo(ctx, v, s, target, life, p); err != nil {
			return err
		}
		return c.sameBranch(ctx, v, s)
	}
	target := secret.mailboxAfter(s.hello.Incarnation, 0)
	_, err = ask[*wire.Done](ctx, s, &wire.CreateMailbox{
		Mailbox: target, Pass: secret.pass(target).Hash(), Epoch: wire.Epoch(p.epoch), Keep: min(v.Keep, s.hello.Keep),
	})
	if err != nil && !refusedWith(err, wire.CodeMailboxExists) {
		return err // exists under a later pass: somebody was here before
	}
	return c.moveTo(ctx, v, s, target, s.hello.Incarnation, p)
}

// livesBetween lists the lives of the server's data after one and before the
// present, oldest first; none when the present ones never lived it.
func livesBetween(after wire.Incarnation, hello *wire.Hello) []wire.Incarnation {
	i := slices.Index(hello.Line, after)
	if i < 0 {
		return nil
	}
	return hello.Line[i+1:]
}

// sameBranch looks whether a closed mailbox that the others went through knows
// this device's epoch. If not, they went on from an earlier one without what
// this device had, and one of them adds it again.
func (c *Client) sameBranch(ctx context.Context, v *conversation, s *session) error {
	_, err := ask[*wire.Envelopes](ctx, s, &wire.Read{
		Mailbox: v.Mailbox, Pass: v.newest().pass(v.Mailbox), After: wire.Seq(v.Seq - v.Base), Limit: 1,
	})
	if !refusedWith(err, wire.CodeWrongPass) {
		return err
	}
	from, _, err := c.forkedAt(ctx, v, s)
	if err != nil {
		return err
	}
	return c.lostBranch(ctx, v, max(from, v.BaseEpoch))
}

// oldHead asks the old mailbox how far it goes, with the newest pass that it
// knows, and reads what this device has not taken yet. A mailbox that the
// restored server does not have at all goes to place 0. When envelopes that this
// device never read are gone from it, the conversation is no longer active after.
func (c *Client) oldHead(ctx context.Context, v *conversation, s *session) (head, epoch uint64, err error) {
	for i := len(v.Passes) - 1; i >= 0; i-- {
		for {
			p := v.Passes[i]
			page, err := ask[*wire.Envelopes](ctx, s, &wire.Read{
				Mailbox: v.Mailbox, Pass: p.pass(v.Mailbox), After: wire.Seq(v.Seq - v.Base), Limit: wire.MaxRead,
			})
			if refusedWith(err, wire.CodeWrongPass) {
				break // an older epoch, then
			}
			if refusedWith(err, wire.CodeNoMailbox) {
				return 0, v.BaseEpoch, nil
			}
			if err != nil {
				return 0, 0, err
			}
			if slept, err := c.fillOwn(ctx, v, page); slept || err != nil {
				return 0, 0, err
			}
			if len(page.Envelopes) > 0 {
				if err := c.takeEnvelopes(ctx, v, page.Envelopes); err != nil {
					return 0, 0, err
				}
				if v.Status != statusActive {
					return 0, 0, nil
				}
				i = len(v.Passes) - 1
				continue
			}
			if page.Current {
				return uint64(page.Head), p.Epoch, nil
			}
			break
		}
	}
	return 0, 0, c.lostBranch(ctx, v, 0)
}

// chainAt is the running hash after a place, if this device still knows it.
func (c *Client) chainAt(ctx context.Context, v *conversation, seq uint64) ([32]byte, bool, error) {
	if seq == v.Seq {
		return v.Chain, true, nil
	}
	var r raw
	found, err := get(ctx, c.vault, v.rawRecord(seq), &r)
	return r.Chain, found, err
}

// moveTo puts back what the server lost and makes target, of one life of the
// server's data, the mailbox. One of a life that is over takes nothing; what
// others put back there is recognised all the same.
func (c *Client) moveTo(ctx context.Context, v *conversation, s *session, target wire.MailboxID, life wire.Incarnation, p *parting) error {
	var again []healing
	for i := range p.lost {
		back, err := c.putBack(ctx, v, s, target, &p.lost[i])
		if err != nil {
			return err
		}
		if back {
			again = append(again, healing{p.lost[i].ID, v.Base + uint64(p.lost[i].Seq)})
		}
	}
	v.Healing = again
	if err := c.takeAlong(v, target, p.from); err != nil {
		return err
	}
	for i := range v.Open {
		if place, is := p.placed[v.Open[i].Seq]; is {
			v.Open[i].Seq = place
		}
	}
	var ch change
	if len(again) < len(p.lost) { // who did not have it before will not get it so
		_, err := c.sendAgain(ctx, &ch, v, false, func(o openMessage) bool {
			return o.Seq > p.from && !slices.ContainsFunc(again, func(h healing) bool { return h.Seq == o.Seq })
		})
		if err != nil {
			return err
		}
	}
	v.leaveMailbox(&ch)
	v.Mailbox, v.Incarnation, v.Moves, v.Created = target, life, 0, true
	v.Renew = true
	v.newMailbox(p.from)
	v.Chain, v.BaseEpoch = mailboxChain(target), p.epoch
	v.Start = max(v.Start, v.Base)
	ch.put(v.rawRecord(v.Seq), &raw{Chain: v.Chain, Envelope: wire.Envelope{EnvelopeKind: wire.KindMessage}})
	v.save(&ch)
	if len(p.lost) > 0 || v.Lacks {
		c.note(&ch, v, v.Seq, ProblemRestored)
	}
	return c.commit(ctx, &ch)
}

// firstCommit is the generation of this leaf's first commit after the server's
// data began a new life. A server that is set back forgets what a vault that is
// set back too has sent, so nothing in sight may show that a generation is
// spent. Own commits in one epoch are few, and this passes over more than that;
// it differs from one life of the data to the next. What the commit begins is
// an epoch in which this leaf has used nothing.
func (v *conversation) firstCommit() uint32 {
	const few, spread = 64, mls.MaxForward - 64
	return few + binary.BigEndian.Uint32(v.Incarnation[:])%spread
}

// takeAlong readies what is under way for another mailbox: an own commit that
// the server lost before its echo came is pending again, and a pending commit
// names the next pass of the new mailbox.
func (c *Client) takeAlong(v *conversation, target wire.MailboxID, from uint64) error {
	acked := v.Acked[:0]
	for _, a := range v.Acked {
		if a.Seq <= from {
			acked = append(acked, a)
		} else if a.Commit != nil {
			v.Pending = &pending{ID: a.ID, Epoch: uint64(a.Sent.Epoch), Kind: wire.KindCommit, Body: a.Sent.Body, Commit: a.Commit}
		}
	}
	v.Acked = acked
	if v.Pending == nil || v.Pending.Commit == nil {
		return nil
	}
	next, err := mls.UnmarshalGroup(v.Pending.Commit.State, c.self.deviceKey())
	if err != nil {
		return fail(FailVault, err)
	}
	v.Pending.Commit.Fresh = false
	secret := passSecret(next)
	v.Pending.Next = secret.pass(target).Hash()
	next.Forget()
	return nil
}

// lostAfter lists what this device holds past a place: what it took, then what
// the server had acknowledged and not yet shown.
func (c *Client) lostAfter(ctx context.Context, v *conversation, from uint64) ([]wire.Envelope, error) {
	var lost []wire.Envelope
	for seq := from + 1; seq <= v.Seq; seq++ {
		var r raw
		found, err := get(ctx, c.vault, v.rawRecord(seq), &r)
		if err != nil {
			return nil, err
		}
		if found && len(r.Envelope.Body) > 0 {
			lost = append(lost, r.Envelope)
		}
	}
	return append(lost, v.unseen(from)...), nil
}

// unseen lists own envelopes past a place that the server had acknowledged and
// not yet shown.
func (v *conversation) unseen(from uint64) []wire.Envelope {
	var list []wire.Envelope
	for _, a := range v.Acked {
		if a.Seq > from && a.Commit == nil {
			e := a.Sent
			e.Seq = wire.Seq(v.within(a.Seq))
			list = append(list, e)
		}
	}
	return list
}

// putBack appends an envelope again, as it was, and reports whether the mailbox
// has it. That another member was faster is all right. It stays away when
// others have left its epoch, when the mailbox is closed, or when its id stands there over another body:
// whoever knows the pass can put one there, and nobody waits for that to end.
func (c *Client) putBack(ctx context.Context, v *conversation, s *session, target wire.MailboxID, e *wire.Envelope) (bool, error) {
	secret := v.passOf(uint64(e.Epoch))
	if secret == nil {
		return false, nil
	}
	a := &wire.Append{
		Mailbox: target, Pass: secret.pass(target), ID: e.ID, Epoch: e.Epoch, EnvelopeKind: e.EnvelopeKind, Body: e.Body,
	}
	if e.EnvelopeKind == wire.KindCommit {
		next := v.passOf(uint64(e.Epoch) + 1)
		if next == nil {
			return false, nil
		}
		a.Next, a.Keep = next.pass(target).Hash(), min(noteOf(e.Body).Keep, s.hello.Keep)
	}
	_, err := ask[*wire.Appended](ctx, s, a)
	if refusedWith(err, wire.CodeStalePass, wire.CodeStaleEpoch, wire.CodeWrongPass, wire.CodeIDReused, wire.CodeMailboxClosed) {
		return false, nil
	}
	return err == nil, err
}

// awaitAgain gives a state up that the conversation cannot go on from, and
// asks the members to add this device anew.
func (c *Client) awaitAgain(ctx context.Context, v *conversation, code string) error {
	var ch change
	v.Status, v.Pending, v.Asked = statusAwaiting, nil, 0
	if v.group != nil {
		v.group.Forget()
		v.group = nil
	}
	ch.drop(v.groupRecord())
	v.save(&ch)
	c.note(&ch, v, v.Seq, code)
	c.soon()
	return c.commit(ctx, &ch)
}

// lostMailbox: the same life of the server's data, and yet it does not know
// the mailbox or our pass. A mailbox that knows an earlier pass of ours, and not
// the last, went another way after a restore. Else this device slept longer than
// the server remembers, so it cannot tell what it has missed. When only the pass
// is forgotten, the members go on without us and add this device again. When
// the whole mailbox is, nobody used it for longer than any envelope stays, and
// the first member of the group who is online begins it anew.
func (c *Client) lostMailbox(ctx context.Context, v *conversation, s *session) error {
	_, err := ask[*wire.Envelopes](ctx, s, &wire.Read{
		Mailbox: v.Mailbox, Pass: v.newest().pass(v.Mailbox), After: wire.Seq(v.Seq - v.Base), Limit: 1,
	})
	switch {
	case refusedWith(err, wire.CodeWrongPass):
		from, forked, err := c.forkedAt(ctx, v, s)
		if err != nil {
			return err
		}
		if forked {
			return c.lostBranch(ctx, v, from)
		}
		return c.awaitAgain(ctx, v, ProblemPastKeep)
	case !refusedWith(err, wire.CodeNoMailbox):
		return err
	}
	var ch change
	v.Status, v.Pending = statusBroken, nil
	c.brokenAt[v.ID] = c.now()
	v.save(&ch)
	c.note(&ch, v, v.Seq, ProblemMailboxLost)
	return c.commit(ctx, &ch)
}

// nextMailbox moves the conversation by one within the same incarnation.
func (c *Client) nextMailbox(ch *change, v *conversation) error {
	v.Moves++
	v.Mailbox = v.newest().mailboxAfter(v.Incarnation, v.Moves)
	v.Base, v.BaseEpoch, v.Created = v.Seq, v.Epoch, false
	v.Start = max(v.Start, v.Base)
	v.Pending, v.Acked, v.Healing, v.Chain = nil, nil, nil, mailboxChain(v.Mailbox)
	ch.put(v.rawRecord(v.Seq), &raw{Chain: v.Chain, Envelope: wire.Envelope{EnvelopeKind: wire.KindMessage}})
	v.save(ch)
	return nil
}

// joinMailbox makes the mailbox unless another member was faster.
func (c *Client) joinMailbox(ctx context.Context, v *conversation) error {
	err := c.ensureMailbox(ctx, v)
	if !refusedWith(err, wire.CodeMailboxExists) {
		return err
	}
	var ch change
	v.Created = true
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// afterApply does what an envelope leads to once its place is taken: leave a
// mailbox whose pass a member falsified.
func (c *Client) afterApply(ctx context.Context, ch *change, v *conversation) error {
	if !v.falsePass {
		return nil
	}
	v.falsePass = false
	c.note(ch, v, v.Seq, ProblemFalsePass)
	if err := c.nextMailbox(ch, v); err != nil {
		return err
	}
	if err := c.commit(ctx, ch); err != nil {
		return err
	}
	return c.joinMailbox(ctx, v)
}
