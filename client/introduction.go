// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

const purposeIntroduction = "clarion introduction v1"

// introductionKind says what an introduction wants.
type introductionKind uint8

const (
	introWelcome introductionKind = 1 // here is a Welcome
	introAddBack introductionKind = 2 // add my device again: one way back
)

// introduction is what one person's client puts into another's inbox, sealed
// to the inbox key. docs/protocol/introduction.md is its law.
type introduction struct {
	Kind         introductionKind
	Certificate  []byte // of the sending device; names handle and identity
	Conversation conversationID
	Direct       bool
	Name         string
	Mailbox      wire.MailboxID
	Incarnation  wire.Incarnation
	Moves        uint32
	Keep         uint8
	Base         uint64
	BaseEpoch    uint64
	Anew         uint32   // how often the group was begun anew under its id
	Founder      string   // who did it last: a handle, or empty
	Seq          uint64   // the newcomer reads what comes after this place
	Chain        [32]byte // running hash there
	Welcome      []byte
	InviteID     [16]byte // of the link that was opened, or zero
	Proof        [32]byte // that its secret is known
	Device       [32]byte // introAddBack: the device whose leaf is lost
	Epoch        uint64   // introWelcome: where it starts; introAddBack: no leaf that came after it is lost
	Signature    wire.Signature
}

func (i *introduction) unsigned(c *wire.Coder) {
	version := uint8(1)
	c.U8(&version)
	c.U8((*uint8)(&i.Kind))
	if version != 1 || (i.Kind != introWelcome && i.Kind != introAddBack) {
		c.Fail(wire.ErrMalformed)
		return
	}
	c.Bytes(&i.Certificate, wire.MaxEntry)
	i.Conversation.Fields(c)
	c.Bool(&i.Direct)
	c.String(&i.Name, maxNameBytes)
	i.Mailbox.Fields(c)
	c.Fixed(i.Incarnation[:])
	c.U32(&i.Moves)
	c.U8(&i.Keep)
	c.U64(&i.Base)
	c.U64(&i.BaseEpoch)
	c.U32(&i.Anew)
	c.String(&i.Founder, wire.MaxName+1+wire.MaxHost)
	c.U64(&i.Seq)
	c.Fixed(i.Chain[:])
	c.Bytes(&i.Welcome, wire.MaxBody)
	c.Fixed(i.InviteID[:])
	c.Fixed(i.Proof[:])
	c.Fixed(i.Device[:])
	c.U64(&i.Epoch)
}

// Fields describes the introduction.
func (i *introduction) Fields(c *wire.Coder) {
	i.unsigned(c)
	c.Fixed(i.Signature[:])
}

// unsignedValue is the part that the signature covers.
type unsignedValue struct{ i *introduction }

// Fields describes the value.
func (u unsignedValue) Fields(c *wire.Coder) { u.i.unsigned(c) }

// signedBytes binds an introduction to the person it is for.
func (i *introduction) signedBytes(to wire.Handle) []byte {
	return wire.ToSign(purposeIntroduction, to.Host, []byte(to.Name), wire.MustMarshal(unsignedValue{i}))
}

// inviteProof shows that the maker of the proof has a link's secret, for one
// identity and one conversation.
func inviteProof(secret, identity [32]byte, from wire.Handle, conv conversationID) [32]byte {
	key := derive(secret[:], "clarion invite proof v1", 32)
	h := hmac.New(sha256.New, key)
	h.Write(wire.ToSign("clarion invite proof v1", from.Host, []byte(from.Name), identity[:], conv[:]))
	return [32]byte(h.Sum(nil))
}

// outgoing is an introduction on its way. It stays until the person was heard
// from, because a server restored from a backup may lose it.
type outgoing struct {
	To           wire.Handle
	Conversation conversationID
	Inbox        wire.MailboxID
	ID           wire.EnvelopeID
	Token        [32]byte
	Body         []byte
	Sent         bool
	SentAt       int64 // Unix seconds
	Made         int64
	Welcome      bool // brings somebody into a conversation
}

// Fields describes the record.
func (o *outgoing) Fields(c *wire.Coder) {
	o.To.Fields(c)
	o.Conversation.Fields(c)
	o.Inbox.Fields(c)
	o.ID.Fields(c)
	c.Fixed(o.Token[:])
	c.Bytes(&o.Body, wire.MaxBody)
	c.Bool(&o.Sent)
	c.I64(&o.SentAt)
	c.I64(&o.Made)
	c.Bool(&o.Welcome)
}

// queueIntroduction signs, seals and queues an introduction.
func (c *Client) queueIntroduction(ch *change, to *invitee, i *introduction) error {
	i.Certificate = c.self.Certificate
	i.Signature = c.authorise(i.signedBytes(to.Handle))
	plain, err := wire.Marshal(i)
	if err != nil {
		return err
	}
	body, err := sealTo(to.InboxKey, purposeIntroduction, to.Handle, plain)
	if err != nil {
		return err
	}
	o := &outgoing{To: to.Handle, Conversation: i.Conversation, Inbox: to.Inbox, Token: to.Token, Body: body, Made: c.now().Unix(), Welcome: i.Kind == introWelcome}
	if err := c.random(o.ID[:]); err != nil {
		return err
	}
	c.self.Counter++
	ch.put(recordSelf, c.self)
	ch.put(fmt.Sprintf("intro/%016x", c.self.Counter), o)
	return nil
}

// queueWelcome tells one person that a commit added them.
func (c *Client) queueWelcome(ch *change, v *conversation, to *invitee, welcome []byte, seq uint64, chain [32]byte) error {
	i := &introduction{
		Kind: introWelcome, Conversation: v.ID, Direct: v.Direct, Name: v.Name, Mailbox: v.Mailbox, Incarnation: v.Incarnation,
		Moves: v.Moves, Keep: v.Keep, Epoch: v.Epoch, Base: v.Base, BaseEpoch: v.BaseEpoch,
		Anew: v.Anew, Founder: v.Founder, Seq: seq, Chain: chain, Welcome: welcome,
	}
	if to.Secret != ([32]byte{}) {
		i.InviteID = inviteID(to.Secret)
		i.Proof = inviteProof(to.Secret, c.self.identityPublic(), c.self.Handle, v.ID)
	}
	return c.queueIntroduction(ch, to, i)
}

// sendIntroductions sends what is queued. An inbox that is not there now is
// tried again later; an invite that is refused is the caller's to hear.
func (c *Client) sendIntroductions(ctx context.Context) error {
	var first error
	err := scan(ctx, c.vault, "intro/", func(key string, b []byte) error {
		var o outgoing
		if err := wire.Unmarshal(b, &o); err != nil {
			return fail(FailVault, err)
		}
		if o.Sent {
			return nil
		}
		if v := c.convs[o.Conversation]; v != nil && !v.Created && v.Status == statusActive {
			return nil // its mailbox comes first
		}
		s, err := c.directoryDoor(ctx)
		if err != nil {
			return err
		}
		_, err = ask[*wire.Appended](ctx, s, &wire.Introduce{Inbox: o.Inbox, ID: o.ID, Invite: o.Token, Body: o.Body})
		var ch change
		switch {
		case unreachable(err):
			return err
		case refusedWith(err, wire.CodeNoMailbox, wire.CodeInboxFull, wire.CodeRateLimited, wire.CodeStoreDown, wire.CodeDiskFull, wire.CodeShuttingDown):
			if first == nil && !refusedWith(err, wire.CodeNoMailbox) {
				first = err
			}
			if c.now().Unix()-o.Made < wire.MaxKeep*24*3600 {
				return nil
			}
			ch.drop(key)
		case err != nil:
			if first == nil {
				first = err
			}
			ch.drop(key)
		default:
			o.Sent, o.SentAt = true, c.now().Unix()
			ch.put(key, &o)
		}
		return c.commit(ctx, &ch)
	})
	if err != nil {
		return err
	}
	return first
}

// unsendIntroductions sends again, on a restored server, what no answer has
// been heard to; and forgets what was answered.
func (c *Client) unsendIntroductions(ctx context.Context, ch *change) error {
	return scan(ctx, c.vault, "intro/", func(key string, b []byte) error {
		var o outgoing
		if err := wire.Unmarshal(b, &o); err != nil {
			return fail(FailVault, err)
		}
		heard := true
		if v := c.convs[o.Conversation]; v != nil {
			for _, m := range v.Members {
				heard = heard && (m.Handle != o.To || m.Heard)
			}
		}
		if heard || c.now().Unix()-o.Made > wire.MaxKeep*24*3600 {
			ch.drop(key)
			return nil
		}
		o.Sent, o.Token = false, [32]byte{} // the invite was spent before the restore
		ch.put(key, &o)
		return nil
	})
}

// errIgnore marks an introduction that is dropped without a word: anybody may
// put anything into an inbox.
var errIgnore = errors.New("introduction ignored")

// takeInbox reads the own inbox to its end.
func (c *Client) takeInbox(ctx context.Context) error {
	in, box, err := c.ownInbox()
	if err != nil {
		return err
	}
	for {
		s, err := c.inboxDoor(ctx)
		if err != nil {
			return err
		}
		page, err := ask[*wire.Envelopes](ctx, s, &wire.Read{Mailbox: box, Pass: in.pass, After: wire.Seq(c.self.InboxSeq), Limit: wire.MaxRead})
		if err != nil {
			return err
		}
		for i := range page.Envelopes {
			if err := c.takeIntroduction(ctx, in, &page.Envelopes[i]); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
	}
}

// takeIntroduction deals with one envelope of the inbox. An error means that
// it could not be dealt with now, and the inbox waits at its place.
func (c *Client) takeIntroduction(ctx context.Context, in *inboxSecrets, e *wire.Envelope) error {
	if uint64(e.Seq) <= c.self.InboxSeq {
		return nil
	}
	var ch change
	known := false
	for _, id := range c.self.Seen {
		known = known || id == e.ID
	}
	if !known {
		err := c.openIntroduction(ctx, &ch, in, e.Body)
		if err != nil && !errors.Is(err, errIgnore) {
			return err
		}
		if err != nil && len(ch.records) > 0 {
			ch = change{}
			if err := c.load(ctx); err != nil { // memory must not be ahead of the vault
				return err
			}
		}
	}
	c.self.InboxSeq = uint64(e.Seq)
	c.self.Seen = append(c.self.Seen, e.ID)
	if n := len(c.self.Seen) - seenKept; n > 0 {
		c.self.Seen = c.self.Seen[n:]
	}
	ch.put(recordSelf, c.self)
	return c.commit(ctx, &ch)
}

// openIntroduction unseals and verifies an introduction, then hands it on.
func (c *Client) openIntroduction(ctx context.Context, ch *change, in *inboxSecrets, body []byte) error {
	plain, err := openWith(in.key, purposeIntroduction, c.self.Handle, body)
	if err != nil {
		return errIgnore
	}
	i := new(introduction)
	if wire.Unmarshal(plain, i) != nil {
		return errIgnore
	}
	cert, err := keydir.VerifyCertificate(i.Certificate, c.self.Handle.Host, c.now().Unix())
	if err != nil || cert.Handle == c.self.Handle {
		return errIgnore
	}
	if !ed25519.Verify(cert.DeviceKey[:], i.signedBytes(c.self.Handle), i.Signature[:]) {
		return errIgnore
	}
	a, err := c.lookUp(ctx, cert.Handle)
	if err != nil && !nobody(err) {
		return err
	}
	if err != nil && AsFailure(err).Code == FailIdentity {
		c.tell(c.problem("", 0, AsFailure(err))) // whoever it is, this person was somebody else to us before
	}
	if err != nil || a.Newest.IdentityKey != cert.IdentityKey || !a.Newest.HasDevice(cert.DeviceKey) {
		return errIgnore
	}
	if c.contacts[cert.Handle].blocked() {
		return errIgnore
	}
	if i.Kind == introAddBack {
		return c.takeAddBack(ctx, i, a)
	}
	return c.takeWelcome(ctx, ch, i, a)
}

// takeWelcome joins at once when the sender is known or came by our link, and
// keeps a contact request otherwise.
func (c *Client) takeWelcome(ctx context.Context, ch *change, i *introduction, a *keydir.Account) error {
	from := a.Newest.Handle
	p := c.contacts[from]
	byLink, err := c.redeem(ctx, ch, i, a)
	if err != nil {
		return err
	}
	switch {
	case byLink:
		n := contact{Handle: from, Identity: a.Newest.IdentityKey}
		if p != nil {
			n = *p
		}
		n.State = string(ContactAccepted)
		if n.How == "" {
			n.How, n.CheckedAt = CheckedCameByLink, c.now().Unix()
		}
		c.putContact(ch, &n)
	case p.accepted():
	default:
		if v := c.convs[i.Conversation]; v != nil && v.knows(from) && (v.Status != statusLeft || v.Leaving) {
			break // a member of a conversation that we are in adds us back; perhaps we do not know yet that we were taken out
		}
		c.putContact(ch, &contact{Handle: from, State: string(ContactPending), Identity: a.Newest.IdentityKey})
		var r request
		if _, err := get(ctx, c.vault, c.record("req", from), &r); err != nil {
			return err
		}
		r.keep(i)
		ch.put(c.record("req", from), &r)
		if p == nil {
			ch.tell(ContactRequested{At: c.now(), From: from})
		}
		return nil
	}
	return c.join(ctx, ch, i, a)
}

// request is a contact request that waits for an answer: the introductions of
// one person, the newest for each conversation.
type request struct{ list []introduction }

// requestsKept is how many conversations of one person wait for an answer.
const requestsKept = 8

// Fields describes the record.
func (r *request) Fields(c *wire.Coder) { wire.List(c, &r.list, requestsKept) }

// keep adds an introduction, in the place of one for the same conversation.
func (r *request) keep(i *introduction) {
	r.list = slices.DeleteFunc(r.list, func(old introduction) bool { return old.Conversation == i.Conversation })
	r.list = append(r.list, *i)
	r.list = r.list[max(0, len(r.list)-requestsKept):]
}

func (v *conversation) knows(h wire.Handle) bool {
	for _, m := range v.Members {
		if m.Handle == h {
			return true
		}
	}
	return false
}

func packageRecord(ref []byte) string { return "kp/" + hex.EncodeToString(ref) }
