// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"clarion.chat/clarion/wire"
)

// abandoned copies the files of a running server, as a crash would leave them:
// the newest changes stand in the log alone.
func abandoned(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{fileName, fileName + "-wal"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(from, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestReplace: data of another host, crashed, are refused without a word of
// the operator, and with it kept whole, the newest changes included.
func TestReplace(t *testing.T) {
	ours := filepath.Join(t.TempDir(), "ours")
	s, stop := open(t, Options{Dir: ours, Host: "one.example"})
	c := newChat(t, s, 30)
	must(t, s, c.message(body("of one")))
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := Backup(ours, file); err != nil {
		t.Fatal(err)
	}
	stop()

	s, _ = open(t, Options{Dir: t.TempDir(), Host: "two.example"})
	theirs := newChat(t, s, 30)
	must(t, s, theirs.message(body("of two")))
	dir := abandoned(t, s.o.Dir)
	if st, err := os.Stat(filepath.Join(dir, fileName+"-wal")); err != nil || st.Size() == 0 {
		t.Fatalf("control: nothing stands in the log: %v", err)
	}
	if _, err := Restore(dir, file); !errors.Is(err, ErrForeign) {
		t.Fatalf("without a word: %v", err)
	}
	r, err := Replace(dir, file)
	if err != nil || r.Kept != filepath.Join(dir, keptName) {
		t.Fatalf("%+v %v", r, err)
	}
	s, stop = open(t, Options{Dir: dir, Host: "one.example"})
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 1 {
		t.Errorf("the backup is not there: %+v", e)
	}
	stop()

	// What was kept is a whole database, with what stood in the log.
	again := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		err := copyFile(filepath.Join(again, fileName+suffix), r.Kept+suffix)
		if err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			t.Fatal(err)
		}
	}
	s, _ = open(t, Options{Dir: again, Host: "two.example"})
	if e := readAll(t, s, theirs.id, theirs.pass); len(e.Envelopes) != 1 {
		t.Errorf("what was replaced is not whole: %+v", e)
	}

	// A second time something is kept already.
	if _, err := Replace(dir, file); err != nil {
		t.Errorf("over data of the same host: %v", err)
	}
	if err := copyFile(filepath.Join(dir, "x"), filepath.Join(again, fileName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "x"), filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Replace(dir, file); !errors.Is(err, ErrExists) {
		t.Errorf("over what was kept: %v", err)
	}
}

// TestReplaceAnotherVersion: data of another version are asked about too.
func TestReplaceAnotherVersion(t *testing.T) {
	file, dir := filepath.Join(t.TempDir(), "backup.db"), t.TempDir()
	s, stop := open(t, Options{Dir: dir})
	if err := Backup(dir, file); err != nil {
		t.Fatal(err)
	}
	if err := s.outside(execute(`UPDATE meta SET schema_version = 99`)); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := Restore(dir, file); !errors.Is(err, ErrForeign) {
		t.Fatalf("%v", err)
	}
	r, err := Replace(dir, file)
	if err != nil || r.Kept == "" {
		t.Fatalf("%+v %v", r, err)
	}
	if _, _, err := openBeside(dir, r.Kept); !errors.Is(err, ErrVersion) {
		t.Errorf("what was kept is something else: %v", err)
	}
	open(t, Options{Dir: dir})
}

// TestReplaceInterrupted: a crash before the new data took their place leaves a
// second name of the old; the next start forgets it, and keeps what is another
// file.
func TestReplaceInterrupted(t *testing.T) {
	dir := t.TempDir()
	s, stop := open(t, Options{Dir: dir})
	c := newChat(t, s, 30)
	must(t, s, c.message(body("still here")))
	stop()
	kept, err := keepAside(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	s, stop = open(t, Options{Dir: dir})
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 1 || e.Head != wire.Seq(1) {
		t.Errorf("%+v", e)
	}
	if _, err := os.Stat(kept); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the second name is still there: %v", err)
	}
	stop()
	if err := os.WriteFile(kept, []byte("another file"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("what was kept is gone: %v", err)
	}
}
