// SPDX-License-Identifier: AGPL-3.0-or-later

package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
)

// purpose begins what a sealed value is bound to, so that the key serves for
// nothing else.
const purpose = "clarion vault record v1\x00"

// sealed is a Vault whose values are sealed before they reach another one.
type sealed struct {
	inner Vault
	aead  cipher.AEAD
}

// Seal returns inner with every value sealed under key: AES-256-GCM, a random
// nonce per value, the record's name as associated data, so that values cannot
// be altered or exchanged. Names, lengths and the number of records stay
// visible; what is personal belongs in the value or must be hidden in the name
// by the caller. An older value put back under its own name is not noticed. A
// value that does not open is ErrDamaged.
//
// Random nonces of 96 bits are good for 2^32 values under one key (NIST SP
// 800-38D §8.3): 13 a second for ten years.
func Seal(inner Vault, key [32]byte) Vault {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("vault: " + err.Error()) // only a key of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("vault: " + err.Error()) // only another cipher than AES
	}
	return &sealed{inner, aead}
}

// Get implements Vault.
func (s *sealed) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := s.inner.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.open(key, value)
}

// Scan implements Vault.
func (s *sealed) Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error) {
	records, err := s.inner.Scan(ctx, prefix, after, limit)
	if err != nil {
		return nil, err
	}
	for i := range records {
		if records[i].Value, err = s.open(records[i].Key, records[i].Value); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// Commit implements Vault.
func (s *sealed) Commit(ctx context.Context, changes []Change) error {
	out := make([]Change, len(changes))
	for i, change := range changes {
		out[i].Key = change.Key
		if change.Value != nil {
			out[i].Value = s.aead.Seal(nil, nil, change.Value, []byte(purpose+change.Key))
		}
	}
	return s.inner.Commit(ctx, out)
}

// Close implements Vault.
func (s *sealed) Close() error { return s.inner.Close() }

func (s *sealed) open(key string, value []byte) ([]byte, error) {
	plain, err := s.aead.Open([]byte{}, nil, value, []byte(purpose+key))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}
