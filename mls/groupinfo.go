// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "crypto/ed25519"

// groupInfo is GroupInfo of RFC 9420 §12.4.3.
type groupInfo struct {
	context      groupContext
	extensions   []extension
	confirmation []byte
	signer       LeafIndex
	signature    []byte
}

func (i *groupInfo) encodeContent(w *writer) {
	i.context.encode(w)
	encodeExtensions(w, i.extensions)
	w.opaque(i.confirmation)
	w.u32(uint32(i.signer))
}

func (i *groupInfo) encode(w *writer) {
	i.encodeContent(w)
	w.opaque(i.signature)
}

func decodeGroupInfo(r *reader) *groupInfo {
	return &groupInfo{context: decodeGroupContext(r), extensions: decodeExtensions(r),
		confirmation: r.opaque(secretSize), signer: LeafIndex(r.u32()), signature: r.opaque(maxSmall)}
}

func (i *groupInfo) tbs() []byte {
	var w writer
	i.encodeContent(&w)
	return w.b
}

func (i *groupInfo) sign(key ed25519.PrivateKey) {
	i.signature = signWithLabel(key, "GroupInfoTBS", i.tbs())
}

func (i *groupInfo) verify(key ed25519.PublicKey) error {
	return verifyWithLabel(key, "GroupInfoTBS", i.tbs(), i.signature)
}

// groupInfo describes g's epoch, with the whole tree in it, so that nobody who
// joins depends on a tree from elsewhere.
func (g *Group) groupInfo() *groupInfo {
	i := &groupInfo{
		context:      g.context,
		extensions:   []extension{{kind: extRatchetTree, data: marshal(g.tree)}},
		confirmation: g.secrets.confirmationTag(g.context.transcript),
		signer:       g.own,
	}
	i.sign(g.signer)
	return i
}
