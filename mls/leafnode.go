// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"slices"
)

const credentialBasic = 1

// Leaf node sources of RFC 9420 §7.2.
const (
	sourceKeyPackage = 1
	sourceUpdate     = 2
	sourceCommit     = 3
)

// Member is one leaf of the group as the application sees it.
type Member struct {
	Leaf         LeafIndex
	Credential   []byte            // the identity of the basic credential
	SignatureKey ed25519.PublicKey // 32 bytes
}

// ValidateFunc is asked for every credential that enters the group: at Join
// for each other member, and for each leaf that a commit adds or replaces.
// An error from it refuses the Welcome or the commit.
type ValidateFunc func(Member) error

type capabilities struct {
	versions, suites, extensions, proposals, credentials []uint16
}

// leafNode is LeafNode of RFC 9420 §7.2. Once in a tree it is never changed,
// only replaced, so that trees can share it.
type leafNode struct {
	encryptionKey []byte
	signatureKey  ed25519.PublicKey
	identity      []byte // of a basic credential, the only kind here
	caps          capabilities
	source        uint8
	notBefore     uint64 // seconds since 1970; source key_package only
	notAfter      uint64
	parentHash    []byte // source commit only
	extensions    []extension
	signature     []byte
}

func ownCapabilities(extra ...uint16) capabilities {
	return capabilities{
		versions:    []uint16{protocolVersion},
		suites:      []uint16{cipherSuite},
		extensions:  extra,
		credentials: []uint16{credentialBasic},
	}
}

func (l *leafNode) encodeContent(w *writer) {
	w.opaque(l.encryptionKey)
	w.opaque(l.signatureKey)
	w.u16(credentialBasic)
	w.opaque(l.identity)
	w.u16s(l.caps.versions)
	w.u16s(l.caps.suites)
	w.u16s(l.caps.extensions)
	w.u16s(l.caps.proposals)
	w.u16s(l.caps.credentials)
	w.u8(l.source)
	switch l.source {
	case sourceKeyPackage:
		w.u64(l.notBefore)
		w.u64(l.notAfter)
	case sourceCommit:
		w.opaque(l.parentHash)
	}
	encodeExtensions(w, l.extensions)
}

func (l *leafNode) encode(w *writer) {
	l.encodeContent(w)
	w.opaque(l.signature)
}

func decodeLeafNode(r *reader) *leafNode {
	l := &leafNode{encryptionKey: r.opaque(maxSmall), signatureKey: r.opaque(maxSmall)}
	if kind := r.u16(); r.err == nil && kind != credentialBasic {
		r.fail(ErrUnsupported)
	}
	l.identity = r.opaque(maxSmall)
	l.caps = capabilities{versions: r.u16s(), suites: r.u16s(), extensions: r.u16s(),
		proposals: r.u16s(), credentials: r.u16s()}
	l.source = r.u8()
	switch l.source {
	case sourceKeyPackage:
		l.notBefore, l.notAfter = r.u64(), r.u64()
	case sourceUpdate:
	case sourceCommit:
		l.parentHash = r.opaque(secretSize)
	default:
		r.fail(ErrMalformed)
	}
	l.extensions = decodeExtensions(r)
	l.signature = r.opaque(maxSmall)
	return l
}

// tbs is LeafNodeTBS: a leaf made inside a group is bound to its place in it.
func (l *leafNode) tbs(groupID []byte, leaf LeafIndex) []byte {
	var w writer
	l.encodeContent(&w)
	if l.source != sourceKeyPackage {
		w.opaque(groupID)
		w.u32(uint32(leaf))
	}
	return w.b
}

func (l *leafNode) sign(key ed25519.PrivateKey, groupID []byte, leaf LeafIndex) {
	l.signature = signWithLabel(key, "LeafNodeTBS", l.tbs(groupID, leaf))
}

// verify checks what can be said of a leaf by itself (RFC 9420 §7.3).
func (l *leafNode) verify(groupID []byte, leaf LeafIndex) error {
	if len(l.encryptionKey) != hpkeKey || len(l.signatureKey) != ed25519.PublicKeySize {
		return ErrInvalidLeaf
	}
	c := &l.caps
	if !slices.Contains(c.versions, protocolVersion) || !slices.Contains(c.suites, cipherSuite) ||
		!slices.Contains(c.credentials, credentialBasic) {
		return ErrInvalidLeaf
	}
	for _, e := range l.extensions {
		if e.kind > extExternalSenders && !slices.Contains(c.extensions, e.kind) {
			return ErrInvalidLeaf
		}
	}
	return verifyWithLabel(l.signatureKey, "LeafNodeTBS", l.tbs(groupID, leaf), l.signature)
}

func (l *leafNode) member(i LeafIndex) Member {
	return Member{Leaf: i, Credential: bytes.Clone(l.identity), SignatureKey: bytes.Clone(l.signatureKey)}
}

func validateMember(validate ValidateFunc, m Member) error {
	if validate == nil {
		return ErrNoValidate
	}
	return validate(m)
}
