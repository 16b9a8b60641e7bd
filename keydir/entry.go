// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"

	"clarion.chat/clarion/wire"
)

// MaxDevices is how many devices an account may name at once.
const MaxDevices = 16

// Purposes of the directory's signatures; see wire.ToSign.
const (
	purposeEntry       = "clarion directory entry v1"
	purposeCertificate = "clarion device certificate v1"
)

// version is the first byte of entries and certificates.
const version = 1

// Entry is what an account says of its keys from Hour on.
type Entry struct {
	Handle          wire.Handle
	Seq             uint64   // position in the chain, from 0
	Prev            [32]byte // SHA-256 of the signed entry before; zero for entry 0
	Hour            int64    // when it was made, Unix hours
	IdentityKey     [32]byte // Ed25519
	RecoveryKey     [32]byte // Ed25519; never changes
	RecoverySealKey [32]byte // X25519, for the recovery blob; never changes
	Inbox           wire.MailboxID
	InboxKey        [32]byte   // X25519, HPKE: introductions are sealed to it
	Devices         [][32]byte // Ed25519 device keys, 1 to MaxDevices, strictly ascending
}

// Fields describes the entry and refuses one that breaks its own limits.
func (e *Entry) Fields(c *wire.Coder) {
	versionByte(c)
	e.Handle.Fields(c)
	c.U64(&e.Seq)
	c.Fixed(e.Prev[:])
	c.I64(&e.Hour)
	c.Fixed(e.IdentityKey[:])
	c.Fixed(e.RecoveryKey[:])
	c.Fixed(e.RecoverySealKey[:])
	e.Inbox.Fields(c)
	c.Fixed(e.InboxKey[:])
	e.deviceFields(c)
}

func (e *Entry) deviceFields(c *wire.Coder) {
	n := uint8(len(e.Devices))
	if !c.Reading() && len(e.Devices) > MaxDevices {
		c.Fail(ErrMalformed)
	}
	c.U8(&n)
	if n < 1 || n > MaxDevices {
		c.Fail(ErrMalformed)
		return
	}
	if c.Reading() {
		e.Devices = make([][32]byte, n)
	}
	for i := range e.Devices {
		c.Fixed(e.Devices[i][:])
		if i > 0 && bytes.Compare(e.Devices[i-1][:], e.Devices[i][:]) >= 0 {
			c.Fail(ErrMalformed)
		}
	}
}

func versionByte(c *wire.Coder) {
	v := uint8(version)
	c.U8(&v)
	if v != version {
		c.Fail(ErrVersion)
	}
}

// HasDevice reports whether the entry names the device key.
func (e *Entry) HasDevice(key [32]byte) bool {
	return slices.Contains(e.Devices, key)
}

// signed is an entry's bytes under its signatures: what the chain consists of.
type signed struct {
	entry      []byte
	identity   wire.Signature // by the identity key that the entry names
	byRecovery bool
	recovery   wire.Signature // by the recovery key; only there with byRecovery
}

// Fields describes the signed entry.
func (s *signed) Fields(c *wire.Coder) {
	c.Bytes(&s.entry, wire.MaxEntry)
	c.Fixed(s.identity[:])
	c.Bool(&s.byRecovery)
	if s.byRecovery {
		c.Fixed(s.recovery[:])
	}
}

// SignEntry returns the signed bytes of an entry, at most wire.MaxEntry. The
// identity key always signs; recovery signs too unless it is nil, as it must
// for entry 0 and for an entry with another identity key than the one before.
// ErrWrongKey when a private key is not the one the entry names, ErrMalformed
// when the entry breaks its own limits.
func SignEntry(e Entry, identity, recovery ed25519.PrivateKey) ([]byte, error) {
	if !owns(identity, e.IdentityKey) || (recovery != nil && !owns(recovery, e.RecoveryKey)) {
		return nil, ErrWrongKey
	}
	b, err := wire.Marshal(&e)
	if err != nil {
		return nil, named(err)
	}
	toSign := wire.ToSign(purposeEntry, e.Handle.Host, b)
	s := signed{entry: b, identity: wire.Signature(ed25519.Sign(identity, toSign))}
	if recovery != nil {
		s.byRecovery = true
		s.recovery = wire.Signature(ed25519.Sign(recovery, toSign))
	}
	return wire.Marshal(&s)
}

// parseSigned reads a signed entry and verifies the signatures that are
// there by the keys that the entry itself names.
func parseSigned(b []byte, host string) (*signed, *Entry, error) {
	var s signed
	if err := wire.Unmarshal(b, &s); err != nil {
		return nil, nil, named(err)
	}
	var e Entry
	if err := wire.Unmarshal(s.entry, &e); err != nil {
		return nil, nil, named(err)
	}
	if e.Handle.Host != host {
		return nil, nil, ErrHost
	}
	toSign := wire.ToSign(purposeEntry, host, s.entry)
	if !ed25519.Verify(e.IdentityKey[:], toSign, s.identity[:]) {
		return nil, nil, ErrSignature
	}
	if s.byRecovery && !ed25519.Verify(e.RecoveryKey[:], toSign, s.recovery[:]) {
		return nil, nil, ErrSignature
	}
	return &s, &e, nil
}

// owns reports whether private is the private half of public.
func owns(private ed25519.PrivateKey, public [32]byte) bool {
	return len(private) == ed25519.PrivateKeySize && bytes.Equal(private[32:], public[:])
}

// named turns the codec's errors into this package's own.
func named(err error) error {
	if errors.Is(err, ErrVersion) {
		return ErrVersion
	}
	return ErrMalformed
}
