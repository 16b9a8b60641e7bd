// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "io"

// privateMessage is PrivateMessage of RFC 9420 §6.3.
type privateMessage struct {
	groupID     []byte
	epoch       uint64
	contentType uint8
	aad         []byte
	senderData  []byte
	ciphertext  []byte
}

func (m *privateMessage) encodeHeader(w *writer) {
	w.opaque(m.groupID)
	w.u64(m.epoch)
	w.u8(m.contentType)
}

func (m *privateMessage) encode(w *writer) {
	m.encodeHeader(w)
	w.opaque(m.aad)
	w.opaque(m.senderData)
	w.opaque(m.ciphertext)
}

func decodePrivateMessage(r *reader) *privateMessage {
	m := &privateMessage{groupID: r.opaque(maxSmall), epoch: r.u64(), contentType: r.u8()}
	if r.err == nil && (m.contentType < ContentApplication || m.contentType > ContentCommit) {
		r.fail(ErrMalformed)
	}
	m.aad = r.opaque(MaxMessage)
	m.senderData = r.opaque(maxSmall)
	m.ciphertext = r.opaque(MaxMessage)
	return m
}

// parsePrivate reads an MLSMessage that has to be a PrivateMessage.
func parsePrivate(b []byte) (*privateMessage, error) {
	r := newReader(b)
	readHeader(r, wirePrivate)
	m := decodePrivateMessage(r)
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

// MessageEpoch reads group, epoch and content type from the clear header of a
// PrivateMessage or PublicMessage. Nothing about it is authenticated.
func MessageEpoch(msg []byte) (groupID []byte, epoch uint64, contentType uint8, err error) {
	wire, err := wireFormat(msg)
	if err != nil {
		return nil, 0, 0, err
	}
	r := newReader(msg)
	switch wire {
	case wirePrivate:
		m, err := parsePrivate(msg)
		if err != nil {
			return nil, 0, 0, err
		}
		return m.groupID, m.epoch, m.contentType, nil
	case wirePublic:
		readHeader(r, wirePublic)
		m := decodePublicMessage(r)
		if err := r.end(); err != nil {
			return nil, 0, 0, err
		}
		return m.content.groupID, m.content.epoch, m.content.contentType, nil
	}
	return nil, 0, 0, ErrWrongContent
}

// contentAAD is PrivateContentAAD of RFC 9420 §6.3.1.
func (m *privateMessage) contentAAD() []byte {
	var w writer
	m.encodeHeader(&w)
	w.opaque(m.aad)
	return w.b
}

// senderDataAAD is SenderDataAAD of RFC 9420 §6.3.2.
func (m *privateMessage) senderDataAAD() []byte {
	var w writer
	m.encodeHeader(&w)
	return w.b
}

// senderDataSize is leaf, generation and reuse guard.
const senderDataSize = 4 + 4 + 4

// senderData is SenderData of RFC 9420 §6.3.2.
type senderData struct {
	leaf       LeafIndex
	generation uint32
	reuse      [4]byte
}

func (g *Group) openSenderData(m *privateMessage) (senderData, error) {
	var s senderData
	key, nonce := senderDataKeys(&g.secrets.senderData, m.ciphertext)
	plain, err := aeadOpen(key, nonce, m.senderDataAAD(), m.senderData)
	if err != nil {
		return s, err
	}
	r := newReader(plain)
	s.leaf, s.generation = LeafIndex(r.u32()), r.u32()
	copy(s.reuse[:], r.take(4))
	return s, r.end()
}

func kindOf(contentType uint8) ratchetKind {
	if contentType == ContentApplication {
		return ratchetApplication
	}
	return ratchetHandshake
}

// openPrivate decrypts and verifies a PrivateMessage. It changes nothing: the
// caller takes the key once it is content with the message.
func (g *Group) openPrivate(m *privateMessage) (*authenticatedContent, *foundKey, error) {
	if err := g.checkHeader(m.groupID, m.epoch); err != nil {
		return nil, nil, err
	}
	s, err := g.openSenderData(m)
	if err != nil {
		return nil, nil, err
	}
	if s.leaf == g.own {
		return nil, nil, ErrOwnMessage
	}
	return g.openFrom(m, s)
}

// openFrom decrypts and verifies a PrivateMessage whose sender data are known.
func (g *Group) openFrom(m *privateMessage, s senderData) (*authenticatedContent, *foundKey, error) {
	leaf := g.tree.leafAt(s.leaf)
	if leaf == nil {
		return nil, nil, ErrUnknownSender
	}
	f, err := g.keys.find(s.leaf, kindOf(m.contentType), s.generation)
	if err != nil {
		return nil, nil, err
	}
	plain, err := aeadOpen(f.key.key[:], f.key.guard(s.reuse), m.contentAAD(), m.ciphertext)
	if err != nil {
		return nil, nil, err
	}
	a, err := decodePrivateContent(m, s.leaf, plain)
	if err != nil {
		return nil, nil, err
	}
	if err := a.verify(leaf.signatureKey, marshal(&g.context)); err != nil {
		return nil, nil, err
	}
	return a, f, nil
}

// decodePrivateContent reads PrivateMessageContent (RFC 9420 §6.3.1): what is
// left after the signature must be zeros.
func decodePrivateContent(m *privateMessage, sender LeafIndex, plain []byte) (*authenticatedContent, error) {
	a := &authenticatedContent{wire: wirePrivate, content: framedContent{
		groupID: m.groupID, epoch: m.epoch, senderType: senderMember, sender: uint32(sender),
		aad: m.aad, contentType: m.contentType,
	}}
	r := newReader(plain)
	a.content.decodeBody(r)
	a.decodeAuth(r)
	for _, b := range r.b {
		if b != 0 {
			return nil, ErrMalformed
		}
	}
	r.b = nil
	return a, r.end()
}

// sealPrivate encrypts signed content under the next key of our own leaf and
// takes that key out of g. It returns an MLSMessage.
func (g *Group) sealPrivate(rand io.Reader, a *authenticatedContent, pad func(int) int) ([]byte, uint32, error) {
	c := &a.content
	kind := kindOf(c.contentType)
	s := senderData{leaf: g.own, generation: g.keys.next(g.own, kind)}
	if _, err := io.ReadFull(rand, s.reuse[:]); err != nil {
		return nil, 0, err
	}
	f, err := g.keys.find(g.own, kind, s.generation)
	if err != nil {
		return nil, 0, err
	}
	m := &privateMessage{groupID: c.groupID, epoch: c.epoch, contentType: c.contentType, aad: c.aad}
	var plain writer
	c.encodeBody(&plain)
	a.encodeAuth(&plain)
	// Everything before the ciphertext's own length.
	fixed := 4 + len(m.contentAAD()) + 1 + senderDataSize + tagSize
	n, ok := padding(fixed, len(plain.b)+tagSize, pad)
	if !ok {
		return nil, 0, ErrTooLarge
	}
	plain.put(make([]byte, n))

	g.keys.take(f)
	m.ciphertext = aeadSeal(f.key.key[:], f.key.guard(s.reuse), m.contentAAD(), plain.b)
	f.key.forget()
	var sd writer
	sd.u32(uint32(s.leaf))
	sd.u32(s.generation)
	sd.put(s.reuse[:])
	key, nonce := senderDataKeys(&g.secrets.senderData, m.ciphertext)
	m.senderData = aeadSeal(key, nonce, m.senderDataAAD(), sd.b)

	var w writer
	w.u16(protocolVersion)
	w.u16(wirePrivate)
	m.encode(&w)
	return w.b, s.generation, nil
}

// padding returns how many zeros bring a message of fixed + varint + body
// bytes to the size that pad asks for. The length prefix of the ciphertext
// grows from 1 to 2 and from 2 to 4 bytes, so 1 + 2 totals cannot be had; if
// pad asks for one of them it is asked again for the next that can.
func padding(fixed, body int, pad func(int) int) (int, bool) {
	least := fixed + varintLen(body) + body
	if least > MaxMessage {
		return 0, false
	}
	if pad == nil {
		return 0, true
	}
	for ask := least; ask <= MaxMessage; {
		want := pad(ask)
		if want <= ask {
			want = ask // also if pad asks for less than there is
		}
		if want > MaxMessage {
			break
		}
		for prefix := 1; prefix <= 4; prefix *= 2 {
			if n := want - fixed - prefix; n >= body && varintLen(n) == prefix {
				return n - body, true
			}
		}
		ask = want + 1
	}
	return 0, true
}
