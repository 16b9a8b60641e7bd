// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// pending is the one envelope of a conversation that is sealed and not yet
// known to be on the server. It is in the vault, with the MLS state that made
// it, before it leaves; until it is settled nothing else is sealed.
type pending struct {
	ID      wire.EnvelopeID
	Epoch   uint64
	Kind    wire.EnvelopeKind
	Next    wire.PassHash
	Body    []byte
	HasItem bool
	Order   uint64 // of the history item it carries, with HasItem
	Out     uint64 // and its number in the queue
	Mark    bool
	Leave   bool // says that this person leaves
	Commit  *pendingCommit
}

// Fields describes the value.
func (p *pending) Fields(c *wire.Coder) {
	p.ID.Fields(c)
	c.U64(&p.Epoch)
	c.U8((*uint8)(&p.Kind))
	c.Fixed(p.Next[:])
	c.Bytes(&p.Body, wire.MaxBody)
	c.Bool(&p.HasItem)
	c.U64(&p.Order)
	c.U64(&p.Out)
	c.Bool(&p.Mark)
	c.Bool(&p.Leave)
	optional(c, &p.Commit)
}

// ackedEnvelope is one that the server acknowledged and has not yet shown us.
type ackedEnvelope struct {
	ID     wire.EnvelopeID
	Seq    uint64
	Hash   [32]byte
	Sent   wire.Envelope // to be put back if the server loses it before the echo
	Commit *pendingCommit
}

// Fields describes the value.
func (a *ackedEnvelope) Fields(c *wire.Coder) {
	a.ID.Fields(c)
	c.U64(&a.Seq)
	c.Fixed(a.Hash[:])
	a.Sent.Fields(c)
	optional(c, &a.Commit)
}

// openMessage is an own message whose marks are awaited.
type openMessage struct {
	Seq   uint64
	Order uint64
	ID    [16]byte
	State uint8 // 1 sent, 2 delivered
}

// Fields describes the value.
func (o *openMessage) Fields(c *wire.Coder) {
	c.U64(&o.Seq)
	c.U64(&o.Order)
	c.Fixed(o.ID[:])
	c.U8(&o.State)
}

// unseenMost is how many envelopes are sent before their echoes are read.
const unseenMost = 64

func outRecord(conv conversationID, n uint64) string {
	return fmt.Sprintf("out/%s/%016x", conv, n)
}

// envelopeID derives the id of an envelope from what only this leaf knows and
// the generation it uses. Two copies of a vault derive the same id for the
// same generation, so the server takes at most one of their envelopes.
func (c *Client) envelopeID(g *mls.Group, kind wire.EnvelopeKind, generation uint64) wire.EnvelopeID {
	h := hmac.New(sha256.New, c.self.IDSecret[:])
	h.Write(g.GroupID())
	var b [17]byte
	binary.BigEndian.PutUint64(b[:8], g.Epoch())
	b[8] = byte(kind)
	binary.BigEndian.PutUint64(b[9:], generation)
	h.Write(b[:])
	return wire.EnvelopeID(h.Sum(nil)[:16])
}

// Flush sends everything that waits: mailboxes not yet made, introductions,
// queued messages. nil means that nothing is left. When several things fail,
// the first failure is returned and the others were tried.
func (c *Client) Flush(ctx context.Context) error {
	return c.withAccount(ctx, func() error { return c.flushAll(ctx) })
}

// FlushConversation is Flush for one conversation: its failure says what
// became of what was queued there.
func (c *Client) FlushConversation(ctx context.Context, conversation string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		return c.queuedFailure(c.flush(ctx, v), v.ID)
	})
}

func (c *Client) flushAll(ctx context.Context) error {
	var first error
	for _, v := range c.sorted() {
		err := c.queuedFailure(c.flush(ctx, v), v.ID)
		if unreachable(err) {
			return err
		}
		if err != nil && first == nil {
			first = err
		}
	}
	if err := c.removeLeavers(ctx); first == nil {
		first = err
	}
	if err := c.sendIntroductions(ctx); first == nil {
		first = err
	}
	return first
}

// waiting reports whether anything of the conversation has to leave.
func (v *conversation) waiting() bool {
	return v.Pending != nil || v.OutNext > v.OutFirst || (!v.Created && v.Status == statusActive)
}

// flush catches up with the mailbox and then sends what waits. Reading first is
// what keeps an old or copied vault from sending: it meets its own envelopes.
func (c *Client) flush(ctx context.Context, v *conversation) error {
	if v.Leaving {
		return c.sayLeft(ctx, v)
	}
	if !v.waiting() {
		return nil
	}
	if err := c.ensureMailbox(ctx, v); err != nil {
		return err
	}
	if err := c.catchUp(ctx, v); err != nil {
		return err
	}
	for tries := 0; v.waiting(); {
		if code := v.obstacle(); code != "" {
			return obstacleFailure(code)
		}
		if v.Pending != nil && v.Pending.Epoch < v.Epoch {
			// Its epoch was read to the end and it was not there, so it is not on
			// the server; a mailbox made since does not even know its pass.
			if err := c.unseal(ctx, v); err != nil {
				return err
			}
			continue
		}
		if v.Pending == nil {
			if c.held(v) {
				return fail(FailIdentityChanged, nil)
			}
			if err := c.sealNext(ctx, v); err != nil {
				return err
			}
		}
		commit := v.Pending.Commit != nil
		err := c.sendPending(ctx, v)
		if err == nil && (commit || len(v.Acked) >= unseenMost) {
			err = c.catchUp(ctx, v)
		}
		if err == nil {
			tries = 0
			continue
		}
		if tries++; tries > 16 || !c.moveOn(ctx, v, err) {
			return err
		}
	}
	if v.Status.over() { // it came out on the way, and what waited has failed
		return obstacleFailure(v.obstacle())
	}
	return c.sendIntroductions(ctx)
}

// sealNext seals the oldest queued message. Generation used and ciphertext
// made are in the vault when it returns.
func (c *Client) sealNext(ctx context.Context, v *conversation) error {
	var at place
	found, err := get(ctx, c.vault, outRecord(v.ID, v.OutFirst), &at)
	if err != nil {
		return err
	}
	var i item
	if found {
		found, err = get(ctx, c.vault, histRecord(v.ID, at.n), &i)
	}
	if err != nil {
		return err
	}
	if !found { // a record that is gone leaves nothing to send
		return c.dequeue(ctx, v)
	}
	m := &content{Kind: contentText, ID: i.ID, At: i.At, Text: i.Text}
	return c.seal(ctx, v, m, func(p *pending) { p.HasItem, p.Order, p.Out = true, at.n, v.OutFirst })
}

// queueAgain puts own messages that not every member has told to have back into
// the queue, because the group that they were sent in is left. They keep their
// ids, so whoever has one already does not see it twice; and they go before
// what is queued, because they were written before it.
func (c *Client) queueAgain(ctx context.Context, ch *change, v *conversation) error {
	for _, o := range slices.Backward(v.Open) {
		if o.State != 1 || v.OutFirst == 0 {
			continue // delivered: nobody will tell more of it
		}
		i, err := c.itemAt(ctx, ch, v, o.Order)
		if err != nil {
			return err
		}
		if i == nil {
			continue
		}
		i.State, i.Seq = string(StateQueued), 0
		v.OutFirst-- // it left the queue once, so there is a number
		v.moveItem(ch, i, o.Order, queueSpot(v.OutFirst))
		ch.put(outRecord(v.ID, v.OutFirst), &place{o.Order})
	}
	v.Open = nil
	return nil
}

// failQueued takes what can never be sent off the queue of a conversation that
// is over. It stays in the history, marked as failed, at the place seq where
// that came out. The caller saves the conversation in the same step.
func (c *Client) failQueued(ctx context.Context, ch *change, v *conversation, seq uint64) error {
	for ; v.OutFirst < v.OutNext; v.OutFirst++ {
		key, at := outRecord(v.ID, v.OutFirst), place{}
		found, err := true, error(nil)
		if b, written := inStep(ch, key); written {
			err = wire.Unmarshal(b, &at)
		} else {
			found, err = get(ctx, c.vault, key, &at)
		}
		ch.drop(key)
		var i *item
		if err == nil && found {
			i, err = c.itemAt(ctx, ch, v, at.n)
		}
		if err != nil {
			return err
		}
		if i != nil && i.State == string(StateQueued) {
			i.State, i.Seq = string(StateFailed), seq
			v.moveItem(ch, i, at.n, spot{Seq: seq, Sub: at.n})
			ch.tell(MessageStateChanged{At: c.now(), Conversation: v.ID.String(), Seq: seq, ID: i.public(v.ID).ID, State: StateFailed})
		}
	}
	v.Pending = nil
	return nil
}

func (c *Client) dequeue(ctx context.Context, v *conversation) error {
	var ch change
	ch.drop(outRecord(v.ID, v.OutFirst))
	v.OutFirst++
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// seal encrypts a content with the claim of what was seen, as the pending
// envelope. When a commit of this leaf has to come first, that is the pending
// envelope, and the caller asks again when it is taken.
func (c *Client) seal(ctx context.Context, v *conversation, m *content, more func(*pending)) error {
	if made, err := c.firstSeal(ctx, v); made || err != nil {
		return err
	}
	g, err := c.groupOf(ctx, v)
	if err != nil {
		return err
	}
	copy(m.Mailbox[:], v.Mailbox[:])
	m.Seen, m.Chain = v.within(v.Seq), v.Chain
	m.Got, m.Read = v.within(m.Got), v.within(m.Read)
	plain, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	id := c.envelopeID(g, wire.KindMessage, uint64(g.NextGeneration()))
	body, _, err := g.Seal(c.rand, plain, nil, wire.SizeClass)
	if err != nil {
		return err
	}
	v.Pending = &pending{ID: id, Epoch: v.Epoch, Kind: wire.KindMessage, Body: body}
	more(v.Pending)
	var ch change
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// sendPending appends the pending envelope and, when the server has it, moves
// it to the acknowledged ones.
func (c *Client) sendPending(ctx context.Context, v *conversation) error {
	s, err := c.mailboxDoor(ctx)
	if err != nil {
		return err
	}
	if s.hello.Incarnation != v.Incarnation {
		return errMoved
	}
	p := v.Pending
	secret := v.passOf(p.Epoch)
	if secret == nil {
		return fail(FailOldVault, errors.New("the epoch of a pending envelope is gone"))
	}
	a := &wire.Append{
		Mailbox: v.Mailbox, Pass: secret.pass(v.Mailbox), ID: p.ID, Epoch: wire.Epoch(p.Epoch),
		EnvelopeKind: p.Kind, Next: p.Next, Body: p.Body,
	}
	if p.Commit != nil {
		a.Keep = min(p.Commit.Keep, s.hello.Keep)
	}
	answer, err := ask[*wire.Appended](ctx, s, a)
	if err != nil {
		return err
	}
	return c.acknowledged(ctx, v, uint64(answer.Seq))
}

// acknowledged notes that the pending envelope is durable on the server.
func (c *Client) acknowledged(ctx context.Context, v *conversation, mailboxSeq uint64) error {
	p := v.Pending
	seq := v.Base + mailboxSeq
	e := wire.Envelope{ID: p.ID, Epoch: wire.Epoch(p.Epoch), EnvelopeKind: p.Kind, Next: p.Next, Body: p.Body}
	v.Acked = append(v.Acked, ackedEnvelope{ID: p.ID, Seq: seq, Hash: e.Hash(), Sent: e, Commit: p.Commit})
	v.Pending = nil
	var ch change
	if p.HasItem {
		if err := c.itemSent(ctx, &ch, v, p, seq); err != nil {
			return err
		}
	}
	if seq <= v.Seq { // the echo was faster than the answer
		v.Acked = slices.DeleteFunc(v.Acked, func(a ackedEnvelope) bool { return a.ID == p.ID })
	}
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// itemSent turns a queued message into a sent one, and takes it off the queue.
func (c *Client) itemSent(ctx context.Context, ch *change, v *conversation, p *pending, seq uint64) error {
	order := p.Order
	i, err := c.itemAt(ctx, ch, v, order)
	if err != nil {
		return err
	}
	ch.drop(outRecord(v.ID, p.Out))
	if p.Out == v.OutFirst {
		v.OutFirst++ // else something older came back into the queue meanwhile
	}
	again := i != nil && i.State == string(StateSent)
	if i == nil || (!again && i.State != string(StateQueued)) {
		return nil
	}
	v.Open = append(v.Open, openMessage{Seq: seq, Order: order, ID: i.ID, State: 1})
	if len(v.Open) > ownOpenKept {
		v.Open = slices.Delete(v.Open, 0, 1)
	}
	if again {
		c.replace(ch, v, i, order, seq)
		return nil
	}
	i.Seq, i.State = seq, string(StateSent)
	v.moveItem(ch, i, order, spot{Seq: seq, Sub: order})
	ch.tell(MessageStateChanged{At: c.now(), Conversation: v.ID.String(), Seq: seq, ID: i.public(v.ID).ID, State: StateSent})
	return nil
}

// moveOn deals with a refused append. true means: try again.
func (c *Client) moveOn(ctx context.Context, v *conversation, err error) bool {
	switch {
	case errors.Is(err, errMoved), refusedWith(err, wire.CodeNoMailbox, wire.CodeWrongPass, wire.CodeMailboxClosed):
		return c.followMove(ctx, v) == nil
	case refusedWith(err, wire.CodeIDReused):
		return c.becomeOld(ctx, v) == nil
	case refusedWith(err, wire.CodeStalePass, wire.CodeStaleEpoch):
		// The id was not found, so this envelope is not on the server and never
		// will be: read on, and seal again in the epoch that is current then.
		epoch := v.Epoch
		if v.Pending != nil {
			epoch = v.Pending.Epoch // perhaps sealed before a commit that is read by now
		}
		if c.catchUp(ctx, v) != nil {
			return false
		}
		if v.Epoch == epoch && v.Status == statusActive {
			return false // the server refuses without showing why
		}
		return c.unseal(ctx, v) == nil
	}
	return false
}

// unseal drops the pending envelope; what it carried is still queued.
func (c *Client) unseal(ctx context.Context, v *conversation) error {
	if v.Pending == nil {
		return nil
	}
	if err := c.undoneCommit(v, v.Pending); err != nil {
		return err
	}
	v.Pending = nil
	var ch change
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// becomeOld marks a state that must never send again, and asks the way back.
func (c *Client) becomeOld(ctx context.Context, v *conversation) error {
	if v.Status == statusOld {
		return nil
	}
	var ch change
	c.markOld(&ch, v)
	return c.commit(ctx, &ch)
}

// markOld ends sending from this vault's states. What one conversation shows,
// the vault was set back or copied, is true of all: none of them may be the
// newest, and the next to find out would be a key used twice.
func (c *Client) markOld(ch *change, v *conversation) {
	for _, other := range c.sorted() {
		if other == v || other.Status == statusActive {
			other.Status, other.Pending = statusOld, nil
			other.save(ch)
		}
	}
	ch.tell(c.problem(v.ID.String(), v.Seq, fail(FailOldVault, nil)))
	c.soon() // asks the way back
}
