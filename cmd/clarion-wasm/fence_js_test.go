// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build chromium

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"syscall/js"
	"testing"

	"clarion.chat/clarion/cmd/clarion-wasm/calls"
)

// take opens a vault that another page has open and does not give back.
func take(t *testing.T, name string) *opened {
	t.Helper()
	n := &opened{name: name}
	var err error
	if n.Vault, n.raw, n.lock, err = openVault(t.Context(), calls.OpenOptions{Vault: name, Take: true}); err != nil {
		t.Fatalf("take: %v", err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// TestFence claims a vault under the hands of one that holds its lock and has
// heard of nothing, as a page that was frozen when its lock was stolen.
func TestFence(t *testing.T) {
	ctx := t.Context()
	o := mustOpen(t, rand.Text(), "")
	if err := o.Commit(ctx, put("a", "before")); err != nil {
		t.Fatal(err)
	}
	d, err := openDatabase(o.name, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	other := &browserVault{database: d, owner: rand.Text(), taken: make(chan struct{})}
	if err := other.claim(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 { // once by the fence, then because it knows
		if err := o.Commit(ctx, append(put("a", "after"), put("b", "after")...)); !errors.Is(err, errTaken) {
			t.Errorf("commit gives %v", err)
		}
	}
	<-o.raw.taken
	if err := o.lock.ChangePassphrase(ctx, "", "new"); code(err) != failVaultTaken && !errors.Is(err, errTaken) {
		t.Errorf("the passphrase was changed: %v", err)
	}
	select {
	case <-o.raw.lock.lost:
		t.Error("its lock was stolen: this test shows nothing of the fence")
	default:
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	now := take(t, o.name)
	if got, err := now.Get(ctx, "a"); err != nil || string(got) != "before" {
		t.Errorf("it holds %q (%v)", got, err)
	}
	if found, err := now.Scan(ctx, "", "", 10); err != nil || len(found) != 1 {
		t.Errorf("it holds %d records (%v)", len(found), err)
	}
}

// TestFenceOfTheSeal changes the passphrase of a vault that has another owner
// meanwhile: it stays as it was.
func TestFenceOfTheSeal(t *testing.T) {
	ctx := t.Context()
	o := mustOpen(t, rand.Text(), "")
	s, err := readSeal(ctx, o.raw.database)
	if err != nil {
		t.Fatal(err)
	}
	take(t, o.name)
	if err := s.store(ctx, o.raw); !errors.Is(err, errTaken) {
		t.Errorf("the seal was stored: %v", err)
	}
}

// TestTakenInTheMiddle takes a vault from one that commits without a pause.
// The new owner finds all that was acknowledged, and what it finds first is
// what stays.
func TestTakenInTheMiddle(t *testing.T) {
	ctx := t.Context()
	for range 5 {
		o := mustOpen(t, rand.Text(), "")
		begun, last := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; o.Commit(ctx, put("n", strconv.Itoa(n+1))) == nil; n++ {
				if n == 3 {
					close(begun)
				}
			}
			last <- n
		}()
		<-begun
		now := take(t, o.name)
		first, err := now.Get(ctx, "n")
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := <-last
		then, err := now.Get(ctx, "n")
		if err != nil || string(then) != string(first) {
			t.Errorf("after %s came %s (%v)", first, then, err)
		}
		if n, err := strconv.Atoi(string(first)); err != nil || n != acknowledged && n != acknowledged+1 {
			t.Errorf("%d were acknowledged, the new owner finds %s (%v)", acknowledged, first, err)
		}
		if err := now.Commit(ctx, put("n", "on")); err != nil {
			t.Errorf("the new owner: %v", err)
		}
	}
}

// TestTwoCores takes the vault of an open core as another tab does.
func TestTwoCores(t *testing.T) {
	name := rand.Text()
	open := func(take bool) js.Value {
		t.Helper()
		core, err := await(t.Context(), entry().Call("open", map[string]any{"vault": name, "take": take}))
		if err != nil {
			t.Fatal(err)
		}
		return core
	}
	first := open(false)
	ended := make(chan string, 1)
	rejected := js.FuncOf(func(_ js.Value, args []js.Value) any {
		ended <- args[0].Get("code").String()
		return nil
	})
	defer rejected.Release()
	first.Call("next").Call("catch", rejected)
	second := open(true)
	if got := <-ended; got != failVaultTaken {
		t.Errorf("the first core ends with %s", got)
	}
	first.Call("call", "setSetting", map[string]any{"name": "a", "value": "1"}).Call("catch", rejected)
	if got := <-ended; got != failVaultTaken {
		t.Errorf("the first core says %s", got)
	}
	if _, err := await(t.Context(), second.Call("call", "passphrase")); err != nil {
		t.Errorf("the second core: %v", err)
	}
	if _, err := await(context.Background(), second.Call("close")); err != nil {
		t.Error(err)
	}
	if err := eraseVault(name); err != nil {
		t.Error(err)
	}
}

// TestOpener opens a vault by what its passphrase was stretched to, for as
// long as that is its passphrase.
func TestOpener(t *testing.T) {
	ctx := t.Context()
	o := mustOpen(t, rand.Text(), "first")
	earlier := o.lock.Opener()
	with := func(opener []byte, want string) []byte {
		t.Helper()
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		v, raw, lock, err := openVault(ctx, calls.OpenOptions{Vault: o.name, Opener: opener})
		if code(err) != want {
			t.Errorf("it opens with %q, want %q", code(err), want)
		}
		if err != nil {
			return nil
		}
		o.Vault, o.raw, o.lock = v, raw, lock
		return lock.Opener()
	}
	if again := with(earlier, ""); string(again) != string(earlier) {
		t.Error("it does not pass on")
	}
	if err := o.Commit(ctx, put("a", "kept")); err != nil {
		t.Fatal(err)
	}
	if err := o.lock.ChangePassphrase(ctx, "first", "second"); err != nil {
		t.Fatal(err)
	}
	later := o.lock.Opener()
	with(earlier, "passphrase_needed")
	with(append([]byte{1}, later[1:]...), "passphrase_needed")
	with([]byte("short"), "passphrase_needed")
	with(later, "")
	if got, err := o.Get(ctx, "a"); err != nil || string(got) != "kept" {
		t.Errorf("it holds %q (%v)", got, err)
	}
	if mustOpen(t, rand.Text(), "").lock.Opener() != nil {
		t.Error("without a passphrase there is an opener")
	}
}
