// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// Codes of problems with what a mailbox shows.
const (
	ProblemUnreadable = "envelope_unreadable"
	ProblemReplayed   = "envelope_replayed"
	ProblemGap        = "envelope_missing"
	ProblemEcho       = "echo_differs"
	ProblemPastKeep   = "slept_past_keep"
)

var problems = map[string]sentencePair{
	ProblemUnreadable:  {"an envelope does not open", "a member or the server put something false there; other messages are not touched by it"},
	ProblemReplayed:    {"a message was put into the conversation a second time", "it is shown once; somebody who knows the mailbox's pass did it, or the server"},
	ProblemGap:         {"the server left out an envelope", "nothing more is sent here; compare with the members by another way and tell the operator"},
	ProblemEcho:        {"the server shows something else than what it acknowledged", "nothing more is sent here; tell the operator"},
	ProblemPastKeep:    {"this device slept longer than the server keeps envelopes", "what was written meanwhile is not here; a member's client adds this device again"},
	ProblemMailboxLost: {"the server no longer holds this conversation's mailbox", "nobody used it for longer than the server keeps envelopes; the first member who is online begins it anew"},
	ProblemFalsePass:   {"a member closed the mailbox with a pass that nobody can derive", "the conversation went on in another mailbox; somebody in it runs a false client"},
	ProblemBroken:      {"a member put a change into the conversation that nobody can process", "the first member who is online begins it anew; somebody in it runs a false client"},
	ProblemMissed:      {"a member came back into the conversation and may lack messages of yours", "what matters of them, write again"},
	ProblemLapsed:      {"nothing was ever heard from somebody here, and the server has deleted what told them of this conversation", "accept them, or add them, once more"},
	ProblemStranger:    {"a member's identity is not the one that the server's directory names", "nothing more is sent here; ask the person by another way"},
	ProblemKeepDiffers: {"the server keeps what is written here for another time than the members agreed on", "set it again with `clarion keep`; a member told the server another number, or the server does not do as told"},
	ProblemWelcome:     {"an invitation into a conversation does not open", "your client asked the sender's to add it again"},
}

// raw is an envelope as it was taken, with the running hash after it. It heals
// the conversation on a server restored from an older backup, and answers what
// other members claim to have seen.
type raw struct {
	Chain    [32]byte
	Envelope wire.Envelope
}

// Fields describes the record.
func (r *raw) Fields(c *wire.Coder) {
	c.Fixed(r.Chain[:])
	r.Envelope.Fields(c)
}

// ensureMailbox makes the mailbox on the server if it is not known to be there.
func (c *Client) ensureMailbox(ctx context.Context, v *conversation) error {
	if v.Created || v.Status != statusActive {
		return nil
	}
	s, err := c.mailboxDoor(ctx)
	if err != nil {
		return err
	}
	// In another incarnation than the members were told of, they all move; so
	// does this device, when it next reads.
	made := s.hello.Incarnation == v.Incarnation
	if made {
		p := v.newest()
		_, err = ask[*wire.Done](ctx, s, &wire.CreateMailbox{
			Mailbox: v.Mailbox, Pass: p.pass(v.Mailbox).Hash(), Epoch: wire.Epoch(p.Epoch), Keep: min(v.Keep, s.hello.Keep),
		})
		if err != nil {
			return err
		}
	}
	var ch change
	v.Created = true
	v.save(&ch)
	if err := c.commit(ctx, &ch); err != nil || !made || !c.online {
		return err
	}
	return c.subscribe(ctx, v) // a conversation that began while this device listens
}

// catchUp reads the mailbox to its end, epoch by epoch.
func (c *Client) catchUp(ctx context.Context, v *conversation) error {
	for moves := 0; v.Status == statusActive && v.Created; {
		s, err := c.mailboxDoor(ctx)
		if err != nil {
			return err
		}
		if s.hello.Incarnation != v.Incarnation {
			err = errMoved
		}
		var page *wire.Envelopes
		epoch := v.newest().Epoch
		if err == nil {
			page, err = ask[*wire.Envelopes](ctx, s, &wire.Read{
				Mailbox: v.Mailbox, Pass: v.newest().pass(v.Mailbox), After: wire.Seq(v.Seq - v.Base), Limit: wire.MaxRead,
			})
		}
		if errors.Is(err, errMoved) || refusedWith(err, wire.CodeNoMailbox, wire.CodeWrongPass) {
			if moves++; moves > 4 {
				return err
			}
			if err := c.followMove(ctx, v); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if slept, err := c.fillOwn(ctx, v, page); slept || err != nil {
			return err
		}
		if err := c.takeEnvelopes(ctx, v, page.Envelopes); err != nil {
			return err
		}
		if !page.More && v.Status == statusActive && v.newest().Epoch == epoch && page.Current {
			return c.checkShown(ctx, v)
		}
		if len(page.Envelopes) == 0 && v.newest().Epoch == epoch {
			// An ended epoch whose last commit is not shown: nothing to go on with.
			return c.alarm(ctx, v, ProblemGap)
		}
	}
	return nil
}

// fillOwn looks whether the server has forgotten what comes next. What this
// device sent itself is put in front of the page; else it slept past keep.
func (c *Client) fillOwn(ctx context.Context, v *conversation, page *wire.Envelopes) (slept bool, err error) {
	if uint64(page.First) <= v.Seq-v.Base+1 {
		return false, nil
	}
	own := v.ownUpTo(uint64(page.First))
	if own == nil {
		return true, c.pastKeep(ctx, v)
	}
	page.Envelopes = append(own, page.Envelopes...)
	return false, nil
}

// ownUpTo lists what is gone before a place of the mailbox, when all of it is
// what this device sent itself and the server acknowledged there; else nil.
func (v *conversation) ownUpTo(first uint64) []wire.Envelope {
	var own []wire.Envelope
	for at := v.Seq - v.Base + 1; at < first; at++ {
		n := slices.IndexFunc(v.Acked, func(a ackedEnvelope) bool { return a.Seq == v.Base+at })
		if n < 0 {
			return nil
		}
		e := v.Acked[n].Sent
		e.Seq = wire.Seq(at)
		own = append(own, e)
	}
	return own
}

// checkShown: at the end of the mailbox everything that the server had
// acknowledged must have been shown.
func (c *Client) checkShown(ctx context.Context, v *conversation) error {
	for _, a := range v.Acked {
		if a.Seq > v.Seq {
			return c.alarm(ctx, v, ProblemEcho)
		}
	}
	return nil
}

// takeEnvelopes applies envelopes in order and commits once for all of them;
// what was applied before a failure stays, and so do alarms.
func (c *Client) takeEnvelopes(ctx context.Context, v *conversation, list []wire.Envelope) error {
	var ch change
	var failed error
	mailbox, taken := v.Mailbox, 0
	for i := range list {
		if v.Status != statusActive {
			break
		}
		if failed = c.apply(ctx, &ch, v, &list[i]); failed != nil {
			break
		}
		taken++
		if v.Mailbox != mailbox {
			break // the rest belongs to a mailbox that was left
		}
	}
	if f := (*Failure)(nil); failed != nil && (!errors.As(failed, &f) || f.Code != v.Alarm) {
		return c.takeAgain(ctx, v, mailbox, list[:taken], failed)
	}
	if taken > 0 {
		v.Took = c.now().Unix()
	}
	v.save(&ch)
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	return failed
}

// takeAgain deals with a failure in the middle of an envelope, which may have
// used up its key without showing it: nothing of the step is kept, and what
// came before that envelope is taken once more.
func (c *Client) takeAgain(ctx context.Context, v *conversation, mailbox wire.MailboxID, before []wire.Envelope, failed error) error {
	if err := c.load(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if len(before) > 0 && v.Mailbox == mailbox {
		if err := c.takeEnvelopes(ctx, v, before); err != nil {
			return err
		}
	}
	return failed
}

// alarm stops sending in a conversation and says why.
func (c *Client) alarm(ctx context.Context, v *conversation, code string) error {
	var ch change
	c.raise(&ch, v, v.Seq, code)
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// raise notes an alarm; the first one stays.
func (c *Client) raise(ch *change, v *conversation, seq uint64, code string) {
	if v.Alarm == "" {
		v.Alarm = code
	}
	ch.tell(c.problem(v.ID.String(), seq, namedFailure(code)))
}

// note tells of something wrong that does not stop the conversation.
func (c *Client) note(ch *change, v *conversation, seq uint64, code string) {
	ch.tell(c.problem(v.ID.String(), seq, namedFailure(code)))
}

func namedFailure(code string) *Failure {
	if s, ok := problems[code]; ok {
		return &Failure{Code: code, Text: s.text, Hint: s.hint}
	}
	return fail(code, nil)
}

// apply takes the next envelope: its place in the running hash, then what it
// is. Records and events go into ch.
func (c *Client) apply(ctx context.Context, ch *change, v *conversation, e *wire.Envelope) error {
	seq := v.Base + uint64(e.Seq)
	if seq <= v.Seq {
		return c.compareTaken(ctx, ch, v, seq, e)
	}
	if seq != v.Seq+1 {
		c.raise(ch, v, seq, ProblemGap)
		return c.alarmed(v)
	}
	hash := e.Hash()
	own, err := c.applyOwn(ctx, ch, v, seq, e, hash)
	if err != nil {
		return err
	}
	switch at := slices.IndexFunc(v.Healing, func(h healing) bool { return h.ID == e.ID }); {
	case own:
	case at >= 0:
		was := v.Healing[at].Seq
		v.Healing = slices.Delete(v.Healing, at, at+1)
		if err := c.comesAgain(ctx, ch, v, was, seq); err != nil {
			return err
		}
	case e.EnvelopeKind == wire.KindMessage:
		if err := c.applyMessage(ctx, ch, v, seq, e); err != nil {
			return err
		}
	case e.EnvelopeKind == wire.KindCommit:
		if err := c.applyCommit(ctx, ch, v, seq, e); err != nil {
			return err
		}
	default:
		c.note(ch, v, seq, ProblemUnreadable)
	}
	if v.Status == statusOld || v.Status == statusEnded {
		return nil
	}
	v.advance(ch, seq, hash, e)
	return c.afterApply(ctx, ch, v)
}

// alarmed is what apply returns after an alarm that leaves no way to go on.
func (c *Client) alarmed(v *conversation) error { return namedFailure(v.Alarm) }

// advance moves the running hash over an envelope.
func (v *conversation) advance(ch *change, seq uint64, hash [32]byte, e *wire.Envelope) {
	v.Chain = sha256.Sum256(append(v.Chain[:], hash[:]...))
	v.Seq = seq
	ch.put(v.rawRecord(seq), &raw{Chain: v.Chain, Envelope: *e})
	if seq > rawKept {
		ch.drop(v.rawRecord(seq - rawKept))
	}
}

// compareTaken looks at an envelope that is shown again: it must be the same.
func (c *Client) compareTaken(ctx context.Context, ch *change, v *conversation, seq uint64, e *wire.Envelope) error {
	var r raw
	found, err := get(ctx, c.vault, v.rawRecord(seq), &r)
	if err != nil || !found {
		return err
	}
	if len(r.Envelope.Body) > 0 && r.Envelope.Hash() != e.Hash() {
		c.raise(ch, v, seq, FailHistoryDiffers)
	}
	return nil
}

// applyOwn recognises the echo of an own envelope: the receipt that the server
// shows everybody what it acknowledged.
func (c *Client) applyOwn(ctx context.Context, ch *change, v *conversation, seq uint64, e *wire.Envelope, hash [32]byte) (bool, error) {
	for i, a := range v.Acked {
		if a.ID == e.ID {
			v.Acked = slices.Delete(v.Acked, i, i+1)
			if a.Seq != seq || a.Hash != hash {
				c.raise(ch, v, seq, ProblemEcho)
			}
			if a.Commit != nil {
				return true, c.ownCommit(ctx, ch, v, seq, a.Commit, e)
			}
			return true, nil
		}
		if a.Seq == seq {
			c.raise(ch, v, seq, ProblemEcho)
		}
	}
	p := v.Pending
	if p == nil || p.ID != e.ID {
		return false, nil
	}
	sent := wire.Envelope{ID: p.ID, Epoch: wire.Epoch(p.Epoch), EnvelopeKind: p.Kind, Next: p.Next, Body: p.Body}
	if sent.Hash() != hash {
		c.raise(ch, v, seq, ProblemEcho)
	}
	// The answer was lost on its way; the echo says the same.
	v.Pending = nil
	if p.HasItem {
		if err := c.itemSent(ctx, ch, v, p, seq); err != nil {
			return true, err
		}
	}
	if p.Commit != nil {
		return true, c.ownCommit(ctx, ch, v, seq, p.Commit, e)
	}
	return true, nil
}

// applyMessage opens a message of another leaf.
func (c *Client) applyMessage(ctx context.Context, ch *change, v *conversation, seq uint64, e *wire.Envelope) error {
	g, err := c.groupOf(ctx, v)
	if err != nil {
		return err
	}
	if c.fromOwnCopy(g, e) {
		c.markOld(ch, v)
		return nil
	}
	m, err := g.Open(e.Body)
	ownAgain := errors.Is(err, mls.ErrOwnMessage) && errors.Is(g.VerifyOwn(e.Body), mls.ErrReplay)
	if errors.Is(err, mls.ErrReplay) || ownAgain {
		c.note(ch, v, seq, ProblemReplayed)
		return nil
	}
	var body content
	if err == nil {
		err = wire.Unmarshal(m.Plaintext, &body)
	}
	if err != nil && v.Renew && uint64(e.Epoch) < v.Epoch {
		v.Lacks = true // put back by somebody else, from an epoch that this device has left
		return nil
	}
	if err != nil {
		c.note(ch, v, seq, ProblemUnreadable)
		return nil
	}
	from := v.member(uint32(m.Leaf))
	if from == nil {
		c.note(ch, v, seq, ProblemUnreadable)
		return nil
	}
	from.Heard = true
	if err := c.checkClaim(ctx, ch, v, seq, &body); err != nil {
		return err
	}
	switch body.Kind {
	case contentLeave:
		return c.takeLeave(ctx, ch, v, seq, from)
	case contentMark:
		c.takeMark(ctx, ch, v, from, &body)
		return c.spreadMarks(ctx, ch, v)
	case contentRing:
		c.takeRing(ch, v, seq, from, &body, g)
		return nil
	case contentOver:
		c.takeCallOver(ch, v, from, &body)
		return nil
	}
	return c.takeText(ctx, ch, v, seq, from, &body)
}

// checkClaim compares what the sender had seen with what this device saw. A
// difference means that somebody was shown another history.
func (c *Client) checkClaim(ctx context.Context, ch *change, v *conversation, seq uint64, m *content) error {
	at := v.Base + m.Seen
	if !m.about(v) || at < v.Start {
		return nil // about a mailbox that was left, or before this device came
	}
	if at > v.Seq {
		c.raise(ch, v, seq, FailHistoryDiffers)
		return nil
	}
	seen := v.Chain
	if at < v.Seq {
		r, found, err := c.rawAt(ctx, ch, v, at)
		if err != nil || !found {
			return err
		}
		seen = r.Chain
	}
	if seen != m.Chain {
		c.raise(ch, v, seq, FailHistoryDiffers)
	}
	return nil
}

// rawAt finds the record of a place, also one of this very step.
func (c *Client) rawAt(ctx context.Context, ch *change, v *conversation, seq uint64) (*raw, bool, error) {
	key := v.rawRecord(seq)
	r := new(raw)
	if b, written := inStep(ch, key); written {
		return r, true, wire.Unmarshal(b, r)
	}
	found, err := get(ctx, c.vault, key, r)
	return r, found, err
}

// takeText puts a message into the history, once.
func (c *Client) takeText(ctx context.Context, ch *change, v *conversation, seq uint64, from *memberState, m *content) error {
	if from.Handle == c.self.Handle || checkText(m.Text) != nil {
		c.note(ch, v, seq, ProblemUnreadable)
		return nil
	}
	old, order, err := c.findItem(ctx, ch, v, m.ID)
	if err != nil {
		return err
	}
	p := c.contacts[from.Handle]
	if old != nil {
		if old.From == from.Handle && old.Text == m.Text { // sent again, by its author
			c.replace(ch, v, old, order, seq)
		}
		return nil
	}
	if p.blocked() || v.Leaving {
		return nil
	}
	i := &item{ID: m.ID, Seq: seq, From: from.Handle, Text: m.Text, At: m.At, Unread: true}
	if p != nil {
		i.How, i.CheckedAt = p.How, p.CheckedAt
	}
	order = v.addItem(ch, i, spot{Seq: seq})
	v.active(i.At, c.now())
	if v.Unread == 0 {
		v.UnreadFrom = order
	}
	v.Unread++
	v.LastText = seq
	ch.tell(MessageArrived{Message: i.public(v.ID)})
	c.marksDue()
	return nil
}

// pastKeep: envelopes this device never read are gone.
func (c *Client) pastKeep(ctx context.Context, v *conversation) error {
	var ch change
	v.Status = statusOld
	v.Pending = nil
	v.Forgets = max(c.now().Unix()-v.Took, 0)
	v.save(&ch)
	c.note(&ch, v, v.Seq, ProblemPastKeep)
	c.soon()
	return c.commit(ctx, &ch)
}
