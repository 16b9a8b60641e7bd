// SPDX-License-Identifier: AGPL-3.0-or-later

package vault

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
)

// Memory is a vault that ends with the process: for tests, and for programs
// that shall leave nothing behind.
type Memory struct {
	mu      sync.Mutex
	records []Record // ascending keys; values are never altered in place
	closed  bool
	faults  []fault
}

// fault is a commit that is to fail.
type fault struct {
	left    int // commits until then, this one included
	applied bool
	err     error
}

// NewMemory returns an empty vault.
func NewMemory() *Memory { return &Memory{} }

// Clone returns a vault with the same records that goes its own way from now
// on: the backup or copy of a device's vault that an old one is restored from.
// Planned faults are not taken along, and the clone of a closed vault is open.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{records: slices.Clone(m.records)}
}

// FailCommit lets the nth commit from now on, the next being 1, return err.
// With applied the changes are made all the same, as when a machine dies after
// writing and before answering; without, they are not.
func (m *Memory) FailCommit(n int, applied bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, fault{n, applied, err})
}

// Get implements Vault.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, found := m.find(key)
	if !found {
		return nil, ErrNotFound
	}
	return bytes.Clone(m.records[at].Value), nil
}

// Scan implements Vault.
func (m *Memory) Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, found := m.find(max(prefix, after))
	if found && m.records[at].Key == after {
		at++
	}
	var out []Record
	for ; at < len(m.records) && len(out) < limit && strings.HasPrefix(m.records[at].Key, prefix); at++ {
		out = append(out, Record{m.records[at].Key, bytes.Clone(m.records[at].Value)})
	}
	return out, nil
}

// Commit implements Vault.
func (m *Memory) Commit(ctx context.Context, changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if err := check(ctx, changes); err != nil {
		return err
	}
	due, failing := m.dueFault()
	if failing && !due.applied {
		return due.err
	}
	for _, change := range changes {
		at, found := m.find(change.Key)
		record := Record{change.Key, append([]byte{}, change.Value...)}
		switch {
		case change.Value == nil && found:
			m.records = slices.Delete(m.records, at, at+1)
		case change.Value == nil:
		case found:
			m.records[at] = record
		default:
			m.records = slices.Insert(m.records, at, record)
		}
	}
	return due.err
}

// Close implements Vault.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// find returns the place of a key, or where it would stand; m.mu is held.
func (m *Memory) find(key string) (int, bool) {
	return slices.BinarySearchFunc(m.records, key, func(r Record, key string) int { return strings.Compare(r.Key, key) })
}

// dueFault counts a commit and returns the fault planned for it; m.mu is held.
func (m *Memory) dueFault() (fault, bool) {
	for i := range m.faults {
		m.faults[i].left--
	}
	at := slices.IndexFunc(m.faults, func(f fault) bool { return f.left == 0 })
	if at < 0 {
		return fault{}, false
	}
	due := m.faults[at]
	m.faults = slices.Delete(m.faults, at, at+1)
	return due, true
}
