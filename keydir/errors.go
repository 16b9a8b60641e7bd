// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import "errors"

// What a chain of entries or a certificate can be refused for. Each rule has
// its own, so that a person can be told which promise was broken.
var (
	// ErrMalformed is bytes that no signer makes: cut, extended, fields past
	// their limits, devices unsorted.
	ErrMalformed = errors.New("malformed directory bytes")
	// ErrVersion is an entry or certificate of a version not spoken here.
	ErrVersion = errors.New("unknown version of directory bytes")
	// ErrHost is an entry or certificate made for another host.
	ErrHost = errors.New("made for another host")
	// ErrHandle is an entry or certificate that names another handle.
	ErrHandle = errors.New("names another handle")
	// ErrChain is an entry that does not follow from the one before: its Seq
	// or Prev is another, or there is no entry 0.
	ErrChain = errors.New("does not follow from the entry before")
	// ErrTooLong is a chain past wire.MaxChain entries.
	ErrTooLong = errors.New("the chain is past its limit")
	// ErrHour is an entry dated before the one it follows.
	ErrHour = errors.New("dated before the entry it follows")
	// ErrSignature is a signature that does not verify.
	ErrSignature = errors.New("the signature does not verify")
	// ErrRecoveryKey is an entry with another recovery key than entry 0.
	ErrRecoveryKey = errors.New("the recovery keys never change")
	// ErrNotRecovered is an entry 0 or a new identity key that the recovery
	// key did not sign.
	ErrNotRecovered = errors.New("the recovery key did not sign this")
	// ErrWrongKey is a private key that is not the one the entry names, or a
	// certificate whose identity key is not the account's.
	ErrWrongKey = errors.New("not the key that is named")
	// ErrDevice is a certificate for a device that the account does not name.
	ErrDevice = errors.New("the account does not name this device")
	// ErrExpired is a certificate past its last second.
	ErrExpired = errors.New("the device certificate has expired")
	// ErrNotYetValid is a certificate before its first second.
	ErrNotYetValid = errors.New("the device certificate is not valid yet")
	// ErrLifetime is a certificate for longer than MaxLifetime, or for no
	// time at all.
	ErrLifetime = errors.New("the device certificate lasts too long or no time")
)
