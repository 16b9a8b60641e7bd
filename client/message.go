// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"

	"clarion.chat/clarion/wire"
)

// maxText is the longest text of one message, in bytes of UTF-8.
const maxText = 16000

// contentKind says what a sealed message is.
type contentKind uint8

const (
	contentText  contentKind = 1
	contentMark  contentKind = 2
	contentLeave contentKind = 3 // its sender leaves the conversation
	contentRing  contentKind = 4 // its sender calls
	contentOver  contentKind = 5 // a call is over for its sender
)

// content is what an envelope of kind message holds, inside MLS: its kind, the
// claim of what its sender has seen, and the text or mark. The protocol page
// docs/protocol/message.md is its law.
type content struct {
	Kind    contentKind
	ID      [16]byte // chosen once by the sender, kept when it is sealed again
	At      int64    // the sender's clock, Unix seconds
	Mailbox [8]byte  // first bytes of the mailbox the claim is about
	Seen    uint64   // last place in that mailbox the sender has taken
	Chain   [32]byte // running hash of that mailbox there
	Text    string   // contentText
	Got     uint64   // contentMark: everything up to this place of the mailbox arrived
	Read    uint64   // contentMark: and up to this place was seen
	Call    callID   // contentRing, contentOver
	Video   bool     // contentRing: the caller means to send video
	Rang    int64    // contentRing: when, by the server's clock, Unix seconds
	Commit  [32]byte // contentRing: the caller's commitment for round 0
	Reason  uint8    // contentOver: see overReasons
}

// about reports whether the claim is about the mailbox that a conversation is
// in. Places in it are the same for all members; the places that a person sees
// count on across mailboxes, and need not be, when members came by different
// ways through several restores of the server.
func (m *content) about(v *conversation) bool { return string(m.Mailbox[:]) == string(v.Mailbox[:8]) }

// within turns a place that counts across mailboxes into one of the present
// mailbox, 0 for what came before it.
func (v *conversation) within(place uint64) uint64 { return max(place, v.Base) - v.Base }

// Fields describes the content; an unknown kind is refused.
func (m *content) Fields(c *wire.Coder) {
	version := uint8(1)
	c.U8(&version)
	c.U8((*uint8)(&m.Kind))
	if version != 1 || m.Kind < contentText || m.Kind > contentOver {
		c.Fail(wire.ErrMalformed)
		return
	}
	c.Fixed(m.ID[:])
	c.I64(&m.At)
	c.Fixed(m.Mailbox[:])
	c.U64(&m.Seen)
	c.Fixed(m.Chain[:])
	switch m.Kind {
	case contentText:
		c.String(&m.Text, maxText)
	case contentMark:
		c.U64(&m.Got)
		c.U64(&m.Read)
	case contentRing:
		c.Fixed(m.Call[:])
		c.Bool(&m.Video)
		c.I64(&m.Rang)
		c.Fixed(m.Commit[:])
	case contentOver:
		c.Fixed(m.Call[:])
		c.U8(&m.Reason)
	}
}

// Message finds one message of a conversation.
func (c *Client) Message(ctx context.Context, conversation, id string) (m Message, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		b, err := hex.DecodeString(id)
		if err != nil || len(b) != 16 {
			return &Failure{Code: "no_such_message", Text: "there is no such message", Cause: err}
		}
		i, _, err := c.findItem(ctx, nil, v, [16]byte(b))
		if err != nil {
			return err
		}
		if i == nil {
			return &Failure{Code: "no_such_message", Text: "there is no such message"}
		}
		m = i.public(v.ID)
		return nil
	})
	return m, err
}

// Send queues a text. It is in the vault when Send returns nil or a Failure
// with Queued, and leaves with the next Flush, or at once while listening.
func (c *Client) Send(ctx context.Context, conversation, text string) (m Message, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		var id [16]byte
		if err := c.random(id[:]); err != nil {
			return err
		}
		i, err := c.queue(ctx, v, id, text)
		if err != nil {
			return err
		}
		m = i.public(v.ID)
		if c.listening && c.online {
			return c.settleFailure(c.queuedFailure(c.flush(ctx, v), v.ID))
		}
		return nil
	})
	return m, err
}

// settleFailure hides that the server could not be reached where the work
// waits in the vault and goes on by itself.
func (c *Client) settleFailure(err error) error {
	if unreachable(err) {
		c.wentOffline()
		return nil
	}
	return err
}

// queuedFailure says of a failure to send whether what waits in the
// conversation leaves by itself later.
func (c *Client) queuedFailure(err error, id conversationID) error {
	v := c.convs[id] // perhaps another one by now, which a Welcome brought
	if v == nil || !v.leavesLater(err) {
		return err
	}
	f := *AsFailure(err)
	f.Queued, f.Cause = true, err
	return &f
}

// leavesLater reports whether what is queued goes on by itself once err is
// over. An alarm is for a person to judge, and nothing follows a removal.
func (v *conversation) leavesLater(err error) bool {
	if err == nil || v.OutNext == v.OutFirst || v.Alarm != "" || v.Leaving || v.Status.over() {
		return false
	}
	return v.Status != statusActive || later(err) || AsFailure(err).Code == FailIdentityChanged || errors.Is(err, errMoved) ||
		refusedWith(err, wire.CodeStalePass, wire.CodeStaleEpoch, wire.CodeNoMailbox, wire.CodeWrongPass, wire.CodeMailboxClosed, wire.CodeMailboxExists, wire.CodeInternal)
}

// checkText refuses what cannot be sent.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return fail(FailEmpty, nil)
	case len(text) > maxText:
		return fail(FailTooLong, nil)
	case !utf8.ValidString(text):
		return fail(FailNotText, nil)
	}
	return nil
}

func (c *Client) queue(ctx context.Context, v *conversation, id [16]byte, text string) (*item, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	if v.Alarm != "" || v.Leaving || v.Status.over() {
		return nil, obstacleFailure(v.obstacle())
	}
	if p := c.contacts[v.peer(c.self.Handle)]; v.Direct && p.blocked() {
		return nil, fail(FailBlocked, nil)
	}
	if c.held(v) {
		return nil, fail(FailIdentityChanged, nil)
	}
	i := &item{ID: id, From: c.self.Handle, Own: true, Text: text, At: c.now().Unix(), State: string(StateQueued)}
	var ch change
	order := v.addItem(&ch, i, queueSpot(v.OutNext))
	ch.put(outRecord(v.ID, v.OutNext), &place{order})
	v.OutNext++
	v.active(i.At, c.now())
	v.save(&ch)
	return i, c.commit(ctx, &ch)
}

// obstacleFailure is the failure of a conversation's obstacle.
func obstacleFailure(code string) error {
	if _, ours := failures[code]; ours {
		return fail(code, nil)
	}
	r := wire.Refuse(wire.Code(code))
	if code == string(wire.CodeStalePass) { // what the server says of it is no word for a person
		return &Failure{Code: code, Text: "you were removed from this conversation", Hint: "its members can add you again; what was said before stays here", Cause: r}
	}
	return r
}
