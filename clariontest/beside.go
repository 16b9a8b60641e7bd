// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/vaulttest"
)

// KeepVaultsIn lets every client that is opened from now on keep its vault at
// another place, such as a browser's IndexedDB. Client.Vault stays what it is,
// a vault in memory that can be cloned and made to fail: it has the same
// records and is compared with the other at each read.
func (s *Server) KeepVaultsIn(far *vaulttest.Far) { s.far = far }

// beside is a vault in two places. What is read comes from the far one.
type beside struct {
	t      testing.TB
	memory *vault.Memory
	far    vault.Vault
	keeper *vaulttest.Far
	name   string
}

// newBeside copies the vault in memory to the far place, as one copies a
// profile.
func newBeside(t testing.TB, keeper *vaulttest.Far, m *vault.Memory) *beside {
	t.Helper()
	b := &beside{t: t, memory: m, keeper: keeper, name: rand.Text()}
	ctx := Context(t)
	var err error
	if b.far, err = keeper.Open(ctx, b.name); err != nil {
		t.Fatal(err)
	}
	after := ""
	for {
		found, err := m.Scan(ctx, "", after, 200)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			return b
		}
		var changes []vault.Change
		for _, r := range found {
			changes = append(changes, vault.Change(r))
			after = r.Key
		}
		if err := b.far.Commit(ctx, changes); err != nil {
			t.Fatal(err)
		}
	}
}

// Get implements vault.Vault.
func (b *beside) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := b.far.Get(ctx, key)
	want, wanted := b.memory.Get(ctx, key)
	if ctx.Err() == nil && (!errors.Is(err, wanted) || !bytes.Equal(value, want)) {
		b.t.Errorf("the far vault gives %q %x, %v; it was given %x, %v", key, value, err, want, wanted)
	}
	return value, err
}

// Scan implements vault.Vault.
func (b *beside) Scan(ctx context.Context, prefix, after string, limit int) ([]vault.Record, error) {
	found, err := b.far.Scan(ctx, prefix, after, limit)
	want, wanted := b.memory.Scan(ctx, prefix, after, limit)
	same := slices.EqualFunc(found, want, func(a, b vault.Record) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
	if ctx.Err() == nil && (!errors.Is(err, wanted) || !same) {
		b.t.Errorf("the far vault scans %q after %q to %d records, %v; it was given %d, %v", prefix, after, len(found), err, len(want), wanted)
	}
	return found, err
}

// Commit implements vault.Vault. When the one in memory was made to fail, the
// far one makes the commit if that one did.
func (b *beside) Commit(ctx context.Context, changes []vault.Change) error {
	failed := b.memory.Commit(ctx, changes)
	if failed != nil && !b.made(changes) {
		return failed
	}
	if err := b.far.Commit(ctx, changes); err != nil {
		b.t.Errorf("the far vault does not commit: %v", err)
		return err
	}
	return failed
}

// made reports whether the vault in memory holds what the changes leave.
func (b *beside) made(changes []vault.Change) bool {
	last := map[string][]byte{}
	for _, c := range changes {
		last[c.Key] = c.Value
	}
	for key, value := range last {
		held, err := b.memory.Get(context.Background(), key)
		if (value == nil) != errors.Is(err, vault.ErrNotFound) || !bytes.Equal(held, value) {
			return false
		}
	}
	return true
}

// Close implements vault.Vault, for the far one only: whoever opens the vault
// in memory again gets another copy.
func (b *beside) Close() error {
	if err := b.far.Close(); err != nil {
		return err
	}
	return b.keeper.Erase(context.Background(), b.name)
}
