// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"errors"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/cmd/clarion-wasm/calls"
)

// openVault opens a vault of this browser for this page alone, or makes it.
// Errors are client.Failure and change nothing, but that whoever had the vault
// before has it no more.
func openVault(ctx context.Context, o calls.OpenOptions) (v vault.Vault, raw *browserVault, lock *browserLock, err error) {
	if _, err := subtle(); err != nil { // before a database is made that nothing could seal
		return nil, nil, nil, vaultFailure(err)
	}
	held, err := takeLock(o.Vault, o.Take)
	if err != nil {
		return nil, nil, nil, vaultFailure(err)
	}
	d, err := openDatabase(o.Vault, true)
	if err != nil {
		held.release()
		return nil, nil, nil, vaultFailure(err)
	}
	raw = &browserVault{database: d, lock: held, owner: rand.Text(), taken: make(chan struct{})}
	var key [32]byte
	var opener []byte
	if err = raw.claim(ctx); err == nil { // before anything is read
		key, opener, err = vaultKey(ctx, raw, o)
	}
	if err != nil {
		return nil, nil, nil, vaultFailure(errors.Join(err, raw.Close()))
	}
	lock = &browserLock{name: o.Vault, vault: raw, turn: make(chan struct{}, 1), opener: opener}
	lock.turn <- struct{}{}
	return vault.Seal(raw, key), raw, lock, nil
}

// vaultKey opens the seal of a database, or makes it in a new one. A database
// with records and no seal is damaged: a new key would only hide that. The
// opener is nil without a passphrase.
func vaultKey(ctx context.Context, v *browserVault, o calls.OpenOptions) (key [32]byte, opener []byte, err error) {
	s, err := readSeal(ctx, v.database)
	if err != nil {
		return key, nil, err
	}
	if s != nil {
		return s.open(ctx, o.Vault, o.Passphrase, o.Opener)
	}
	if found, err := v.Scan(ctx, "", "", 1); err != nil || len(found) > 0 {
		return key, nil, errors.Join(err, vault.ErrDamaged)
	}
	rand.Read(key[:]) // never fails (Go 1.24)
	if s, opener, err = newSeal(ctx, o.Vault, o.Passphrase, key); err != nil {
		return key, nil, err
	}
	return key, opener, s.store(ctx, v)
}

// vaultState tells of a vault without opening it.
func vaultState(ctx context.Context, name string) (calls.VaultState, error) {
	d, err := openDatabase(name, false)
	if errors.Is(err, errAbsent) {
		return calls.VaultState{}, nil
	}
	if err != nil {
		return calls.VaultState{}, vaultFailure(err)
	}
	defer d.close()
	s, err := readSeal(ctx, d)
	if err != nil || s == nil {
		return calls.VaultState{Exists: s != nil}, vaultFailure(err)
	}
	return calls.VaultState{Exists: true, Passphrase: s.stretch != nil}, nil
}

// eraseVault deletes a vault that nobody has open.
func eraseVault(name string) error {
	held, err := takeLock(name, false)
	if err != nil {
		return vaultFailure(err)
	}
	defer held.release()
	return vaultFailure(deleteDatabase(name))
}

// Codes of failures of a browser's vault; those that the terminal has too bear
// the same names.
const (
	failVaultBusy    = "vault_busy"
	failVaultVersion = "vault_version"
	failVaultDamaged = "vault_damaged"
	failVaultFull    = "vault_full"
	failVaultGone    = "vault_gone"
	failVaultTaken   = "vault_taken"
)

// vaultFailure gives an error of the vault the words for a person.
func vaultFailure(err error) error {
	var f *client.Failure
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(err, vault.ErrBusy):
		return &client.Failure{Code: failVaultBusy, Text: "another tab or window has this vault open", Hint: "go on there, or close it", Cause: err}
	case errors.Is(err, vault.ErrVersion):
		return &client.Failure{Code: failVaultVersion, Text: "this vault was made by another version of Clarion", Hint: "reload the page to get the newest version; if it stays so, the vault is of an earlier one, and your recovery sheet makes another", Cause: err}
	case errors.Is(err, vault.ErrDamaged):
		return &client.Failure{Code: failVaultDamaged, Text: "this vault is damaged", Hint: "erase it and come back with your recovery sheet", Cause: err}
	case errors.Is(err, vault.ErrFull):
		return &client.Failure{Code: failVaultFull, Text: "the browser has no room left for this vault", Hint: "make room on the disk, or in what the browser keeps; nothing was changed", Cause: err}
	case errors.Is(err, errTaken):
		return &client.Failure{Code: failVaultTaken, Text: "another tab took this vault over", Hint: "go on there, or reload this page; nothing was changed here", Cause: err}
	case errors.Is(err, errGone):
		return &client.Failure{Code: failVaultGone, Text: "the browser took this vault away", Hint: "reload the page; if the vault is empty then, come back with your recovery sheet", Cause: err}
	}
	return &client.Failure{Code: client.FailVault, Text: "the vault failed: " + err.Error(), Hint: "reload the page and try again", Cause: err}
}
