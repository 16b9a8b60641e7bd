// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build chromium

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"syscall/js"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/vaulttest"
	"clarion.chat/clarion/cmd/clarion-wasm/calls"
)

// opened is a vault that a test has open.
type opened struct {
	vault.Vault
	name string
	raw  *browserVault
	lock *browserLock
}

func mustOpen(t *testing.T, name, passphrase string) *opened {
	t.Helper()
	o := &opened{name: name}
	var err error
	if o.Vault, o.raw, o.lock, err = openVault(context.Background(), calls.OpenOptions{Vault: name, Passphrase: passphrase}); err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := eraseVault(name); err != nil {
			t.Errorf("erase: %v", err)
		}
	})
	return o
}

// again closes the vault and opens what it stored.
func (o *opened) again(t *testing.T, passphrase string) *opened {
	t.Helper()
	if err := o.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	n := &opened{name: o.name}
	var err error
	if n.Vault, n.raw, n.lock, err = openVault(context.Background(), calls.OpenOptions{Vault: o.name, Passphrase: passphrase}); err != nil {
		t.Fatalf("open again: %v", err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// code returns the code of a failure, "" for none.
func code(err error) string {
	var f *client.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestIndexedDBVault(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) (vault.Vault, func() vault.Vault) {
		o := mustOpen(t, rand.Text(), "")
		return o, func() vault.Vault { return o.again(t, "") }
	})
}

func put(key, value string) []vault.Change { return []vault.Change{{Key: key, Value: []byte(value)}} }

// TestStoredIsSealed looks for the plaintext in what IndexedDB holds, and
// finds it where it was never sealed.
func TestStoredIsSealed(t *testing.T) {
	ctx := t.Context()
	o := mustOpen(t, rand.Text(), "")
	marker := "a marker of words"
	for _, v := range []vault.Vault{o, o.raw} {
		if err := v.Commit(ctx, put("a", marker)); err != nil {
			t.Fatal(err)
		}
		stored, err := o.raw.Get(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		if sealed := v != vault.Vault(o.raw); bytes.Contains(stored, []byte(marker)) == sealed {
			t.Errorf("with sealing %v the stored value is %q", sealed, stored)
		}
	}
}

// TestDeviceKeyStaysInside tries to take the device key out of the browser.
func TestDeviceKeyStaysInside(t *testing.T) {
	o := mustOpen(t, rand.Text(), "")
	s, err := readSeal(t.Context(), o.raw.database)
	if err != nil || s == nil {
		t.Fatalf("the seal: %v, %v", s, err)
	}
	if s.device.Get("extractable").Bool() {
		t.Error("the device key says that it is extractable")
	}
	crypto, err := subtle()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := await(t.Context(), crypto.Call("exportKey", "raw", s.device)); err == nil {
		t.Error("the device key was exported")
	}
}

func TestPassphrase(t *testing.T) {
	ctx := t.Context()
	name := rand.Text()
	o := mustOpen(t, name, "")
	if err := o.Commit(ctx, put("a", "kept")); err != nil {
		t.Fatal(err)
	}
	change := func(now, next, want string, after bool) {
		t.Helper()
		if err := o.lock.ChangePassphrase(ctx, now, next); code(err) != want {
			t.Errorf("from %q to %q: %q, want %q", now, next, code(err), want)
		}
		if has, err := o.lock.Passphrase(ctx); err != nil || has != after {
			t.Errorf("then there is a passphrase: %v (%v), want %v", has, err, after)
		}
	}
	opens := func(passphrase, want string) {
		t.Helper()
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		v, raw, lock, err := openVault(ctx, calls.OpenOptions{Vault: name, Passphrase: passphrase})
		if code(err) != want {
			t.Errorf("with %q it opens with %q, want %q", passphrase, code(err), want)
		}
		if err == nil {
			o.Vault, o.raw, o.lock = v, raw, lock
			if got, err := v.Get(ctx, "a"); err != nil || string(got) != "kept" {
				t.Errorf("with %q it holds %q (%v)", passphrase, got, err)
			}
		}
	}
	change("wrong", "new", "passphrase_not_set", false)
	change("", "first", "", true)
	change("", "second", "passphrase_needed", true)
	change("wrong", "second", "passphrase_wrong", true)
	opens("", "passphrase_needed")
	opens("wrong", "passphrase_wrong")
	opens("first", "")
	change("first", "caf\u00e9", "", true)
	opens("first", "passphrase_wrong")
	opens("cafe\u0301", "") // composed by another keyboard
	if state, err := vaultState(ctx, name); err != nil || !state.Exists || !state.Passphrase {
		t.Errorf("its state is %+v (%v)", state, err)
	}
	change("caf\u00e9", "", "", false)
	if o.lock.Opener() != nil {
		t.Error("without a passphrase there is an opener")
	}
	opens("caf\u00e9", "passphrase_not_set")
	opens("", "")
}

func TestVaultIsOpenOnce(t *testing.T) {
	ctx := t.Context()
	name := rand.Text()
	o := mustOpen(t, name, "")
	if _, _, _, err := openVault(ctx, calls.OpenOptions{Vault: name}); !errors.Is(err, vault.ErrBusy) || code(err) != failVaultBusy {
		t.Errorf("opened twice: %v", err)
	}
	if err := eraseVault(name); !errors.Is(err, vault.ErrBusy) {
		t.Errorf("erased while open: %v", err)
	}
	// One that closes within the wait hands over.
	handed := make(chan error, 1)
	go func() {
		v, _, _, err := openVault(ctx, calls.OpenOptions{Vault: name})
		if err == nil {
			err = v.Close()
		}
		handed <- err
	}()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-handed; err != nil {
		t.Errorf("handed over: %v", err)
	}
}

func TestVaultState(t *testing.T) {
	name := rand.Text()
	state, err := vaultState(t.Context(), name)
	if err != nil || state.Exists {
		t.Errorf("before it is made: %+v (%v)", state, err)
	}
	if _, err := openDatabase(name, false); !errors.Is(err, errAbsent) {
		t.Errorf("asking made it: %v", err)
	}
	mustOpen(t, name, "")
	if state, err = vaultState(t.Context(), name); err != nil || !state.Exists || state.Passphrase {
		t.Errorf("once made: %+v (%v)", state, err)
	}
}

// rawOpen opens a database as another program would.
func rawOpen(t *testing.T, name string, version int, upgrade func(db js.Value)) js.Value {
	t.Helper()
	request := js.Global().Get("indexedDB").Call("open", databaseName(name), version)
	f := js.FuncOf(func(js.Value, []js.Value) any {
		upgrade(request.Get("result"))
		return nil
	})
	defer f.Release()
	request.Set("onupgradeneeded", f)
	db, err := settle(request, func(js.Value) {})
	if err != nil {
		t.Fatalf("another program: %v", err)
	}
	t.Cleanup(func() { deleteDatabase(name) })
	return db
}

func TestOtherVersions(t *testing.T) {
	ctx := t.Context()
	newer := rand.Text()
	rawOpen(t, newer, databaseVersion+1, func(js.Value) {}).Call("close")
	if _, _, _, err := openVault(ctx, calls.OpenOptions{Vault: newer}); !errors.Is(err, vault.ErrVersion) {
		t.Errorf("a newer database: %v", err)
	}
	other := rand.Text()
	rawOpen(t, other, databaseVersion, func(db js.Value) { db.Call("createObjectStore", "something") }).Call("close")
	if _, _, _, err := openVault(ctx, calls.OpenOptions{Vault: other}); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("a database of something else: %v", err)
	}
	// Each part of the seal, changed.
	for what, alter := range map[string]struct {
		change func(seal js.Value)
		want   error
	}{
		"form":       {func(s js.Value) { s.Set("form", sealForm+1) }, vault.ErrVersion},
		"earlier":    {func(s js.Value) { s.Set("form", sealForm-1) }, vault.ErrVersion},
		"no form":    {func(s js.Value) { s.Set("form", "x") }, vault.ErrDamaged},
		"no key":     {func(s js.Value) { s.Set("device", js.Null()) }, vault.ErrDamaged},
		"no wrapped": {func(s js.Value) { s.Set("wrapped", "x") }, vault.ErrDamaged},
		"short":      {func(s js.Value) { s.Set("wrapped", bytesToJS([]byte{1})) }, vault.ErrDamaged},
		"bits":       {func(s js.Value) { w := s.Get("wrapped"); w.SetIndex(20, w.Index(20).Int()^1) }, vault.ErrDamaged},
		"passphrase": {func(s js.Value) { s.Set("passphrase", newObject()) }, vault.ErrDamaged},
		"memory": {func(s js.Value) {
			with := newObject()
			with.Set("salt", bytesToJS(make([]byte, 16)))
			for k, n := range map[string]int{"time": 1, "lanes": 1, "memory": 1 << 30} {
				with.Set(k, n)
			}
			s.Set("passphrase", with)
		}, vault.ErrDamaged},
	} {
		o := mustOpen(t, rand.Text(), "")
		tamper(t, o, alter.change)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := openVault(ctx, calls.OpenOptions{Vault: o.name}); !errors.Is(err, alter.want) {
			t.Errorf("%s: %v, want %v", what, err, alter.want)
		}
	}
}

// tamper changes the stored seal.
func tamper(t *testing.T, o *opened, change func(seal js.Value)) {
	t.Helper()
	var request js.Value
	read := func(tx js.Value) { request = tx.Call("objectStore", storeMeta).Call("get", sealName) }
	if err := o.raw.database.transact(t.Context(), "readonly", read); err != nil {
		t.Fatal(err)
	}
	stored := request.Get("result")
	change(stored)
	write := func(tx js.Value) { tx.Call("objectStore", storeMeta).Call("put", stored, sealName) }
	if err := o.raw.database.transact(t.Context(), "readwrite", write); err != nil {
		t.Fatal(err)
	}
}

// TestTakenAway deletes, upgrades and steals an open vault.
func TestTakenAway(t *testing.T) {
	ctx := t.Context()
	for what, take := range map[string]func(name string) error{
		"deleted": func(name string) error { return deleteDatabase(name) },
		"newer version": func(name string) error {
			db, err := settle(js.Global().Get("indexedDB").Call("open", databaseName(name), databaseVersion+1), func(js.Value) {})
			if err == nil {
				db.Call("close")
			}
			return err
		},
	} {
		o := mustOpen(t, rand.Text(), "")
		if err := o.Commit(ctx, put("a", "1")); err != nil {
			t.Fatal(err)
		}
		if err := take(o.name); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		<-o.raw.database.gone
		if err := o.Commit(ctx, put("a", "2")); !errors.Is(err, errGone) {
			t.Errorf("%s: commit gives %v", what, err)
		}
		if _, err := o.Get(ctx, "a"); !errors.Is(err, errGone) {
			t.Errorf("%s: get gives %v", what, err)
		}
	}
	o := mustOpen(t, rand.Text(), "")
	options := newObject()
	options.Set("steal", true)
	f := js.FuncOf(func(js.Value, []js.Value) any { return nil })
	defer f.Release()
	js.Global().Get("navigator").Get("locks").Call("request", "clarion vault "+o.name, options, f)
	<-o.raw.lock.lost
	if err := o.Commit(ctx, put("a", "2")); !errors.Is(err, errTaken) {
		t.Errorf("stolen: commit gives %v", err)
	}
}
