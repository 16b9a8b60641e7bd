// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// The transcript hashes of RFC 9420 §8.2: the confirmed one covers a commit up
// to its signature, the interim one its confirmation tag as well.

func confirmedTranscript(interim []byte, c *authenticatedContent) []byte {
	var w writer
	w.put(interim)
	w.u16(c.wire)
	c.content.encode(&w)
	w.opaque(c.signature)
	return hash(w.b)
}

func interimTranscript(confirmed, tag []byte) []byte {
	var w writer
	w.put(confirmed)
	w.opaque(tag)
	return hash(w.b)
}

// confirmationTag is that of RFC 9420 §6.1.
func (s *epochSecrets) confirmationTag(confirmed []byte) []byte {
	return mac(s.confirmation[:], confirmed)
}
