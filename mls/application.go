// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"io"
)

// Message is an application message that has been opened and verified.
type Message struct {
	Leaf       LeafIndex
	Generation uint32
	Plaintext  []byte
	AAD        []byte
}

// Sender is what a PrivateMessage says of where it comes from, once its sender
// data has been decrypted. Any member can write any sender there: only Open
// and ProcessCommit verify it.
type Sender struct {
	Leaf        LeafIndex
	Generation  uint32
	ContentType uint8
}

// NextGeneration is the generation that Seal would use next.
func (g *Group) NextGeneration() uint32 {
	if g.gone {
		return 0
	}
	return g.keys.next(g.own, ratchetApplication)
}

// NextCommitGeneration is the generation of the handshake ratchet that Commit
// would use next.
func (g *Group) NextCommitGeneration() uint32 {
	if g.gone {
		return 0
	}
	return g.keys.next(g.own, ratchetHandshake)
}

// SkipCommits passes over the generations of our own handshake ratchet below
// to, which is at most MaxForward: Commit uses none of them from then on. Their
// keys stay, so VerifyOwn still knows a commit under one of them as ours. Store
// g with the commit that follows. ErrFarGeneration when to is too large.
func (g *Group) SkipCommits(to uint32) error {
	if g.gone {
		return ErrForgotten
	}
	if to > MaxForward {
		return ErrFarGeneration
	}
	if to <= g.NextCommitGeneration() {
		return nil
	}
	f, err := g.keys.find(g.own, ratchetHandshake, to-1)
	if err != nil {
		return err
	}
	f.skipped[to-1] = f.key
	g.keys.take(f)
	return nil
}

// Seal encrypts an application message and moves the ratchet on; store g
// before the result leaves. aad travels readable but authenticated. pad is
// given the size in bytes of the message without padding and returns the size
// wanted; nil means no padding. A size that the encoding cannot have (two
// around each growth of a length prefix) makes Seal ask for the next.
func (g *Group) Seal(rand io.Reader, plaintext, aad []byte, pad func(int) int) (msg []byte, generation uint32, err error) {
	if g.gone {
		return nil, 0, ErrForgotten
	}
	if len(plaintext) > MaxMessage || len(aad) > MaxMessage {
		return nil, 0, ErrTooLarge
	}
	a := &authenticatedContent{wire: wirePrivate, content: g.content(ContentApplication, aad)}
	a.content.application = plaintext
	a.sign(g.signer, marshal(&g.context))
	return g.sealPrivate(rand, a, pad)
}

// content begins a message of our own.
func (g *Group) content(contentType uint8, aad []byte) framedContent {
	return framedContent{groupID: g.context.groupID, epoch: g.context.epoch, senderType: senderMember,
		sender: uint32(g.own), aad: bytes.Clone(aad), contentType: contentType}
}

// Open decrypts and verifies an application message of this epoch and deletes
// its key; store g before the plaintext is shown. A second time is ErrReplay,
// a message of our own ErrOwnMessage. A message that fails to verify costs
// nothing: its key stays for the real one.
func (g *Group) Open(msg []byte) (*Message, error) {
	m, err := parsePrivate(msg)
	if err != nil {
		return nil, err
	}
	if m.contentType != ContentApplication {
		return nil, ErrWrongContent
	}
	a, f, err := g.openPrivate(m)
	if err != nil {
		return nil, err
	}
	g.keys.take(f)
	f.key.forget()
	return &Message{Leaf: f.leaf, Generation: f.generation, Plaintext: a.content.application, AAD: a.content.aad}, nil
}

// MessageAAD reads the authenticated data from the clear header of a
// PrivateMessage. They are their sender's once the message was processed.
func MessageAAD(msg []byte) ([]byte, error) {
	m, err := parsePrivate(msg)
	if err != nil {
		return nil, err
	}
	return m.aad, nil
}

// Peek reads leaf, generation and content type of a PrivateMessage of this
// epoch and consumes nothing. It finds our own messages when they come back,
// and messages under our leaf that we did not make.
func (g *Group) Peek(msg []byte) (Sender, error) {
	m, err := parsePrivate(msg)
	if err != nil {
		return Sender{}, err
	}
	if err := g.checkHeader(m.groupID, m.epoch); err != nil {
		return Sender{}, err
	}
	s, err := g.openSenderData(m)
	if err != nil {
		return Sender{}, err
	}
	return Sender{Leaf: s.leaf, Generation: s.generation, ContentType: m.contentType}, nil
}
