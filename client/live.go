// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

const (
	purposeLive = "clarion live v1"
	typingEvery = 3 * time.Second // at most one typing event in this time
	maxLiveData = 8<<10 + 16      // the largest size class, and the seal's own
)

// liveKind says what a live frame is about.
type liveKind uint8

const (
	liveTyping liveKind = 1
	liveCall   liveKind = 2
)

// liveBody is what a frame holds once it is opened: its kind, its content, and
// zeros up to a size class, so that its length says little.
type liveBody struct {
	Kind liveKind
	Data []byte
}

// Fields describes the body.
func (b *liveBody) Fields(c *wire.Coder) {
	c.U8((*uint8)(&b.Kind))
	c.Bytes(&b.Data, maxLiveData)
}

func (b *liveBody) padded() []byte {
	plain := wire.MustMarshal(b)
	return append(plain, make([]byte, wire.SizeClass(len(plain))-len(plain))...)
}

// unpadLive reads a padded body; what follows it must be zeros.
func unpadLive(plain []byte, b *liveBody) error {
	const head = 1 + 4
	if len(plain) < head {
		return wire.ErrMalformed
	}
	n := head + uint64(binary.BigEndian.Uint32(plain[1:head]))
	if n > uint64(len(plain)) || slices.ContainsFunc(plain[n:], func(z byte) bool { return z != 0 }) {
		return wire.ErrMalformed
	}
	return wire.Unmarshal(plain[:n], b)
}

// liveFrame is never stored and stands outside the MLS ratchet, so that a lost
// one costs nothing. It is sealed with AES-128-GCM under a key of the epoch and
// leaf, and signed by the leaf; the counter only rises, also across restarts,
// because it begins with the clock.
type liveFrame struct {
	Epoch     uint64
	Leaf      uint32
	Counter   uint64 // Unix microseconds when the sender's run began, then +1 each
	Sealed    []byte
	Signature wire.Signature
}

// Fields describes the frame.
func (l *liveFrame) Fields(c *wire.Coder) {
	l.unsigned(c)
	c.Fixed(l.Signature[:])
}

func (l *liveFrame) unsigned(c *wire.Coder) {
	version := uint8(1)
	c.U8(&version)
	if version != 1 {
		c.Fail(wire.ErrMalformed)
	}
	c.U64(&l.Epoch)
	c.U32(&l.Leaf)
	c.U64(&l.Counter)
	c.Bytes(&l.Sealed, maxLiveData)
}

// liveUnsigned is the part that the signature covers.
type liveUnsigned struct{ *liveFrame }

// Fields describes the value.
func (l liveUnsigned) Fields(c *wire.Coder) { l.unsigned(c) }

func (l *liveFrame) signedBytes(host string, m wire.MailboxID) []byte {
	return wire.ToSign(purposeLive, host, m[:], wire.MustMarshal(liveUnsigned{l}))
}

// liveKey is the exporter's key for one leaf's live frames in one epoch.
func liveKey(g *mls.Group, leaf uint32) (cipher.AEAD, error) {
	context := binary.BigEndian.AppendUint32(nil, leaf)
	block, err := aes.NewCipher(g.Export("clarion live", context, 16))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// liveNonce never repeats under one key: the counter only rises.
func liveNonce(counter uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4), counter)
}

// Typing tells the members who are there that this person is writing. It is
// best effort: without a connection nothing happens. It is a mark like others:
// nothing is told with marks off, or while a changed identity holds texts.
func (c *Client) Typing(ctx context.Context, conversation string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		if !c.online || c.self.MarksOff || c.held(v) || v.obstacle() != "" || c.now().Sub(c.typingAt[v.ID]) < typingEvery {
			return nil
		}
		c.typingAt[v.ID] = c.now()
		err = c.sendLive(ctx, v, liveTyping, nil)
		if refusedWith(err, wire.CodeStalePass, wire.CodeStaleEpoch, wire.CodeTooManyLive, wire.CodeWrongPass, wire.CodeNoMailbox) {
			return nil
		}
		return c.settleFailure(err)
	})
}

// sendLive seals and sends a frame; data may be nil.
func (c *Client) sendLive(ctx context.Context, v *conversation, kind liveKind, data wire.Value) error {
	g, err := c.groupOf(ctx, v)
	if err != nil {
		return err
	}
	c.liveCounter = max(c.liveCounter+1, uint64(time.Now().UnixMicro()))
	l := &liveFrame{Epoch: v.Epoch, Leaf: uint32(g.OwnLeaf()), Counter: c.liveCounter}
	aead, err := liveKey(g, l.Leaf)
	if err != nil {
		return err
	}
	body := &liveBody{Kind: kind}
	if data != nil {
		body.Data = wire.MustMarshal(data)
	}
	l.Sealed = aead.Seal(nil, liveNonce(l.Counter), body.padded(), v.Mailbox[:])
	l.Signature = c.authorise(l.signedBytes(c.self.Handle.Host, v.Mailbox))
	s, err := c.mailboxDoor(ctx)
	if err != nil {
		return err
	}
	_, err = ask[*wire.Done](ctx, s, &wire.Live{Mailbox: v.Mailbox, Pass: v.newest().pass(v.Mailbox), Body: wire.MustMarshal(l)})
	return err
}

// errLive is any live frame that is not shown; nobody is told of it, because
// whoever holds a pass could send many.
var errLive = errors.New("live frame refused")

// takeLive opens a live frame of a conversation.
func (c *Client) takeLive(ctx context.Context, v *conversation, body []byte) error {
	l := new(liveFrame)
	if v.Status != statusActive || wire.Unmarshal(body, l) != nil || l.Epoch != v.Epoch {
		return errLive
	}
	m := v.member(l.Leaf)
	g, err := c.groupOf(ctx, v)
	if err != nil || m == nil || m.Handle == c.self.Handle || l.Counter <= c.liveSeen[m.Device] {
		return errLive
	}
	if !ed25519.Verify(m.Device[:], l.signedBytes(c.self.Handle.Host, v.Mailbox), l.Signature[:]) {
		return errLive
	}
	aead, err := liveKey(g, l.Leaf)
	if err != nil {
		return errLive
	}
	plain, err := aead.Open(nil, liveNonce(l.Counter), l.Sealed, v.Mailbox[:])
	var b liveBody
	if err != nil || unpadLive(plain, &b) != nil {
		return errLive
	}
	c.liveSeen[m.Device] = l.Counter
	if c.contacts[m.Handle].blocked() {
		return errLive
	}
	switch b.Kind {
	case liveTyping:
		c.tell(Typing{At: c.now(), Conversation: v.ID.String(), From: m.Handle})
	case liveCall:
		var s callSignal
		if wire.Unmarshal(b.Data, &s) != nil {
			return errLive
		}
		return c.takeSignal(ctx, v, m, &s)
	}
	return nil
}
