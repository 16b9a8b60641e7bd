// SPDX-License-Identifier: AGPL-3.0-or-later

package filevault

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/vaulttest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir, os.Getenv(childVariable+"_TASK"))
	}
	os.Exit(m.Run())
}

func mustOpen(t *testing.T, dir string) vault.Vault {
	t.Helper()
	v, err := Open(dir)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func mustClose(t *testing.T, v vault.Vault) {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func mustCommit(t *testing.T, v vault.Vault, changes ...vault.Change) {
	t.Helper()
	if err := v.Commit(context.Background(), changes); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func TestFileVault(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) (vault.Vault, func() vault.Vault) {
		dir := t.TempDir()
		v := mustOpen(t, dir)
		return v, func() vault.Vault {
			mustClose(t, v)
			return mustOpen(t, dir)
		}
	})
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "a ?#%41&b=c folder")
	if Exists(dir) {
		t.Error("a vault exists before it is made")
	}
	v := mustOpen(t, dir)
	mustCommit(t, v, vault.Change{Key: "a", Value: []byte("1")})
	if !Exists(dir) {
		t.Error("no vault exists after it was made")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		names[entry.Name()] = true
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	if !names["lock"] || !names["key"] || !names["vault.db"] || !names["vault.db-wal"] {
		t.Errorf("the folder holds %v", names)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v (%v)", info.Mode(), err)
	}
}

func TestSettings(t *testing.T) {
	f := raw(t, t.TempDir())
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "user_version": strconv.Itoa(vault.Form), "trusted_schema": "0",
	} {
		var got string
		if err := f.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", pragma, got, err, want)
		}
	}
}

// raw opens the file of a vault without the folder's lock and key.
func raw(t *testing.T, dir string) *file {
	t.Helper()
	f, err := openFile(filepath.Join(dir, "vault.db"), [32]byte{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { f.db.Close() })
	return f
}

func TestSecondOpenerIsBusy(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, dir)
	if _, err := Open(dir); !errors.Is(err, vault.ErrBusy) {
		t.Errorf("opened again in this process: %v", err)
	}
	if got := runChild(t, dir, "open"); got != vault.ErrBusy.Error() {
		t.Errorf("opened again in another process: %q", got)
	}
	mustClose(t, v)
	if got := runChild(t, dir, "open"); got != "open" {
		t.Errorf("opened after Close in another process: %q", got)
	}
	mustOpen(t, dir)
}

// change opens the vault's database as a stranger would and runs statements.
func change(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "vault.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	write := func(name string, b []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tc := range map[string]struct {
		harm func(t *testing.T, dir string)
		want error
	}{
		"nothing, as a control": {func(*testing.T, string) {}, nil},
		"a later form":          {func(t *testing.T, dir string) { change(t, dir, fmt.Sprint("PRAGMA user_version = ", vault.Form+1)) }, vault.ErrVersion},
		"an earlier form":       {func(t *testing.T, dir string) { change(t, dir, fmt.Sprint("PRAGMA user_version = ", vault.Form-1)) }, vault.ErrVersion},
		"another application":   {func(t *testing.T, dir string) { change(t, dir, "PRAGMA application_id = 7") }, vault.ErrDamaged},
		"a stranger's tables": {func(t *testing.T, dir string) {
			change(t, dir, "PRAGMA user_version = 0", "PRAGMA application_id = 0")
		}, vault.ErrDamaged},
		"no database":  {write("vault.db", bytes.Repeat([]byte("not a database. "), 1000)), vault.ErrDamaged},
		"another key":  {write("key", make([]byte, 32)), vault.ErrDamaged},
		"a cut key":    {write("key", make([]byte, 31)), vault.ErrDamaged},
		"an empty key": {write("key", nil), vault.ErrDamaged},
		"no key": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "key")); err != nil {
				t.Fatal(err)
			}
		}, vault.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			v := mustOpen(t, dir)
			mustCommit(t, v, vault.Change{Key: "a", Value: []byte("1")})
			mustClose(t, v)
			tc.harm(t, dir)
			for range 2 { // the first refusal must leave it as it was
				v, err := Open(dir)
				if !errors.Is(err, tc.want) || (v == nil) != (tc.want != nil) {
					t.Fatalf("open gives %v, want %v", err, tc.want)
				}
				if v != nil {
					mustClose(t, v)
				}
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "lock\x00")); err == nil {
		t.Error("a folder that cannot be made is opened")
	}
}

// TestUnfinishedStart is what a crash leaves between the files' creation.
func TestUnfinishedStart(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, dir)
	mustClose(t, v)
	for _, name := range []string{"vault.db", "key.new"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustCommit(t, mustOpen(t, dir), vault.Change{Key: "a", Value: []byte("1")})
}

// TestFull lets SQLite run into its own limit of pages: the same code path and
// error as a disk without room.
func TestFull(t *testing.T) {
	ctx := context.Background()
	f := raw(t, t.TempDir())
	mustCommit(t, f, vault.Change{Key: "a", Value: []byte("before")})
	if _, err := f.db.Exec("PRAGMA max_page_count = 20"); err != nil {
		t.Fatal(err)
	}
	err := f.Commit(ctx, []vault.Change{{Key: "a", Value: []byte("after")}, {Key: "b", Value: make([]byte, 1<<20)}})
	if !errors.Is(err, vault.ErrFull) {
		t.Errorf("commit gives %v, want %v", err, vault.ErrFull)
	}
	if got, err := f.Get(ctx, "a"); err != nil || string(got) != "before" {
		t.Errorf("a holds %q (%v) after the refused commit", got, err)
	}
	mustCommit(t, f, vault.Change{Key: "a", Value: []byte("small")})
}

// files returns the bytes of all files of the vault.
func files(t *testing.T, dir string) []byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "vault.db*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// TestDeletionIsReal searches the files for a value before and after it was
// replaced or deleted; finding it before is the control.
func TestDeletionIsReal(t *testing.T) {
	for _, large := range []bool{false, true} {
		dir := t.TempDir()
		f := raw(t, dir)
		one, two := []byte("marker one, to be deleted "), []byte("marker two, to be replaced")
		if large {
			one, two = append(one, make([]byte, 50_000)...), append(two, make([]byte, 50_000)...)
		}
		mustCommit(t, f, vault.Change{Key: "a", Value: one}, vault.Change{Key: "b", Value: two})
		for _, marker := range []string{"marker one", "marker two"} {
			if !bytes.Contains(files(t, dir), []byte(marker)) {
				t.Fatalf("control: %q is not in the files while it is held", marker)
			}
		}
		mustCommit(t, f, vault.Change{Key: "a"}, vault.Change{Key: "b", Value: []byte("2")})
		for range checkpointEvery {
			mustCommit(t, f, vault.Change{Key: "c", Value: []byte("3")})
		}
		for _, marker := range []string{"marker one", "marker two"} {
			if bytes.Contains(files(t, dir), []byte(marker)) {
				t.Errorf("large %v: %q is in the files after it was removed", large, marker)
			}
		}
	}
}

func TestValuesAreSealedOnDisk(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, dir)
	marker := strings.Repeat("words of a message ", 3)
	mustCommit(t, v, vault.Change{Key: "name of a record", Value: []byte(marker)})
	on := files(t, dir)
	if bytes.Contains(on, []byte("words of a message")) {
		t.Error("a value stands in the files unsealed")
	}
	if !bytes.Contains(on, []byte("name of a record")) {
		t.Error("control: the record's name, which is not sealed, is not found")
	}
}
