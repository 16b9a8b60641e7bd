// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/aes"
	"crypto/cipher"

	"clarion.chat/clarion/client/vault"
	"golang.org/x/crypto/argon2"
)

// stretch are the parameters of Argon2id, kept beside what they stretched.
type stretch struct {
	Salt   []byte
	Time   int // passes
	Memory int // KiB
	Lanes  int
}

// newStretch is the second recommendation of RFC 9106 §4, for less memory.
func newStretch(salt []byte) stretch { return stretch{Salt: salt, Time: 3, Memory: 64 << 10, Lanes: 4} }

// check refuses parameters that this program did not choose and that would
// keep it busy or out of memory.
func (s stretch) check() error {
	if len(s.Salt) < 16 || len(s.Salt) > 64 || s.Time < 1 || s.Time > 16 || s.Memory < 8<<10 || s.Memory > 512<<10 || s.Lanes < 1 || s.Lanes > 16 {
		return vault.ErrDamaged
	}
	return nil
}

// openerSize is the length of what a passphrase is stretched to, in bytes.
const openerSize = 32

// opener stretches a passphrase.
func (s stretch) opener(passphrase string) []byte {
	return argon2.IDKey([]byte(passphrase), s.Salt, uint32(s.Time), uint32(s.Memory), uint8(s.Lanes), openerSize)
}

// sealUnder seals a vault's key under a stretched passphrase.
func sealUnder(opener []byte, key [32]byte) []byte {
	return cipherOf(opener).Seal(nil, nil, key[:], []byte(passphrasePurpose))
}

// openUnder opens what sealUnder sealed; wrong says that the opener is another.
func openUnder(opener, sealed []byte) (key [32]byte, wrong bool) {
	if len(opener) != openerSize {
		return key, true
	}
	plain, err := cipherOf(opener).Open(nil, nil, sealed, []byte(passphrasePurpose))
	if err != nil || len(plain) != len(key) {
		return key, true
	}
	return [32]byte(plain), false
}

// passphrasePurpose is bound to what a passphrase seals, so that its key
// serves for nothing else.
const passphrasePurpose = "clarion vault passphrase v1\x00"

func cipherOf(opener []byte) cipher.AEAD {
	block, err := aes.NewCipher(opener)
	if err != nil {
		panic(err) // only a key of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only another cipher than AES
	}
	return aead
}
