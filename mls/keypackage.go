// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"slices"
)

// KeyPackage is a parsed key package (RFC 9420 §10): what one needs to add a
// device to a group.
type KeyPackage struct {
	version    uint16
	suite      uint16
	initKey    []byte
	leaf       *leafNode
	extensions []extension
	signature  []byte
}

// KeyPackagePrivate is the private half of a key package, kept until a Welcome
// has used it.
type KeyPackagePrivate struct {
	public []byte // the key package as it was published
	init   hpkePrivate
	leaf   hpkePrivate
}

func (k *KeyPackage) encodeContent(w *writer) {
	w.u16(k.version)
	w.u16(k.suite)
	w.opaque(k.initKey)
	k.leaf.encode(w)
	encodeExtensions(w, k.extensions)
}

func (k *KeyPackage) encode(w *writer) {
	k.encodeContent(w)
	w.opaque(k.signature)
}

func decodeKeyPackage(r *reader) *KeyPackage {
	k := &KeyPackage{version: r.u16(), suite: r.u16()}
	if r.err == nil && (k.version != protocolVersion || k.suite != cipherSuite) {
		r.fail(ErrUnsupported)
	}
	k.initKey = r.opaque(maxSmall)
	k.leaf = decodeLeafNode(r)
	k.extensions = decodeExtensions(r)
	k.signature = r.opaque(maxSmall)
	return k
}

// NewKeyPackage makes a key package as an MLSMessage, and its private half.
// The lifetime is in seconds since 1970, both ends included. A last resort
// package says so in an extension; whether it is used more than once is up to
// whoever hands it out.
func NewKeyPackage(rand io.Reader, signer ed25519.PrivateKey, credential []byte, notBefore, notAfter uint64, lastResort bool) ([]byte, *KeyPackagePrivate, error) {
	if len(signer) != ed25519.PrivateKeySize || len(credential) > maxSmall || notBefore > notAfter {
		return nil, nil, ErrArgument
	}
	priv := &KeyPackagePrivate{}
	k := &KeyPackage{version: protocolVersion, suite: cipherSuite}
	var err error
	if priv.init, k.initKey, err = newKeyPair(rand); err != nil {
		return nil, nil, err
	}
	k.leaf = &leafNode{
		signatureKey: publicKey(signer),
		identity:     bytes.Clone(credential),
		caps:         ownCapabilities(extLastResort),
		source:       sourceKeyPackage,
		notBefore:    notBefore,
		notAfter:     notAfter,
	}
	if priv.leaf, k.leaf.encryptionKey, err = newKeyPair(rand); err != nil {
		return nil, nil, err
	}
	k.leaf.sign(signer, nil, 0)
	if lastResort {
		k.extensions = []extension{{kind: extLastResort}}
	}
	var tbs writer
	k.encodeContent(&tbs)
	k.signature = signWithLabel(signer, "KeyPackageTBS", tbs.b)

	var w writer
	w.u16(protocolVersion)
	w.u16(wireKeyPackage)
	k.encode(&w)
	priv.public = bytes.Clone(w.b)
	return w.b, priv, nil
}

func publicKey(signer ed25519.PrivateKey) ed25519.PublicKey {
	return bytes.Clone(signer[ed25519.PrivateKeySize-ed25519.PublicKeySize:])
}

// ParseKeyPackage reads a key package in an MLSMessage. It checks the form
// only; call Verify before trusting anything in it.
func ParseKeyPackage(b []byte) (*KeyPackage, error) {
	r := newReader(b)
	readHeader(r, wireKeyPackage)
	k := decodeKeyPackage(r)
	if err := r.end(); err != nil {
		return nil, err
	}
	return k, nil
}

// Ref is the KeyPackageRef of RFC 9420 §5.2, 32 bytes.
func (k *KeyPackage) Ref() []byte { return refHash("MLS 1.0 KeyPackage Reference", marshal(k)) }

// Member is the member this key package would become. Leaf is always 0: the
// place is known only once it has been added.
func (k *KeyPackage) Member() Member { return k.leaf.member(0) }

// LastResort tells whether the package is marked for repeated use.
func (k *KeyPackage) LastResort() bool { return findExtension(k.extensions, extLastResort) != nil }

// Lifetime returns the seconds since 1970 between which the package is valid.
func (k *KeyPackage) Lifetime() (notBefore, notAfter uint64) {
	return k.leaf.notBefore, k.leaf.notAfter
}

// AnyTime in the place of a time says that lifetimes are not judged. Whoever
// adds a key package judges it. Members who process the commit later, by other
// clocks, must all come to the same group, so they leave it at that.
const AnyTime = ^uint64(0)

// Verify checks both signatures, suite, capabilities and that now, in seconds
// since 1970, is within the lifetime (RFC 9420 §10.1).
func (k *KeyPackage) Verify(now uint64) error {
	if k.leaf.source != sourceKeyPackage || len(k.initKey) != hpkeKey {
		return ErrInvalidLeaf
	}
	if bytes.Equal(k.initKey, k.leaf.encryptionKey) {
		return ErrInvalidLeaf
	}
	for _, e := range k.extensions {
		if e.kind > extExternalSenders && !slices.Contains(k.leaf.caps.extensions, e.kind) {
			return ErrInvalidLeaf
		}
	}
	if err := k.leaf.verify(nil, 0); err != nil {
		return err
	}
	var tbs writer
	k.encodeContent(&tbs)
	if err := verifyWithLabel(k.leaf.signatureKey, "KeyPackageTBS", tbs.b, k.signature); err != nil {
		return err
	}
	if now != AnyTime && (now < k.leaf.notBefore || now > k.leaf.notAfter) {
		return ErrLifetime
	}
	return nil
}

// Ref is the reference of the public half, by which a Welcome names it.
func (p *KeyPackagePrivate) Ref() []byte {
	k, err := ParseKeyPackage(p.public)
	if err != nil {
		return nil
	}
	return k.Ref()
}

// Marshal returns the private keys in a form to be stored, under seal.
func (p *KeyPackagePrivate) Marshal() []byte {
	var w writer
	w.u8(1)
	w.opaque(p.public)
	w.put(p.init[:])
	w.put(p.leaf[:])
	return w.b
}

// UnmarshalKeyPackagePrivate reads what Marshal wrote and checks that the
// private keys belong to the key package.
func UnmarshalKeyPackagePrivate(b []byte) (*KeyPackagePrivate, error) {
	r := newReader(b)
	if r.u8() != 1 {
		return nil, ErrMalformed
	}
	p := &KeyPackagePrivate{public: r.opaque(MaxMessage)}
	copy(p.init[:], r.take(hpkeKey))
	copy(p.leaf[:], r.take(hpkeKey))
	if err := r.end(); err != nil {
		return nil, err
	}
	if _, err := p.parse(); err != nil {
		return nil, err
	}
	return p, nil
}

// parse returns the public half after comparing it with the private keys.
func (p *KeyPackagePrivate) parse() (*KeyPackage, error) {
	k, err := ParseKeyPackage(p.public)
	if err != nil {
		return nil, err
	}
	a, err := p.init.public()
	if err != nil {
		return nil, err
	}
	b, err := p.leaf.public()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(a, k.initKey) || !bytes.Equal(b, k.leaf.encryptionKey) {
		return nil, ErrKeyMismatch
	}
	return k, nil
}

// Forget zeroes the private keys.
func (p *KeyPackagePrivate) Forget() {
	clear(p.init[:])
	clear(p.leaf[:])
}
