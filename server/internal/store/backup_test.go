// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"clarion.chat/clarion/wire"
)

// TestBackup makes a backup while appends go on, and looks at what it holds:
// all that was acknowledged before it began, and no half operation.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "backup.db")
	data := filepath.Join(dir, "data")
	s, stop := open(t, Options{Dir: data})
	registered(t, s, "ada")
	c := newChat(t, s, 30)
	marker := c.message(body("marker-before-the-backup"))
	must(t, s, marker)
	going, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for going.Err() == nil {
			must(t, s, c.message(body("meanwhile")))
		}
	})
	err := Backup(data, file)
	end()
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := Backup(data, file); !errors.Is(err, ErrExists) {
		t.Fatalf("a second backup to the same file: %v", err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st.Mode(), err)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Contains(b, []byte("marker-before-the-backup")) {
		t.Fatal("the backup lacks what was acknowledged before", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".clarion-backup*"))
	if err != nil || len(left) != 0 {
		t.Fatal(left, err)
	}
	was := s.Meta()
	if _, err := Restore(data, file); !errors.Is(err, ErrBusy) {
		t.Fatalf("a restore under a running server: %v", err)
	}
	must(t, s, c.message(body("lost by the restore")))
	stop()

	done, err := Restore(data, file)
	if err != nil || done.KeyPackages != 2 || done.Host != testHost || done.Mailboxes != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	s, _ = open(t, Options{Dir: data})
	now := s.Meta()
	if now.Incarnation == was.Incarnation {
		t.Error("the incarnation is the old one")
	}
	if now.Host != was.Host || !now.ServerKey.Equal(was.ServerKey) {
		t.Error("host or server key changed")
	}
	e := readAll(t, s, c.id, c.pass)
	if len(e.Envelopes) == 0 || e.Envelopes[0].ID != marker.ID || e.Head != wire.Seq(len(e.Envelopes)) {
		t.Errorf("%+v", e)
	}
	if bytes.Contains(files(t, data), []byte("lost by the restore")) {
		t.Error("the database from before the restore is still there")
	}
	if _, err := s.TakeKeyPackages("ada"); wire.CodeOf(err) != wire.CodeNoKeyPackage {
		t.Errorf("key packages survived the restore: %v", err)
	}
	must(t, s, newChat(t, s, 30).message(body("on it goes")))
}

// TestRestoreClosesMailboxes: what was a mailbox before the restore only reads,
// so that its head stays where it is; its inboxes and new mailboxes go on.
func TestRestoreClosesMailboxes(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "backup.db"), filepath.Join(dir, "data")
	s, stop := open(t, Options{Dir: data})
	ada := registered(t, s, "ada")
	old := newChat(t, s, 30)
	first := old.message(body("one"))
	must(t, s, first)
	next := random32[wire.Pass]()
	commit := old.commit(next)
	must(t, s, commit)
	now := &chat{id: old.id, pass: next, epoch: 1}
	third := now.message(body("three"))
	must(t, s, third)
	if g, err := s.Grant(context.Background(), old.id, next); err != nil || g.Closed {
		t.Fatalf("closed before the restore: %+v %v", g, err)
	}
	if err := Backup(data, file); err != nil {
		t.Fatal(err)
	}
	stop()
	if done, err := Restore(data, file); err != nil || done.Mailboxes != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	s, stop = open(t, Options{Dir: data})
	wrong := now.message(body("x"))
	wrong.Pass = random32[wire.Pass]()
	stale := now.message(body("x"))
	stale.Epoch = 7
	reused := *third
	reused.Body = body("another")
	for range 2 { // from the table, then from the writer's memory
		for _, a := range []*wire.Append{now.message(body("x")), now.commit(random32[wire.Pass]()), old.message(body("x")), stale} {
			_, err := appendNow(s, a)
			wantCode(t, err, wire.CodeMailboxClosed)
		}
		_, err := appendNow(s, wrong)
		wantCode(t, err, wire.CodeWrongPass)
		_, err = appendNow(s, &reused)
		wantCode(t, err, wire.CodeIDReused)
		for i, a := range []*wire.Append{first, commit, third} {
			if seq, err := appendNow(s, a); err != nil || seq != wire.Seq(i+1) {
				t.Fatalf("the repeat of %d is answered with %d, %v", i+1, seq, err)
			}
		}
	}
	closedStillReads(t, s, old, now)
	answer := make(chan error, 1)
	s.Introduce(&wire.Introduce{Inbox: ada.Inbox, ID: random16(), Body: body("hello")}, func(_ wire.Seq, err error) { answer <- err })
	if err := <-answer; err != nil {
		t.Fatalf("the inbox is closed: %v", err)
	}
	must(t, s, newChat(t, s, 30).message(body("on it goes")))
	stop()
	if done, err := Restore(data, file); err != nil || done.Mailboxes != 1 {
		t.Fatalf("%+v %v", done, err)
	}
}

// closedStillReads reads a closed mailbox of three envelopes, the second of
// which is a commit, with the passes of both epochs.
func closedStillReads(t *testing.T, s *Store, old, now *chat) {
	t.Helper()
	if e := readAll(t, s, old.id, now.pass); e.Head != 3 || len(e.Envelopes) != 3 || !e.Current || e.Epoch != 1 {
		t.Fatalf("%+v", e)
	}
	if e := readAll(t, s, old.id, old.pass); e.Head != 2 || len(e.Envelopes) != 2 || e.Current {
		t.Fatalf("%+v", e)
	}
	g, err := s.Grant(context.Background(), old.id, now.pass)
	if err != nil || !g.Closed || !g.Current || g.Last != 3 {
		t.Fatalf("%+v %v", g, err)
	}
}

// TestLeftoversGo: what a crash left of a restore or of a look for room is gone
// after the next start.
func TestLeftoversGo(t *testing.T) {
	dir := t.TempDir()
	left := []string{restoreName, restoreName + "-wal", restoreName + "-shm", ".room-123"}
	for _, name := range append(left, "kept") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, Options{Dir: dir})
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "kept")); err != nil {
		t.Error(err)
	}
}

func TestRestoreKeepsDeletedAccountsDeleted(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "backup.db"), filepath.Join(dir, "data")
	s, stop := open(t, Options{Dir: data})
	ada := registered(t, s, "ada")
	registered(t, s, "omar")
	if err := Backup(data, file); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteEverything("ada"); err != nil {
		t.Fatal(err)
	}
	stop()
	done, err := Restore(data, file)
	if err != nil || done.Accounts != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	s, stop = open(t, Options{Dir: data})
	_, err = s.Chain(context.Background(), "ada")
	wantCode(t, err, wire.CodeNoAccount)
	wantCode(t, s.Register(newAccount("ada")), wire.CodeNameDeleted)
	if bytes.Contains(files(t, data), ada.Inbox[:]) {
		t.Error("her inbox came back")
	}
	if _, err := s.Chain(context.Background(), "omar"); err != nil {
		t.Error(err)
	}
	stop()
	// Into an empty folder the account comes back: nothing there knows better.
	elsewhere := filepath.Join(dir, "elsewhere")
	if done, err := Restore(elsewhere, file); err != nil || done.Accounts != 0 {
		t.Fatalf("%+v %v", done, err)
	}
	s, _ = open(t, Options{Dir: elsewhere})
	if _, err := s.Chain(context.Background(), "ada"); err != nil {
		t.Error(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "backup.db"), filepath.Join(dir, "data")
	s, stop := open(t, Options{Dir: data})
	c := newChat(t, s, 30)
	for range 200 {
		must(t, s, c.message(make([]byte, 4096)))
	}
	if err := Backup(data, file); err != nil {
		t.Fatal(err)
	}
	must(t, s, c.message(body("newest")))
	was := s.Meta().Incarnation
	stop()
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) string {
		t.Helper()
		f := filepath.Join(dir, "bad.db")
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	damaged := bytes.Clone(good)
	for i := 12 * 8192; i < 30*8192; i++ {
		damaged[i] ^= 0x5a
	}
	for _, bad := range []struct {
		file string
		want error
	}{
		{write([]byte("this is no database at all, but it is long enough to look at")), ErrNotBackup},
		{filepath.Join(dir, "missing.db"), os.ErrNotExist},
	} {
		if _, err := Restore(data, bad.file); !errors.Is(err, bad.want) {
			t.Errorf("%v, want %v", err, bad.want)
		}
	}
	if _, err := Restore(data, write(nil)); !errors.Is(err, ErrNotBackup) {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := Restore(data, write(damaged)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged backup: %v", err)
	}
	if _, err := Restore(data, write(good[:len(good)/2])); !errors.Is(err, ErrDamaged) {
		t.Errorf("half a backup: %v", err)
	}
	s, _ = open(t, Options{Dir: data})
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 201 || s.Meta().Incarnation != was {
		t.Error("a refused restore changed the data")
	}
	left, err := filepath.Glob(filepath.Join(data, ".restore*"))
	if err != nil || len(left) != 0 {
		t.Error(left, err)
	}
}

func TestDataOfAnotherVersion(t *testing.T) {
	dir := t.TempDir()
	s, stop := open(t, Options{Dir: dir})
	if err := s.outside(execute(`UPDATE meta SET schema_version = 99`)); err != nil {
		t.Fatal(err)
	}
	stop()
	for what, try := range map[string]func() error{
		"open":   func() error { _, err := Open(Options{Dir: dir, Host: testHost}); return err },
		"backup": func() error { return Backup(dir, filepath.Join(t.TempDir(), "b")) },
		"code":   func() error { _, _, err := NewCode(dir, 1, time.Now()); return err },
		"restore": func() error {
			_, err := Restore(t.TempDir(), filepath.Join(dir, fileName))
			return err
		},
	} {
		if err := try(); !errors.Is(err, ErrVersion) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, fileName), bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: other, Host: testHost}); !errors.Is(err, ErrVersion) {
		t.Errorf("another file: %v", err)
	}
}

func TestHostIsKept(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrHost) {
		t.Fatalf("without any host: %v", err)
	}
	_, stop := open(t, Options{Dir: dir, Host: "one.test"})
	stop()
	if _, err := Open(Options{Dir: dir, Host: "two.test"}); !errors.Is(err, ErrHost) {
		t.Fatal(err)
	}
	s, err := Open(Options{Dir: dir, NewHost: "localhost:1"})
	if err != nil || s.Meta().Host != "one.test" {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrBusy) {
		t.Fatalf("a second store on the folder: %v", err)
	}
}

func TestNoDataYet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if err := Backup(dir, filepath.Join(t.TempDir(), "b")); !errors.Is(err, ErrNoData) {
		t.Error(err)
	}
	if _, _, err := NewCode(dir, 1, time.Now()); !errors.Is(err, ErrNoData) {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("a refused command made the folder")
	}
}
