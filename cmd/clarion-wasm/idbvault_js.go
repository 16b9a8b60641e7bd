// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"sync"
	"syscall/js"

	"clarion.chat/clarion/client/vault"
)

// browserVault keeps records in IndexedDB, in one transaction of strict
// durability per commit. It stands under vault.Seal.
type browserVault struct {
	database *database
	lock     *webLock

	mu     sync.Mutex // guards closed, and starting a call against closing
	closed bool
	calls  sync.WaitGroup
}

// begin counts a call that Close waits for.
func (v *browserVault) begin() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return vault.ErrClosed
	}
	select {
	case <-v.lock.lost: // another page is the owner now
		return errGone
	default:
	}
	v.calls.Add(1)
	return nil
}

// Get implements vault.Vault.
func (v *browserVault) Get(ctx context.Context, key string) ([]byte, error) {
	if err := v.begin(); err != nil {
		return nil, err
	}
	defer v.calls.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var value js.Value
	name := bytesToJS([]byte(key))
	err := v.database.transact(ctx, "readonly", func(tx js.Value) {
		value = tx.Call("objectStore", storeRecords).Call("get", name)
	})
	if err != nil {
		return nil, err
	}
	if value, err = resultOf(value); err != nil {
		return nil, err
	}
	if value.IsUndefined() {
		return nil, vault.ErrNotFound
	}
	return storedBytes(value)
}

// Scan implements vault.Vault.
func (v *browserVault) Scan(ctx context.Context, prefix, after string, limit int) ([]vault.Record, error) {
	if err := v.begin(); err != nil {
		return nil, err
	}
	defer v.calls.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	span, some := keyRange(prefix, after)
	if !some || limit < 1 {
		return nil, nil
	}
	var keys, values js.Value
	err := v.database.transact(ctx, "readonly", func(tx js.Value) {
		records := tx.Call("objectStore", storeRecords)
		keys = records.Call("getAllKeys", span, limit)
		values = records.Call("getAll", span, limit)
	})
	if err != nil {
		return nil, err
	}
	if keys, err = resultOf(keys); err != nil {
		return nil, err
	}
	if values, err = resultOf(values); err != nil {
		return nil, err
	}
	out := make([]vault.Record, keys.Length())
	for i := range out {
		key, err := storedBytes(js.Global().Get("Uint8Array").New(keys.Index(i)))
		if err != nil {
			return nil, err
		}
		out[i].Key = string(key)
		if out[i].Value, err = storedBytes(values.Index(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keyRange makes the IDBKeyRange of the keys that begin with prefix and come
// after the key after; some is false when there can be none.
func keyRange(prefix, after string) (span js.Value, some bool) {
	ranges := js.Global().Get("IDBKeyRange")
	from, open := prefix, false
	if after >= prefix {
		from, open = after, true
	}
	lower := bytesToJS([]byte(from)) // an empty one is below every key
	past := pastPrefix(prefix)
	if past == nil {
		return ranges.Call("lowerBound", lower, open), true
	}
	if from >= string(past) {
		return js.Undefined(), false
	}
	return ranges.Call("bound", lower, bytesToJS(past), open, true), true
}

// pastPrefix returns the first key after all that begin with prefix, or nil
// when there is none.
func pastPrefix(prefix string) []byte {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	return end
}

// storedBytes copies what was stored as a Uint8Array.
func storedBytes(v js.Value) ([]byte, error) {
	if !v.InstanceOf(js.Global().Get("Uint8Array")) {
		return nil, vault.ErrDamaged
	}
	b := make([]byte, v.Length())
	js.CopyBytesToGo(b, v)
	return b, nil
}

// Commit implements vault.Vault. What is written is made ready before the
// transaction begins.
func (v *browserVault) Commit(ctx context.Context, changes []vault.Change) error {
	if err := v.begin(); err != nil {
		return err
	}
	defer v.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	keys, values := make([]js.Value, len(changes)), make([]js.Value, len(changes))
	for i, change := range changes {
		if change.Key == "" {
			return vault.ErrNoKey
		}
		keys[i] = bytesToJS([]byte(change.Key))
		if change.Value != nil {
			values[i] = bytesToJS(change.Value)
		}
	}
	return v.database.transact(ctx, "readwrite", func(tx js.Value) {
		records := tx.Call("objectStore", storeRecords)
		for i := range changes {
			if changes[i].Value == nil {
				records.Call("delete", keys[i])
			} else {
				records.Call("put", values[i], keys[i])
			}
		}
	})
}

// Close implements vault.Vault. It waits for the calls that run.
func (v *browserVault) Close() error {
	v.mu.Lock()
	closed := v.closed
	v.closed = true
	v.mu.Unlock()
	if closed {
		return nil
	}
	v.calls.Wait()
	v.database.close()
	// Last, so that nobody opens the vault while this one still writes.
	v.lock.release()
	return nil
}
