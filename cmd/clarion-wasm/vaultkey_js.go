// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"syscall/js"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
)

// A vault's key is 32 random bytes. It is kept in the database, sealed twice:
//
//	[Argon2id(passphrase)] inside  AES-256-GCM   only with a passphrase
//	device key             outside AES-256-GCM   a CryptoKey that is not extractable
//
// The browser uses the device key for this origin's pages and shows it to
// none. It lies in the browser's profile all the same, so without a passphrase
// whoever has the whole profile has the vault. What the database held before a
// passphrase was set stays on the disk until the browser compacts its files.

const (
	sealForm    = vault.Form // raised with the seal's own fields too
	sealName    = "seal"
	sealPurpose = "clarion vault key v1\x00"
)

// seal is the record that keeps a vault's key.
type seal struct {
	device  js.Value // CryptoKey
	wrapped []byte   // nonce and AES-GCM
	stretch *stretch // nil: no passphrase
}

// readSeal reads the seal of a database; nil when it has none yet.
func readSeal(ctx context.Context, d *database) (*seal, error) {
	var request js.Value
	err := d.transact(ctx, "readonly", func(tx js.Value) {
		request = tx.Call("objectStore", storeMeta).Call("get", sealName)
	})
	if err != nil {
		return nil, err
	}
	stored, err := resultOf(request)
	if err != nil {
		return nil, err
	}
	if stored.IsUndefined() {
		return nil, nil
	}
	if stored.Type() != js.TypeObject || stored.Get("form").Type() != js.TypeNumber {
		return nil, vault.ErrDamaged
	}
	if stored.Get("form").Int() != sealForm {
		return nil, vault.ErrVersion
	}
	s := &seal{device: stored.Get("device")}
	if s.wrapped, err = storedBytes(stored.Get("wrapped")); err != nil || !s.device.InstanceOf(js.Global().Get("CryptoKey")) {
		return nil, vault.ErrDamaged
	}
	if with := stored.Get("passphrase"); with.Truthy() {
		s.stretch = &stretch{}
		for name, to := range map[string]*int{"time": &s.stretch.Time, "memory": &s.stretch.Memory, "lanes": &s.stretch.Lanes} {
			if with.Get(name).Type() != js.TypeNumber {
				return nil, vault.ErrDamaged
			}
			*to = with.Get(name).Int()
		}
		if s.stretch.Salt, err = storedBytes(with.Get("salt")); err != nil {
			return nil, err
		}
		return s, s.stretch.check()
	}
	return s, nil
}

// store writes the seal, in place of any other.
func (s *seal) store(ctx context.Context, v *browserVault) error {
	value := newObject()
	value.Set("form", sealForm)
	value.Set("device", s.device)
	value.Set("wrapped", bytesToJS(s.wrapped))
	value.Set("passphrase", js.Null())
	if s.stretch != nil {
		with := newObject()
		with.Set("salt", bytesToJS(s.stretch.Salt))
		with.Set("time", s.stretch.Time)
		with.Set("memory", s.stretch.Memory)
		with.Set("lanes", s.stretch.Lanes)
		value.Set("passphrase", with)
	}
	return v.write(ctx, func(tx js.Value) {
		tx.Call("objectStore", storeMeta).Call("put", value, sealName)
	})
}

// subtle returns WebCrypto, which browsers give only to pages that came under
// TLS or from the machine itself.
func subtle() (js.Value, error) {
	if c := js.Global().Get("crypto"); c.Truthy() && c.Get("subtle").Truthy() {
		return c.Get("subtle"), nil
	}
	return js.Undefined(), errors.New("this page did not come under TLS, so the browser lends it no cryptography")
}

// newSeal seals a key under a new device key and, unless it is empty, a
// passphrase, which is returned stretched. Each change of the passphrase has
// its own device key, so that the old one opens nothing that is written from
// then on.
func newSeal(ctx context.Context, name, passphrase string, key [32]byte) (_ *seal, opener []byte, err error) {
	crypto, err := subtle()
	if err != nil {
		return nil, nil, err
	}
	algorithm := newObject()
	algorithm.Set("name", "AES-GCM")
	algorithm.Set("length", 256)
	usages := js.Global().Get("Array").Call("of", "encrypt", "decrypt")
	s := &seal{}
	if s.device, err = await(ctx, crypto.Call("generateKey", algorithm, false, usages)); err != nil {
		return nil, nil, err
	}
	inner := key[:]
	if passphrase != "" {
		salt := make([]byte, 16)
		rand.Read(salt) // never fails (Go 1.24)
		with := newStretch(salt)
		s.stretch = &with
		opener = with.opener(normal(passphrase))
		inner = sealUnder(opener, key)
	}
	nonce := make([]byte, 12)
	rand.Read(nonce)
	sealed, err := await(ctx, crypto.Call("encrypt", gcm(name, nonce), s.device, bytesToJS(inner)))
	if err != nil {
		return nil, nil, err
	}
	b, err := storedBytes(js.Global().Get("Uint8Array").New(sealed))
	s.wrapped = append(nonce, b...)
	return s, opener, err
}

// gcm names the cipher for WebCrypto.
func gcm(name string, nonce []byte) js.Value {
	algorithm := newObject()
	algorithm.Set("name", "AES-GCM")
	algorithm.Set("iv", bytesToJS(nonce))
	algorithm.Set("additionalData", bytesToJS([]byte(sealPurpose+name)))
	return algorithm
}

// open returns the vault's key, and the passphrase stretched, or says what is
// wrong with the passphrase. An opener is tried before it; one that is of no
// use any more is as good as none.
func (s *seal) open(ctx context.Context, name, passphrase string, earlier []byte) (key [32]byte, opener []byte, err error) {
	inner, err := s.unwrap(ctx, name)
	if err != nil {
		return key, nil, err
	}
	if s.stretch == nil {
		if len(inner) != len(key) {
			return key, nil, vault.ErrDamaged
		}
		if passphrase != "" {
			return key, nil, errNoPassphrase()
		}
		return [32]byte(inner), nil, nil
	}
	if key, wrong := openUnder(earlier, inner); !wrong {
		return key, earlier, nil
	}
	if passphrase == "" {
		return key, nil, errPassphraseNeeded()
	}
	opener = s.stretch.opener(normal(passphrase))
	key, wrong := openUnder(opener, inner)
	if wrong {
		return key, nil, errPassphraseWrong()
	}
	return key, opener, nil
}

// unwrap opens the outer seal, that of the device key.
func (s *seal) unwrap(ctx context.Context, name string) ([]byte, error) {
	crypto, err := subtle()
	if err != nil {
		return nil, err
	}
	if len(s.wrapped) < 12 {
		return nil, vault.ErrDamaged
	}
	opened, err := await(ctx, crypto.Call("decrypt", gcm(name, s.wrapped[:12]), s.device, bytesToJS(s.wrapped[12:])))
	if err != nil {
		return nil, vault.ErrDamaged
	}
	return storedBytes(js.Global().Get("Uint8Array").New(opened))
}

// normal gives a passphrase one form, however a keyboard composed it: NFKC.
func normal(passphrase string) string {
	return js.Global().Get("String").Get("prototype").Get("normalize").Call("call", passphrase, "NFKC").String()
}

func errPassphraseNeeded() error {
	return &client.Failure{Code: "passphrase_needed", Text: "this vault opens with its passphrase only", Hint: "enter the passphrase"}
}

func errPassphraseWrong() error {
	return &client.Failure{Code: "passphrase_wrong", Text: "this is not the passphrase of this vault", Hint: "try again; nothing was changed"}
}

func errNoPassphrase() error {
	return &client.Failure{Code: "passphrase_not_set", Text: "this vault has no passphrase", Hint: "open it without one; nothing was changed"}
}

// browserLock is the lock on an open vault.
type browserLock struct {
	name  string
	vault *browserVault
	turn  chan struct{} // holds one token while nobody changes the passphrase

	mu     sync.Mutex // guards opener
	opener []byte     // nil without a passphrase
}

// Opener is what opens the vault in place of its passphrase; nil without one.
func (l *browserLock) Opener() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opener
}

// Passphrase implements calls.Lock.
func (l *browserLock) Passphrase(ctx context.Context) (bool, error) {
	if err := l.vault.begin(); err != nil {
		return false, err
	}
	defer l.vault.calls.Done()
	s, err := readSeal(ctx, l.vault.database)
	if err != nil || s == nil {
		return false, vaultFailure(err)
	}
	return s.stretch != nil, nil
}

// ChangePassphrase implements calls.Lock. The records stay as they are: only
// their key is sealed anew.
func (l *browserLock) ChangePassphrase(ctx context.Context, now, next string) error {
	if err := l.vault.begin(); err != nil {
		return err
	}
	defer l.vault.calls.Done()
	select {
	case <-l.turn:
		defer func() { l.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := readSeal(ctx, l.vault.database)
	if err != nil {
		return vaultFailure(err)
	}
	if s == nil {
		return vaultFailure(errGone)
	}
	key, _, err := s.open(ctx, l.name, now, nil)
	if err != nil {
		return vaultFailure(err)
	}
	s, opener, err := newSeal(ctx, l.name, next, key)
	if err != nil {
		return vaultFailure(err)
	}
	if err := s.store(ctx, l.vault); err != nil {
		return vaultFailure(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opener = opener
	return nil
}
