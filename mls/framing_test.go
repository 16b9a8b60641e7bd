// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// sealPublic signs and tags content as a PublicMessage in an MLSMessage: what
// another client may send, though ours never does.
func (g *Group) sealPublic(c framedContent) []byte {
	m := &publicMessage{}
	m.wire, m.content = wirePublic, c
	context := marshal(&g.context)
	m.sign(g.signer, context)
	if c.contentType == ContentCommit {
		m.confirmation = g.secrets.confirmationTag(g.context.transcript)
	}
	m.membership = m.membershipTag(&g.secrets.membership, context)
	var w writer
	w.u16(protocolVersion)
	w.u16(wirePublic)
	m.encode(&w)
	return w.b
}
