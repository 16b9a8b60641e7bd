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
//
// A lock can be stolen from a page that is frozen and wakes later, so the lock
// is not what keeps an MLS state from having two owners. The fence is: whoever
// opens the vault writes a new owner into the database, and every transaction
// that writes reads it first and is aborted when it is another.
type browserVault struct {
	database *database
	lock     *webLock
	owner    string // drawn when it was opened

	mu     sync.Mutex // guards closed and known, and starting a call against closing
	closed bool
	known  bool
	taken  chan struct{} // closed when another owner was found
	calls  sync.WaitGroup
}

// ownerName is the record that names the owner.
const ownerName = "owner"

// claim makes v the owner. All that an earlier owner wrote is there when it
// returns, and nothing it writes later will be.
func (v *browserVault) claim(ctx context.Context) error {
	return v.database.transact(ctx, "readwrite", func(tx js.Value) {
		tx.Call("objectStore", storeMeta).Call("put", v.owner, ownerName)
	})
}

// write runs a transaction that writes, if v is still the owner; else it is
// errTaken, and nothing was changed.
func (v *browserVault) write(ctx context.Context, requests func(tx js.Value)) error {
	taken := false
	var fence js.Func
	err := v.database.transact(ctx, "readwrite", func(tx js.Value) {
		// Requests are carried out in their order, and the transaction cannot
		// complete before this one's answer was heard.
		request := tx.Call("objectStore", storeMeta).Call("get", ownerName)
		fence = js.FuncOf(func(js.Value, []js.Value) any {
			if owner := request.Get("result"); owner.Type() != js.TypeString || owner.String() != v.owner {
				taken = true
				tx.Call("abort")
			}
			return nil
		})
		request.Set("onsuccess", fence)
		requests(tx)
	})
	if fence.Truthy() {
		fence.Release()
	}
	if taken {
		v.lose()
		return errTaken
	}
	return err
}

// lose notes that another owner has the vault.
func (v *browserVault) lose() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.known {
		v.known = true
		close(v.taken)
	}
}

// begin counts a call that Close waits for.
func (v *browserVault) begin() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return vault.ErrClosed
	}
	select {
	case <-v.lock.lost: // another page is the owner now, or will be
		return errTaken
	case <-v.taken:
		return errTaken
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
	return v.write(ctx, func(tx js.Value) {
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
