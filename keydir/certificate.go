// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"crypto/ed25519"

	"clarion.chat/clarion/wire"
)

// MaxLifetime is the longest a certificate may last, in seconds: 90 days, and
// an hour so that NotBefore can lie a little in the past for slow clocks.
const MaxLifetime = (90*24 + 1) * 60 * 60

// Certificate says, signed by the identity key, that a device belongs to a
// handle. Its signed bytes are the MLS credential of the device's leaf, so a
// server cannot slip a device of its own into a conversation.
type Certificate struct {
	Handle      wire.Handle
	DeviceKey   [32]byte // Ed25519; signs the device's MLS leaf
	IdentityKey [32]byte // Ed25519; signs the certificate
	NotBefore   int64    // first valid second, Unix
	NotAfter    int64    // first second at which it is no longer valid, Unix
}

// Fields describes the certificate.
func (c *Certificate) Fields(k *wire.Coder) {
	versionByte(k)
	c.Handle.Fields(k)
	k.Fixed(c.DeviceKey[:])
	k.Fixed(c.IdentityKey[:])
	k.I64(&c.NotBefore)
	k.I64(&c.NotAfter)
}

type signedCertificate struct {
	certificate []byte
	signature   wire.Signature
}

func (s *signedCertificate) Fields(c *wire.Coder) {
	c.Bytes(&s.certificate, wire.MaxEntry)
	c.Fixed(s.signature[:])
}

// SignCertificate returns the certificate's signed bytes. The identity key in
// it is that of identity, whatever c says. It panics when c.Handle is no
// handle, since every handle comes out of a decoder that refuses such.
func SignCertificate(c Certificate, identity ed25519.PrivateKey) []byte {
	copy(c.IdentityKey[:], identity[32:])
	b := wire.MustMarshal(&c)
	toSign := wire.ToSign(purposeCertificate, c.Handle.Host, b)
	return wire.MustMarshal(&signedCertificate{b, wire.Signature(ed25519.Sign(identity, toSign))})
}

// VerifyCertificate reads a signed certificate and checks it by the identity
// key that it names, which the caller holds against the directory
// (Account.Certifies). now is in Unix seconds; 0 leaves the time unchecked, as
// for a leaf that joined while its certificate was valid.
//
// Errors: ErrMalformed, ErrVersion, ErrHost, ErrLifetime, ErrSignature,
// ErrNotYetValid, ErrExpired.
func VerifyCertificate(b []byte, host string, now int64) (*Certificate, error) {
	var s signedCertificate
	if err := wire.Unmarshal(b, &s); err != nil {
		return nil, named(err)
	}
	var c Certificate
	if err := wire.Unmarshal(s.certificate, &c); err != nil {
		return nil, named(err)
	}
	if c.Handle.Host != host {
		return nil, ErrHost
	}
	if !ed25519.Verify(c.IdentityKey[:], wire.ToSign(purposeCertificate, host, s.certificate), s.signature[:]) {
		return nil, ErrSignature
	}
	// As unsigned: the difference of two int64 does not fit in one.
	if c.NotAfter <= c.NotBefore || uint64(c.NotAfter)-uint64(c.NotBefore) > MaxLifetime {
		return nil, ErrLifetime
	}
	if now != 0 && now < c.NotBefore {
		return nil, ErrNotYetValid
	}
	if now != 0 && now >= c.NotAfter {
		return nil, ErrExpired
	}
	return &c, nil
}
