// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import "crypto/sha256"

// EnvelopeKind tells the server whether an envelope ends the epoch.
type EnvelopeKind uint8

// The three kinds of envelope. The server sees the kind, never the content.
const (
	KindMessage      EnvelopeKind = 1
	KindCommit       EnvelopeKind = 2
	KindIntroduction EnvelopeKind = 3 // only in an inbox
)

// Envelope is a sealed body at its place in a mailbox.
type Envelope struct {
	Seq          Seq
	ID           EnvelopeID
	Epoch        Epoch // the epoch it was appended in
	EnvelopeKind EnvelopeKind
	Next         PassHash // of the next epoch; zero unless a commit
	Body         []byte
}

// Fields describes the value.
func (e *Envelope) Fields(c *Coder) {
	e.Seq.Fields(c)
	e.ID.Fields(c)
	e.Epoch.Fields(c)
	c.U8((*uint8)(&e.EnvelopeKind))
	c.Fixed(e.Next[:])
	c.Bytes(&e.Body, MaxBody)
	if e.EnvelopeKind < KindMessage || e.EnvelopeKind > KindIntroduction {
		c.Fail(ErrMalformed)
	}
}

// Hash covers all of the envelope but its place, so that it stays the same
// when members append it again to another mailbox.
func (e *Envelope) Hash() [32]byte {
	placeless := *e
	placeless.Seq = 0
	return sha256.Sum256(MustMarshal(&placeless))
}

// CreateMailbox makes a mailbox whose current epoch is Epoch. Making it again
// with the same pass is harmless; with another it is CodeMailboxExists.
type CreateMailbox struct {
	Mailbox MailboxID
	Pass    PassHash
	Epoch   Epoch
	Keep    uint8 // days, MinKeep to MaxKeep
}

// Kind names the frame.
func (*CreateMailbox) Kind() Kind { return KindCreateMailbox }

// Fields describes the frame.
func (m *CreateMailbox) Fields(c *Coder) {
	m.Mailbox.Fields(c)
	c.Fixed(m.Pass[:])
	m.Epoch.Fields(c)
	c.U8(&m.Keep)
}

// Append puts an envelope at the end of a mailbox. ID is looked up before the
// pass's epoch: a repeat of the same envelope is answered with its Seq, another
// body under the same ID is CodeIDReused. The pass of an earlier epoch is
// CodeStalePass, with where the mailbox stands. A commit is a compare-and-set
// on the epoch: exactly one wins and Next becomes the pass. Keep, when not 0,
// changes how long later envelopes stay; only a commit may carry it.
type Append struct {
	Mailbox      MailboxID
	Pass         Pass
	ID           EnvelopeID
	Epoch        Epoch
	EnvelopeKind EnvelopeKind // KindMessage or KindCommit
	Next         PassHash     // zero unless a commit
	Keep         uint8
	Body         []byte // a size class long
}

// Kind names the frame.
func (*Append) Kind() Kind { return KindAppend }

// Fields describes the frame.
func (a *Append) Fields(c *Coder) {
	a.Mailbox.Fields(c)
	c.Fixed(a.Pass[:])
	a.ID.Fields(c)
	a.Epoch.Fields(c)
	c.U8((*uint8)(&a.EnvelopeKind))
	c.Fixed(a.Next[:])
	c.U8(&a.Keep)
	c.Bytes(&a.Body, MaxBody)
}

// Appended is the durable receipt: the envelope survives a crash of the server.
type Appended struct{ Seq Seq }

// Kind names the frame.
func (*Appended) Kind() Kind { return KindAppended }

// Fields describes the frame.
func (a *Appended) Fields(c *Coder) { a.Seq.Fields(c) }

// Read asks for envelopes after After. With Wait it may be answered up to that
// many seconds later, as soon as there is one.
type Read struct {
	Mailbox MailboxID
	Pass    Pass
	After   Seq
	Limit   uint16 // 1 to MaxRead
	Wait    uint8  // seconds, up to MaxWait
}

// Kind names the frame.
func (*Read) Kind() Kind { return KindRead }

// Fields describes the frame.
func (r *Read) Fields(c *Coder) {
	r.Mailbox.Fields(c)
	c.Fixed(r.Pass[:])
	r.After.Fields(c)
	c.U16(&r.Limit)
	c.U8(&r.Wait)
}

// Envelopes answers Read. Head and Epoch say how far this pass may read: for
// the pass of an earlier epoch, up to and with the commit that ended it. First
// is the oldest seq still held, or Head+1 when none is; for a reader to whom
// something past After is missing, the seq from which on nothing is. More says that the
// limit, of count or of bytes, cut the answer short.
type Envelopes struct {
	Envelopes []Envelope
	First     Seq
	Head      Seq
	Epoch     Epoch // the epoch of the pass that was shown
	Current   bool  // whether that epoch is the mailbox's current one
	More      bool
}

// Kind names the frame.
func (*Envelopes) Kind() Kind { return KindEnvelopes }

// Fields describes the frame.
func (e *Envelopes) Fields(c *Coder) {
	List(c, &e.Envelopes, MaxRead)
	e.First.Fields(c)
	e.Head.Fields(c)
	e.Epoch.Fields(c)
	c.Bool(&e.Current)
	c.Bool(&e.More)
}

// Subscribe asks for envelopes after After as they come. The first Delivery
// may hold what is there already. It ends with the epoch of its pass.
type Subscribe struct {
	Mailbox MailboxID
	Pass    Pass
	After   Seq
}

// Kind names the frame.
func (*Subscribe) Kind() Kind { return KindSubscribe }

// Fields describes the frame.
func (s *Subscribe) Fields(c *Coder) {
	s.Mailbox.Fields(c)
	c.Fixed(s.Pass[:])
	s.After.Fields(c)
}

// Unsubscribe ends this connection's subscription of a mailbox.
type Unsubscribe struct{ Mailbox MailboxID }

// Kind names the frame.
func (*Unsubscribe) Kind() Kind { return KindUnsubscribe }

// Fields describes the frame.
func (u *Unsubscribe) Fields(c *Coder) { u.Mailbox.Fields(c) }

// Delivery is an event: envelopes of a subscribed mailbox, in order, no gap.
type Delivery struct {
	Mailbox   MailboxID
	Envelopes []Envelope
}

// Kind names the frame.
func (*Delivery) Kind() Kind { return KindDelivery }

// Fields describes the frame.
func (d *Delivery) Fields(c *Coder) {
	d.Mailbox.Fields(c)
	List(c, &d.Envelopes, MaxRead)
}

// SubscriptionEnded is an event: no more deliveries for this mailbox, because
// a commit ended the epoch (CodeStalePass) or the server is going away.
type SubscriptionEnded struct {
	Mailbox MailboxID
	Reason  Code
}

// Kind names the frame.
func (*SubscriptionEnded) Kind() Kind { return KindSubscriptionEnded }

// Fields describes the frame.
func (s *SubscriptionEnded) Fields(c *Coder) {
	s.Mailbox.Fields(c)
	c.String((*string)(&s.Reason), 64)
}
