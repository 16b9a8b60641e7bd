// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "crypto/ed25519"

// Wire formats of RFC 9420 §6.
const (
	wirePublic     = 1
	wirePrivate    = 2
	wireWelcome    = 3
	wireGroupInfo  = 4
	wireKeyPackage = 5
)

// Content types of RFC 9420 §6.
const (
	ContentApplication = 1
	ContentProposal    = 2
	ContentCommit      = 3
)

// Sender types of RFC 9420 §6.
const (
	senderMember            = 1
	senderExternal          = 2
	senderNewMemberProposal = 3
	senderNewMemberCommit   = 4
)

// readHeader reads the version and wire format that begin an MLSMessage.
func readHeader(r *reader, wire uint16) {
	if v := r.u16(); r.err == nil && v != protocolVersion {
		r.fail(ErrUnsupported)
	}
	if f := r.u16(); r.err == nil && f != wire {
		r.fail(ErrWrongContent)
	}
}

// wireFormat returns the wire format of an MLSMessage without consuming it.
func wireFormat(b []byte) (uint16, error) {
	r := newReader(b)
	v, f := r.u16(), r.u16()
	switch {
	case r.err != nil:
		return 0, r.err
	case v != protocolVersion:
		return 0, ErrUnsupported
	case f < wirePublic || f > wireKeyPackage:
		return 0, ErrMalformed
	}
	return f, nil
}

// framedContent is FramedContent of RFC 9420 §6.
type framedContent struct {
	groupID     []byte
	epoch       uint64
	senderType  uint8
	sender      uint32 // leaf, or index of an external sender
	aad         []byte
	contentType uint8
	application []byte
	proposal    *proposal
	commit      *commit
}

func (c *framedContent) encode(w *writer) {
	w.opaque(c.groupID)
	w.u64(c.epoch)
	w.u8(c.senderType)
	if c.senderType == senderMember || c.senderType == senderExternal {
		w.u32(c.sender)
	}
	w.opaque(c.aad)
	w.u8(c.contentType)
	c.encodeBody(w)
}

func (c *framedContent) encodeBody(w *writer) {
	switch c.contentType {
	case ContentApplication:
		w.opaque(c.application)
	case ContentProposal:
		c.proposal.encode(w)
	case ContentCommit:
		c.commit.encode(w)
	}
}

func (c *framedContent) decodeBody(r *reader) {
	switch c.contentType {
	case ContentApplication:
		c.application = r.opaque(MaxMessage)
	case ContentProposal:
		c.proposal = decodeProposal(r)
	case ContentCommit:
		c.commit = decodeCommit(r)
	default:
		r.fail(ErrMalformed)
	}
}

func decodeFramedContent(r *reader) framedContent {
	c := framedContent{groupID: r.opaque(maxSmall), epoch: r.u64(), senderType: r.u8()}
	switch c.senderType {
	case senderMember, senderExternal:
		c.sender = r.u32()
	case senderNewMemberProposal, senderNewMemberCommit:
	default:
		r.fail(ErrMalformed)
	}
	c.aad = r.opaque(MaxMessage)
	c.contentType = r.u8()
	c.decodeBody(r)
	return c
}

// authenticatedContent is AuthenticatedContent of RFC 9420 §6: content, the
// way it travels, and FramedContentAuthData.
type authenticatedContent struct {
	wire         uint16
	content      framedContent
	signature    []byte
	confirmation []byte // commits only
}

func (a *authenticatedContent) encodeAuth(w *writer) {
	w.opaque(a.signature)
	if a.content.contentType == ContentCommit {
		w.opaque(a.confirmation)
	}
}

func (a *authenticatedContent) decodeAuth(r *reader) {
	a.signature = r.opaque(maxSmall)
	if a.content.contentType == ContentCommit {
		a.confirmation = r.opaque(secretSize)
	}
}

func (a *authenticatedContent) encode(w *writer) {
	w.u16(a.wire)
	a.content.encode(w)
	a.encodeAuth(w)
}

func decodeAuthenticatedContent(r *reader) *authenticatedContent {
	a := &authenticatedContent{wire: r.u16()}
	if r.err == nil && a.wire != wirePublic && a.wire != wirePrivate {
		r.fail(ErrMalformed)
	}
	a.content = decodeFramedContent(r)
	a.decodeAuth(r)
	return a
}

// tbs is FramedContentTBS of RFC 9420 §6.1: what is signed. It contains the
// group context, so a signature holds in one epoch of one group only.
func (a *authenticatedContent) tbs(context []byte) []byte {
	var w writer
	w.u16(protocolVersion)
	w.u16(a.wire)
	a.content.encode(&w)
	if a.content.senderType == senderMember || a.content.senderType == senderNewMemberCommit {
		w.put(context)
	}
	return w.b
}

func (a *authenticatedContent) sign(key ed25519.PrivateKey, context []byte) {
	a.signature = signWithLabel(key, "FramedContentTBS", a.tbs(context))
}

func (a *authenticatedContent) verify(key ed25519.PublicKey, context []byte) error {
	return verifyWithLabel(key, "FramedContentTBS", a.tbs(context), a.signature)
}

// proposalRef is the ProposalRef of RFC 9420 §5.2.
func (a *authenticatedContent) proposalRef() []byte {
	return refHash("MLS 1.0 Proposal Reference", marshal(a))
}
