// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// publicMessage is PublicMessage of RFC 9420 §6.2: signed, readable by anybody.
type publicMessage struct {
	authenticatedContent
	membership []byte // tag, only if a member sent it
}

func (m *publicMessage) encode(w *writer) {
	m.content.encode(w)
	m.encodeAuth(w)
	if m.content.senderType == senderMember {
		w.opaque(m.membership)
	}
}

func decodePublicMessage(r *reader) *publicMessage {
	m := &publicMessage{}
	m.wire = wirePublic
	m.content = decodeFramedContent(r)
	m.decodeAuth(r)
	if m.content.senderType == senderMember {
		m.membership = r.opaque(secretSize)
	}
	return m
}

// membershipTag is the MAC over AuthenticatedContentTBM (RFC 9420 §6.2).
func (a *authenticatedContent) membershipTag(key *secret, context []byte) []byte {
	w := writer{b: a.tbs(context)}
	a.encodeAuth(&w)
	return mac(key[:], w.b)
}

// openPublic verifies a PublicMessage of a member of this epoch. Application
// data must not travel so (RFC 9420 §6), and nothing here asks for it.
func (g *Group) openPublic(m *publicMessage) (*authenticatedContent, error) {
	c := &m.content
	if err := g.checkHeader(c.groupID, c.epoch); err != nil {
		return nil, err
	}
	if c.senderType != senderMember {
		return nil, ErrUnsupported
	}
	leaf := g.tree.leafAt(LeafIndex(c.sender))
	if leaf == nil {
		return nil, ErrUnknownSender
	}
	if LeafIndex(c.sender) == g.own {
		return nil, ErrOwnMessage
	}
	context := marshal(&g.context)
	if !equal(m.membershipTag(&g.secrets.membership, context), m.membership) {
		return nil, ErrTag
	}
	if err := m.verify(leaf.signatureKey, context); err != nil {
		return nil, err
	}
	return &m.authenticatedContent, nil
}
