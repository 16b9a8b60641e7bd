// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// groupContext is GroupContext of RFC 9420 §8.1.
type groupContext struct {
	groupID    []byte
	epoch      uint64
	treeHash   []byte
	transcript []byte // confirmed_transcript_hash
	extensions []extension
}

func (c *groupContext) encode(w *writer) {
	w.u16(protocolVersion)
	w.u16(cipherSuite)
	w.opaque(c.groupID)
	w.u64(c.epoch)
	w.opaque(c.treeHash)
	w.opaque(c.transcript)
	encodeExtensions(w, c.extensions)
}

func decodeGroupContext(r *reader) groupContext {
	if version, suite := r.u16(), r.u16(); r.err == nil && (version != protocolVersion || suite != cipherSuite) {
		r.fail(ErrUnsupported)
	}
	return groupContext{groupID: r.opaque(maxSmall), epoch: r.u64(), treeHash: r.opaque(secretSize),
		transcript: r.opaque(secretSize), extensions: decodeExtensions(r)}
}

// epochSecrets are the secrets of one epoch (RFC 9420 §8, figure 22) that a
// member keeps. The encryption secret is not among them: it goes into the
// secret tree and nowhere else.
type epochSecrets struct {
	senderData    secret
	exporter      secret
	external      secret
	confirmation  secret
	membership    secret
	resumption    secret
	authenticator secret
	init          secret // for the next epoch
}

// all lists the secrets in the order in which a state stores them.
func (s *epochSecrets) all() []*secret {
	return []*secret{&s.senderData, &s.exporter, &s.external, &s.confirmation,
		&s.membership, &s.resumption, &s.authenticator, &s.init}
}

func (s *epochSecrets) forget() {
	for _, x := range s.all() {
		clear(x[:])
	}
}

// joinerSecret mixes the commit secret into the previous epoch's init secret.
func joinerSecret(init, commit *secret, context []byte) secret {
	x := extract(init[:], commit[:])
	defer clear(x[:])
	return toSecret(expandWithLabel(x[:], "joiner", context, secretSize))
}

// intermediate is the value from which the welcome and epoch secrets come.
func intermediate(joiner, psk *secret) secret { return extract(joiner[:], psk[:]) }

// welcomeSecret encrypts the GroupInfo of a Welcome.
func welcomeSecret(joiner, psk *secret) secret {
	x := intermediate(joiner, psk)
	defer clear(x[:])
	return deriveSecret(x[:], "welcome")
}

// epochSecret is the secret from which those of an epoch derive.
func epochSecret(joiner, psk *secret, context []byte) secret {
	x := intermediate(joiner, psk)
	defer clear(x[:])
	return toSecret(expandWithLabel(x[:], "epoch", context, secretSize))
}

// deriveFromEpoch derives the secrets of an epoch and, apart, its encryption
// secret.
func deriveFromEpoch(epoch *secret) (s epochSecrets, encryption secret) {
	e := epoch[:]
	return epochSecrets{
		senderData:    deriveSecret(e, "sender data"),
		exporter:      deriveSecret(e, "exporter"),
		external:      deriveSecret(e, "external"),
		confirmation:  deriveSecret(e, "confirm"),
		membership:    deriveSecret(e, "membership"),
		resumption:    deriveSecret(e, "resumption"),
		authenticator: deriveSecret(e, "authentication"),
		init:          deriveSecret(e, "init"),
	}, deriveSecret(e, "encryption")
}

// maxExport is the most that HKDF-SHA256 gives for one label.
const maxExport = 255 * secretSize

// export is MLS-Exporter of RFC 9420 §8.5.
func (s *epochSecrets) export(label string, context []byte, n int) []byte {
	x := deriveSecret(s.exporter[:], label)
	defer clear(x[:])
	return expandWithLabel(x[:], "exported", hash(context), n)
}

// welcomeKeys are key and nonce of a Welcome's GroupInfo (RFC 9420 §12.4.3).
func welcomeKeys(welcome *secret) (key, nonce []byte) {
	return expandWithLabel(welcome[:], "key", nil, keySize),
		expandWithLabel(welcome[:], "nonce", nil, nonceSize)
}
