// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"clarion.chat/clarion/wire"
)

// SignedHoldings is the server's answer with what checks its signature:
// Ed25519 under ServerKey over wire.Holdings.SignedBytes(Host).
type SignedHoldings struct {
	wire.Holdings
	Host      string
	ServerKey [32]byte
}

// recordServer holds the server as this device met it first. Its key signs the
// answers about holdings; another one later is another server's, or needs a
// word of the operator.
const recordServer = "server"

type metServer struct{ Key [32]byte }

// Fields describes the record.
func (m *metServer) Fields(c *wire.Coder) { c.Fixed(m.Key[:]) }

// meetServer keeps the server's key when none is kept yet.
func (c *Client) meetServer(ctx context.Context, s *session) error {
	var met metServer
	found, err := get(ctx, c.vault, recordServer, &met)
	if err != nil || found {
		return err
	}
	var ch change
	ch.put(recordServer, &metServer{s.hello.ServerKey})
	return c.commit(ctx, &ch)
}

// TrustServerKey takes a key, 64 hex digits of Ed25519, for the server's from
// now on, after a person compared it with the operator by another way. Errors:
// server_key_invalid.
func (c *Client) TrustServerKey(ctx context.Context, key string) error {
	return c.withAccount(ctx, func() error {
		b, err := ParseServerKey(key)
		if err != nil {
			return err
		}
		var ch change
		ch.put(recordServer, &metServer{b})
		return c.commit(ctx, &ch)
	})
}

// ParseServerKey reads the 64 hex digits of a server's key. Errors:
// server_key_invalid.
func ParseServerKey(text string) (key [32]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(key) {
		return key, fail(FailServerKeyText, err)
	}
	return [32]byte(b), nil
}

// Holdings asks what the server holds about this account, and checks the
// signature of the answer by the key that the server had when this device met
// it. Errors: server_key_differs, bad_signature.
func (c *Client) Holdings(ctx context.Context) (out *SignedHoldings, err error) {
	err = c.withAccount(ctx, func() error {
		s, err := c.accountDoor(ctx)
		if err != nil {
			return err
		}
		var met metServer
		if _, err := get(ctx, c.vault, recordServer, &met); err != nil {
			return err
		}
		if s.hello.ServerKey != met.Key {
			return fail(FailServerKey, nil)
		}
		h, err := ask[*wire.Holdings](ctx, s, &wire.GetHoldings{})
		if err != nil {
			return err
		}
		if h.Account != c.self.Handle.String() || !ed25519.Verify(met.Key[:], h.SignedBytes(c.self.Handle.Host), h.Signature[:]) {
			return wire.Refuse(wire.CodeBadSignature)
		}
		out = &SignedHoldings{Holdings: *h, Host: c.self.Handle.Host, ServerKey: met.Key}
		return nil
	})
	return out, err
}

// SignedMailboxHoldings is the server's answer about one conversation, with what
// checks its signature and what the members agreed on.
type SignedMailboxHoldings struct {
	wire.MailboxHoldings
	Conversation string
	Host         string
	ServerKey    [32]byte
	Agreed       uint8 // keep in days, as the members' commits say
}

// ProblemKeepDiffers: a member told the server another keep than the members.
const ProblemKeepDiffers = "keep_differs"

// ConversationHoldings asks what the server holds of a conversation, by its
// pass and not as an account, and checks the answer like Holdings. It tells
// keep_differs when the server keeps longer or shorter than the members agreed
// on. Errors: server_key_differs, bad_signature, and what keeps this device
// from taking part.
func (c *Client) ConversationHoldings(ctx context.Context, conversation string) (out *SignedMailboxHoldings, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		if err := c.ensureMailbox(ctx, v); err != nil {
			return err
		}
		if err := c.catchUp(ctx, v); err != nil {
			return err
		}
		if v.Status != statusActive || v.Leaving {
			return obstacleFailure(v.obstacle())
		}
		s, err := c.mailboxDoor(ctx)
		if err != nil {
			return err
		}
		var met metServer
		if _, err := get(ctx, c.vault, recordServer, &met); err != nil {
			return err
		}
		if s.hello.ServerKey != met.Key {
			return fail(FailServerKey, nil)
		}
		h, err := ask[*wire.MailboxHoldings](ctx, s, &wire.GetMailboxHoldings{Mailbox: v.Mailbox, Pass: v.newest().pass(v.Mailbox)})
		if err != nil {
			return err
		}
		if h.Mailbox != sha256.Sum256(v.Mailbox[:]) || !ed25519.Verify(met.Key[:], h.SignedBytes(c.self.Handle.Host), h.Signature[:]) {
			return wire.Refuse(wire.CodeBadSignature)
		}
		out = &SignedMailboxHoldings{MailboxHoldings: *h, Conversation: v.ID.String(), Host: c.self.Handle.Host, ServerKey: met.Key, Agreed: v.Keep}
		if h.Keep != min(v.Keep, s.hello.Keep) {
			c.tell(c.problem(v.ID.String(), v.Seq, namedFailure(ProblemKeepDiffers)))
		}
		return nil
	})
	return out, err
}

// DeleteEverything leaves the conversations, removes the account and all that
// the server holds about it, then empties this vault. The answer says what
// cannot be reached; members that could not be told do not keep anybody here.
func (c *Client) DeleteEverything(ctx context.Context) (d *wire.Deleted, err error) {
	err = c.withAccount(ctx, func() error {
		if _, err := c.accountDoor(ctx); err != nil { // nobody is left before the server takes this device's word
			return err
		}
		untold, err := c.leaveAll(ctx)
		if err != nil {
			return err
		}
		s, err := c.accountDoor(ctx)
		if err != nil {
			return err
		}
		sig := c.authorise(wire.ToSign(wire.PurposeDelete, c.self.Handle.Host, s.hello.Challenge[:], []byte(c.self.Handle.Name)))
		d, err = ask[*wire.Deleted](ctx, s, &wire.DeleteEverything{Authorisation: sig})
		if err != nil {
			return err
		}
		if untold > 0 {
			d.Beyond = append(d.Beyond, fmt.Sprintf("The members of %d of your conversations: they could not be told that you left, and whoever has a copy of your vault goes on there.", untold))
		}
		c.doors.closeAll()
		c.listening, c.online = false, false
		clear(c.calls)
		var ch change
		if err := scan(ctx, c.vault, "", func(key string, _ []byte) error { ch.drop(key); return nil }); err != nil {
			return err
		}
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		return c.load(ctx)
	})
	return d, err
}

// leaveAll tells the members of every conversation that this person leaves, and
// counts those whom it could not tell. The vault's own failure is the error.
func (c *Client) leaveAll(ctx context.Context) (untold int, err error) {
	var away error
	for _, v := range c.sorted() {
		if v.Status.over() && !v.Leaving {
			continue
		}
		told := v.Status == statusActive && v.Alarm == "" && away == nil
		if told {
			var ch change
			v.Leaving = true
			v.save(&ch)
			if err := c.commit(ctx, &ch); err != nil {
				return untold, err
			}
			err := c.sayLeft(ctx, v)
			if unreachable(err) {
				away = err
			}
			told = err == nil && !v.Leaving
		}
		if !told {
			untold++
		}
	}
	return untold, nil
}
