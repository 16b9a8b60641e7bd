// SPDX-License-Identifier: AGPL-3.0-or-later

package filevault

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"clarion.chat/clarion/client/vault"
)

// sealingKey reads DIR/key, or makes it while there is no vault to seal. A
// vault whose key is gone is vault.ErrDamaged: a new key would only hide that.
func sealingKey(dir string, exists bool) ([32]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, "key"))
	switch {
	case err == nil && len(b) == 32:
		return [32]byte(b), nil
	case err == nil || (errors.Is(err, fs.ErrNotExist) && exists):
		return [32]byte{}, vault.ErrDamaged
	case !errors.Is(err, fs.ErrNotExist):
		return [32]byte{}, named(dir, err)
	}
	var key [32]byte
	rand.Read(key[:]) // never fails (Go 1.24)
	if err := storeKey(dir, key); err != nil {
		return [32]byte{}, named(dir, err)
	}
	return key, nil
}

// storeKey writes DIR/key whole and durably: under another name first, so that
// a crash leaves no part of a key, and with the folder, so that no record is
// ever sealed with a key that a crash takes back.
func storeKey(dir string, key [32]byte) error {
	path := filepath.Join(dir, "key")
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(key[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// keyProof tells one key from another and says nothing of either.
func keyProof(key [32]byte) [32]byte {
	return sha256.Sum256(append([]byte("clarion vault key v1\x00"), key[:]...))
}
