// SPDX-License-Identifier: AGPL-3.0-or-later

package vault

import (
	"context"
	"errors"
)

// Form is the number of the records' names and contents. It is raised when
// either changes, and every vault that lasts keeps it: one of another form is
// ErrVersion.
const Form = 3

// Change is one record's part of a commit. A nil Value deletes the record; an
// empty one that is not nil is a value like any other.
type Change struct {
	Key   string
	Value []byte
}

// Record is a value under its name.
type Record struct {
	Key   string
	Value []byte
}

// Vault keeps records. Its methods may be called from several goroutines.
// Keys are any bytes but none at all; values are the caller's own afterwards.
type Vault interface {
	// Get returns the record's value, or ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)

	// Scan returns at most limit records whose keys begin with prefix and
	// come after the key after, in the order of the keys' bytes. A limit
	// below 1 returns nothing.
	Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error)

	// Commit makes all changes or none, in their order, so that the last one
	// of a key holds. They outlive a crash of the machine once it returns
	// nil. After an error that is none of ErrNoKey, ErrClosed and ErrFull they
	// may have been made or not.
	Commit(ctx context.Context, changes []Change) error

	// Close releases the vault; every later call but Close is ErrClosed.
	Close() error
}

// Errors of every vault.
var (
	// ErrNotFound is Get of a record that is not there.
	ErrNotFound = errors.New("no such record")
	// ErrNoKey is a change without a key; nothing was changed.
	ErrNoKey = errors.New("a record needs a key")
	// ErrClosed is a call after Close; nothing was changed.
	ErrClosed = errors.New("the vault is closed")
	// ErrBusy is a vault that another program, or this one, has open.
	ErrBusy = errors.New("the vault is in use by another program")
	// ErrVersion is a vault whose form this program does not know.
	ErrVersion = errors.New("the vault was made by another version")
	// ErrFull is a commit that the disk has no room for; nothing was changed.
	ErrFull = errors.New("the disk is full")
	// ErrDamaged is a record or a file that cannot be what was stored: it was
	// altered, moved under another name, or sealed with another key.
	ErrDamaged = errors.New("the vault is damaged or sealed with another key")
)

// check refuses what no vault takes.
func check(ctx context.Context, changes []Change) error {
	for _, change := range changes {
		if change.Key == "" {
			return ErrNoKey
		}
	}
	return ctx.Err()
}
