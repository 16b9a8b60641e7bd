// SPDX-License-Identifier: AGPL-3.0-or-later

package vaulttest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"clarion.chat/clarion/client/vault"
	"pgregory.net/rapid"
)

// Run holds a kind of vault to the interface's promises. open returns a new,
// empty vault that is closed with the test, and a function that closes it
// and opens what it stored again; nil where nothing outlives Close.
func Run(t *testing.T, open func(t *testing.T) (v vault.Vault, reopen func() vault.Vault)) {
	for name, test := range map[string]func(t *testing.T, v vault.Vault){
		"records": records, "order": order, "last change holds": lastHolds, "refused commit": refused,
		"values are copies": copies, "ended context": ended, "closed": closed, "many goroutines": concurrent,
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := open(t)
			test(t, v)
		})
	}
	t.Run("like a map", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) { likeMap(rt, t, open) })
	})
}

func commit(t interface{ Fatalf(string, ...any) }, v vault.Vault, changes ...vault.Change) {
	if err := v.Commit(context.Background(), changes); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func put(key, value string) vault.Change { return vault.Change{Key: key, Value: []byte(value)} }

// want fails unless the record is there with the value.
func want(t *testing.T, v vault.Vault, key, value string) {
	t.Helper()
	if got, err := v.Get(context.Background(), key); err != nil || string(got) != value {
		t.Errorf("%q holds %q (%v), want %q", key, got, err, value)
	}
}

func wantGone(t *testing.T, v vault.Vault, key string) {
	t.Helper()
	if got, err := v.Get(context.Background(), key); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("%q holds %q (%v), want %v", key, got, err, vault.ErrNotFound)
	}
}

// keys returns what Scan finds, joined by spaces.
func keys(t *testing.T, v vault.Vault, prefix, after string, limit int) string {
	t.Helper()
	found, err := v.Scan(context.Background(), prefix, after, limit)
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	var names []string
	for _, r := range found {
		names = append(names, r.Key)
	}
	return strings.Join(names, " ")
}

func records(t *testing.T, v vault.Vault) {
	wantGone(t, v, "a")
	commit(t, v, put("a", "one"), put("b", "two"), vault.Change{Key: "e", Value: []byte{}})
	want(t, v, "a", "one")
	want(t, v, "b", "two")
	want(t, v, "e", "")
	commit(t, v, put("a", "other"), vault.Change{Key: "b"}, vault.Change{Key: "never there"})
	want(t, v, "a", "other")
	wantGone(t, v, "b")
	commit(t, v)
	if got := keys(t, v, "", "", 10); got != "a e" {
		t.Errorf("left are %q", got)
	}
	large := strings.Repeat("0123456789abcdef", 1<<16)
	commit(t, v, put("large", large))
	want(t, v, "large", large)
}

func order(t *testing.T, v vault.Vault) {
	commit(t, v, put("m/b", "2"), put("m/a", "1"), put("m", "0"), put("n", "4"), put("m/\xff", "3"), put("m/\x00", "z"), put("\xff\xff", "last"))
	for _, tc := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"", "", 10, "m m/\x00 m/a m/b m/\xff n \xff\xff"},
		{"m/", "", 10, "m/\x00 m/a m/b m/\xff"},
		{"m/", "", 2, "m/\x00 m/a"},
		{"m/", "m/a", 10, "m/b m/\xff"},
		{"m/", "m/a5", 10, "m/b m/\xff"},
		{"m/", "m/\xff", 10, ""},
		{"m/", "n", 10, ""},
		{"m/", "a", 10, "m/\x00 m/a m/b m/\xff"},
		{"m/a", "m/a", 10, ""},
		{"\xff", "", 10, "\xff\xff"},
		{"\xff\xff", "\xff", 10, "\xff\xff"},
		{"x", "", 10, ""},
		{"", "", 0, ""},
		{"", "", -1, ""},
	} {
		if got := keys(t, v, tc.prefix, tc.after, tc.limit); got != tc.want {
			t.Errorf("prefix %q after %q, %d: %q, want %q", tc.prefix, tc.after, tc.limit, got, tc.want)
		}
	}
}

func lastHolds(t *testing.T, v vault.Vault) {
	commit(t, v, put("a", "1"), put("a", "2"), vault.Change{Key: "b"}, put("b", "3"), put("c", "4"), vault.Change{Key: "c"})
	want(t, v, "a", "2")
	want(t, v, "b", "3")
	wantGone(t, v, "c")
}

func refused(t *testing.T, v vault.Vault) {
	commit(t, v, put("a", "before"))
	err := v.Commit(context.Background(), []vault.Change{put("a", "after"), put("", "nameless")})
	if !errors.Is(err, vault.ErrNoKey) {
		t.Errorf("a change without a key gives %v", err)
	}
	want(t, v, "a", "before")
}

func copies(t *testing.T, v vault.Vault) {
	value := []byte("kept")
	commit(t, v, vault.Change{Key: "a", Value: value})
	copy(value, "lost")
	want(t, v, "a", "kept")
	got, err := v.Get(context.Background(), "a")
	if err != nil {
		t.Fatal(err)
	}
	copy(got, "lost")
	found, err := v.Scan(context.Background(), "", "", 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d records (%v)", len(found), err)
	}
	copy(found[0].Value, "lost")
	want(t, v, "a", "kept")
}

func ended(t *testing.T, v vault.Vault) {
	commit(t, v, put("a", "before"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	if _, err := v.Scan(ctx, "", "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("scan: %v", err)
	}
	if err := v.Commit(ctx, []vault.Change{put("a", "after")}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	want(t, v, "a", "before")
}

func closed(t *testing.T, v vault.Vault) {
	commit(t, v, put("a", "1"))
	for range 2 {
		if err := v.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := v.Get(context.Background(), "a"); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("get: %v", err)
	}
	if _, err := v.Scan(context.Background(), "", "", 1); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("scan: %v", err)
	}
	if err := v.Commit(context.Background(), []vault.Change{put("a", "2")}); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("commit: %v", err)
	}
}

// concurrent has writers that keep two records equal and readers that look
// at both in one scan, which must never see them differ.
func concurrent(t *testing.T, v vault.Vault) {
	commit(t, v, put("pair/1", "start"), put("pair/2", "start"))
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 8 {
				value := string(rune('a'+w)) + string(rune('a'+i))
				if err := v.Commit(context.Background(), []vault.Change{put("pair/1", value), put("pair/2", value)}); err != nil {
					t.Errorf("commit: %v", err)
				}
			}
		})
		all.Go(func() {
			for range 16 {
				found, err := v.Scan(context.Background(), "pair/", "", 10)
				if err != nil || len(found) != 2 || !bytes.Equal(found[0].Value, found[1].Value) {
					t.Errorf("half a commit: %q (%v)", found, err)
				}
			}
		})
	}
	all.Wait()
}

// likeMap makes drawn commits and compares with a map after each, and once
// more after opening again.
func likeMap(rt *rapid.T, t *testing.T, open func(t *testing.T) (vault.Vault, func() vault.Vault)) {
	v, reopen := open(t)
	model := map[string]string{}
	name := rapid.StringOfN(rapid.RuneFrom([]rune("ab/\x00ÿ")), 1, 4, -1)
	for range rapid.IntRange(1, 5).Draw(rt, "commits") {
		var changes []vault.Change
		for range rapid.IntRange(0, 5).Draw(rt, "changes") {
			change := vault.Change{Key: name.Draw(rt, "key")}
			delete(model, change.Key)
			if rapid.IntRange(0, 3).Draw(rt, "deletes") > 0 {
				change.Value = append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(rt, "value")...)
				model[change.Key] = string(change.Value)
			}
			changes = append(changes, change)
		}
		commit(rt, v, changes...)
		same(rt, v, model, "", "")
		same(rt, v, model, name.Draw(rt, "prefix"), name.Draw(rt, "after"))
	}
	if reopen != nil {
		v = reopen()
		same(rt, v, model, "", "")
	}
	if err := v.Close(); err != nil {
		rt.Fatalf("close: %v", err)
	}
}

// same compares a walk through a prefix, two records at a time, with a map.
func same(rt *rapid.T, v vault.Vault, model map[string]string, prefix, after string) {
	rest := slices.Sorted(maps.Keys(model))
	rest = slices.DeleteFunc(rest, func(key string) bool { return key <= after || !strings.HasPrefix(key, prefix) })
	for {
		found, err := v.Scan(context.Background(), prefix, after, 2)
		if err != nil {
			rt.Fatalf("scan: %v", err)
		}
		if len(found) != min(2, len(rest)) {
			rt.Fatalf("%d records after %q under %q, want the first of %q", len(found), after, prefix, rest)
		}
		if len(found) == 0 {
			return
		}
		for i, r := range found {
			if r.Key != rest[i] || string(r.Value) != model[r.Key] {
				rt.Fatalf("found %q, want %q with %q", r, rest[i], model[rest[i]])
			}
		}
		after, rest = found[len(found)-1].Key, rest[len(found):]
	}
}
