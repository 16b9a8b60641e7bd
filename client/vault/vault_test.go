// SPDX-License-Identifier: AGPL-3.0-or-later

package vault_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/vaulttest"
)

func TestMemory(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) (vault.Vault, func() vault.Vault) {
		m := vault.NewMemory()
		return m, func() vault.Vault { return m.Clone() }
	})
}

func TestSealed(t *testing.T) {
	key := [32]byte{1}
	vaulttest.Run(t, func(*testing.T) (vault.Vault, func() vault.Vault) {
		m := vault.NewMemory()
		return vault.Seal(m, key), func() vault.Vault { return vault.Seal(m.Clone(), key) }
	})
}

func put(key, value string) []vault.Change { return []vault.Change{{Key: key, Value: []byte(value)}} }

func get(t *testing.T, v vault.Vault, key string) string {
	t.Helper()
	value, err := v.Get(context.Background(), key)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		t.Fatalf("get %q: %v", key, err)
	}
	return string(value)
}

func TestClone(t *testing.T) {
	ctx := context.Background()
	now := vault.NewMemory()
	if err := now.Commit(ctx, put("a", "1")); err != nil {
		t.Fatal(err)
	}
	now.FailCommit(1, false, errors.New("planned"))
	old := now.Clone()
	if err := old.Commit(ctx, put("a", "2")); err != nil {
		t.Errorf("the clone took the fault along: %v", err)
	}
	if get(t, now, "a") != "1" || get(t, old, "a") != "2" {
		t.Errorf("the vault holds %q and its clone %q", get(t, now, "a"), get(t, old, "a"))
	}
	now.Close()
	if get(t, now.Clone(), "a") != "1" {
		t.Error("the clone of a closed vault lost a record")
	}
}

func TestFailCommit(t *testing.T) {
	ctx := context.Background()
	before, after := errors.New("before"), errors.New("after")
	m := vault.NewMemory()
	m.FailCommit(2, false, before)
	m.FailCommit(3, true, after)
	for i, want := range []struct {
		err   error
		value string
	}{{nil, "0"}, {before, "0"}, {after, "2"}, {nil, "3"}} {
		err := m.Commit(ctx, put("a", string(rune('0'+i))))
		if err != want.err || get(t, m, "a") != want.value {
			t.Errorf("commit %d gives %v and leaves %q, want %v and %q", i+1, err, get(t, m, "a"), want.err, want.value)
		}
	}
}

// TestSealHides looks for the plaintext where it must not be, and finds it
// where it was never sealed.
func TestSealHides(t *testing.T) {
	ctx := context.Background()
	inner := vault.NewMemory()
	v := vault.Seal(inner, [32]byte{1})
	marker := "a marker of words"
	for _, w := range []vault.Vault{v, inner} {
		if err := w.Commit(ctx, put("a", marker)); err != nil {
			t.Fatal(err)
		}
		found, err := inner.Scan(ctx, "", "", 10)
		if err != nil || len(found) != 1 {
			t.Fatalf("%d records (%v)", len(found), err)
		}
		if sealed := w == v; bytes.Contains(found[0].Value, []byte(marker)) == sealed {
			t.Errorf("with sealing %v the stored value is %q", sealed, found[0].Value)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	ctx := context.Background()
	inner := vault.NewMemory()
	v := vault.Seal(inner, [32]byte{1})
	if err := v.Commit(ctx, []vault.Change{{Key: "a", Value: []byte("one")}, {Key: "b", Value: []byte("one")}}); err != nil {
		t.Fatal(err)
	}
	a, b := get(t, inner, "a"), get(t, inner, "b")
	if a == b {
		t.Error("two equal values are sealed alike")
	}
	for name, forged := range map[string]string{
		"another record's": b, "cut": a[:len(a)-1], "longer": a + "x", "only a nonce": a[:12], "nothing": "", "in plain": "one",
	} {
		if err := inner.Commit(ctx, put("a", forged)); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Get(ctx, "a"); !errors.Is(err, vault.ErrDamaged) || got != nil {
			t.Errorf("%s: get gives %q, %v", name, got, err)
		}
		if got, err := v.Scan(ctx, "", "", 9); !errors.Is(err, vault.ErrDamaged) || got != nil {
			t.Errorf("%s: scan gives %q, %v", name, got, err)
		}
	}
	if err := inner.Commit(ctx, put("a", a)); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Seal(inner, [32]byte{2}).Get(ctx, "a"); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("another key gives %v", err)
	}
	if got := get(t, v, "a"); got != "one" {
		t.Errorf("control: the sealed value put back is %q", got)
	}
}

// sealedOne is "one" as it was sealed once, under the name "a" and the key 1, 0,
// 0…: vaults on people's disks must open with every later build.
func sealedOne(t testing.TB) []byte {
	b, err := hex.DecodeString("a698a63b0689c2ad8a3f9dd7cd64e37dcabb5df52b4aafbb72820883e1fd10")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealKept(t *testing.T) {
	inner := vault.NewMemory()
	if err := inner.Commit(context.Background(), []vault.Change{{Key: "a", Value: sealedOne(t)}}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, vault.Seal(inner, [32]byte{1}), "a"); got != "one" {
		t.Errorf("what an earlier build sealed opens as %q", got)
	}
}

// FuzzSealedRecord puts any bytes where a sealed value stood: what opens is
// what was sealed. The genuine value is a constant, since fuzzing spreads over
// processes that would each seal another one.
func FuzzSealedRecord(f *testing.F) {
	ctx := context.Background()
	genuine := sealedOne(f)
	f.Add("a", genuine)
	f.Add("b", genuine)
	f.Add("a", genuine[:len(genuine)-1])
	f.Add("a", []byte{})
	f.Fuzz(func(t *testing.T, key string, stored []byte) {
		inner := vault.NewMemory()
		v := vault.Seal(inner, [32]byte{1})
		if err := inner.Commit(ctx, []vault.Change{{Key: key, Value: append([]byte{}, stored...)}}); err != nil {
			return // a record without a name
		}
		value, err := v.Get(ctx, key)
		if opens := key == "a" && bytes.Equal(stored, genuine); opens != (err == nil) {
			t.Fatalf("%x under %q opens as %q (%v)", stored, key, value, err)
		}
	})
}
