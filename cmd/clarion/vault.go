// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/filevault"
)

// openVault opens the vault in dir. Without create a folder that holds none is
// left as it is.
func openVault(dir string, create bool) (vault.Vault, error) {
	if !create && !filevault.Exists(dir) {
		return nil, &client.Failure{
			Code: client.FailNotRegistered, Text: "there is no vault in this folder",
			Hint: "run `clarion register --server URL --name NAME` first, or name another folder with --home DIR",
		}
	}
	v, err := filevault.Open(dir)
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, vault.ErrBusy):
		return nil, &client.Failure{Code: failVaultBusy, Text: "another program has this vault open", Hint: "end the other clarion first, such as a listen or a chat", Cause: err}
	case errors.Is(err, vault.ErrVersion):
		return nil, &client.Failure{Code: failVersion, Text: "this vault was made by another version of clarion", Hint: "use the version that made it, or a newer one", Cause: err}
	case errors.Is(err, vault.ErrDamaged):
		return nil, &client.Failure{Code: failVaultDamaged, Text: "this vault is damaged, or its key is another one", Hint: "move the folder away and run `clarion restore`", Cause: err}
	}
	if errors.Is(err, vault.ErrFull) {
		return nil, noRoom(err)
	}
	return nil, &client.Failure{Code: client.FailVault, Text: "the vault cannot be opened: " + reason(err), Hint: "check the folder and who may write to it, or name another with --home DIR", Cause: err}
}

func noRoom(err error) *client.Failure {
	return &client.Failure{Code: client.FailFull, Text: "there is no room on this device's disk for the vault", Hint: "make room, then try again; what came before is kept", Cause: err}
}

// vaultFailure names an error of the vault that has no name yet.
func vaultFailure(err error) error {
	var f *client.Failure
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, vault.ErrFull) {
		return noRoom(err)
	}
	return &client.Failure{Code: client.FailVault, Text: "the vault failed: " + reason(err), Hint: "check the disk", Cause: err}
}

// reason is what the system said, without the path it said it of.
func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// removeVault deletes the vault's own files, the key first, and the folder
// when nothing else lies in it.
func removeVault(dir string) error {
	for _, name := range []string{"key", "key.new", "vault.db-wal", "vault.db-shm", "vault.db", "lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return &client.Failure{
				Code: client.FailVault, Text: "a file of the vault cannot be deleted: " + reason(err),
				Hint: "delete the vault's folder yourself", Cause: err,
			}
		}
	}
	// A folder that holds something else stays, and so does its content.
	_ = os.Remove(dir)
	return nil
}
