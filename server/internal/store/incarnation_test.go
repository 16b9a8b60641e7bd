// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"clarion.chat/clarion/wire"
)

// TestLineOfIncarnations: each restore adds the life of the backup to the line
// that stands in it; only the newest 64 are kept.
func TestLineOfIncarnations(t *testing.T) {
	dir := t.TempDir()
	lives := func() ([]wire.Incarnation, wire.Incarnation) {
		t.Helper()
		s, stop := open(t, Options{Dir: dir})
		defer stop()
		return s.Meta().Line, s.Meta().Incarnation
	}
	restore := func(file string) {
		t.Helper()
		if _, err := Restore(dir, file); err != nil {
			t.Fatal(err)
		}
	}
	line, first := lives()
	if len(line) != 0 {
		t.Fatalf("new data lived %x before", line)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := Backup(dir, old); err != nil {
		t.Fatal(err)
	}
	restore(old)
	line, second := lives()
	if !slices.Equal(line, []wire.Incarnation{first}) || second == first {
		t.Errorf("the line is %x", line)
	}
	newer := filepath.Join(t.TempDir(), "newer")
	if err := Backup(dir, newer); err != nil {
		t.Fatal(err)
	}
	restore(newer)
	if line, _ := lives(); !slices.Equal(line, []wire.Incarnation{first, second}) {
		t.Errorf("the line is %x", line)
	}
	restore(old)
	line, last := lives()
	if !slices.Equal(line, []wire.Incarnation{first}) {
		t.Errorf("the line of the older backup is %x", line)
	}

	s, stop := open(t, Options{Dir: dir})
	full := random(wire.MaxLine * 16)
	if err := s.outside(execute(`UPDATE meta SET line = $1`, full)); err != nil {
		t.Fatal(err)
	}
	stop()
	file := filepath.Join(t.TempDir(), "full")
	if err := Backup(dir, file); err != nil {
		t.Fatal(err)
	}
	restore(file)
	line, _ = lives()
	if len(line) != wire.MaxLine || line[0] != wire.Incarnation(full[16:32]) || line[wire.MaxLine-1] != last {
		t.Errorf("a full line became %d long, from %x to %x", len(line), line[0], line[len(line)-1])
	}
}

// age makes data of this version data of version 1.
func age(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", source(file, false))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`ALTER TABLE meta DROP COLUMN line`, `UPDATE meta SET schema_version = 1`} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpgrade: data and backups of version 1 are taken with all they hold, and
// look then as data that this version made.
func TestUpgrade(t *testing.T) {
	dir := t.TempDir()
	s, stop := open(t, Options{Dir: dir})
	before := s.Meta()
	stop()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := Backup(dir, backup); err != nil {
		t.Fatal(err)
	}
	age(t, filepath.Join(dir, fileName))
	if _, _, err := openBeside(dir, filepath.Join(dir, fileName)); !errors.Is(err, ErrVersion) {
		t.Fatalf("the data are not of version 1: %v", err)
	}
	s, stop = open(t, Options{Dir: dir})
	m := s.Meta()
	if m.Incarnation != before.Incarnation || m.Host != before.Host || !m.ServerKey.Equal(before.ServerKey) || len(m.Line) != 0 {
		t.Errorf("%+v became %+v", before, m)
	}
	var text string
	if err := s.reads.QueryRow(`SELECT sql FROM sqlite_schema WHERE name = 'meta'`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	stop()
	fresh, stopFresh := open(t, Options{Dir: t.TempDir()})
	var want string
	if err := fresh.reads.QueryRow(`SELECT sql FROM sqlite_schema WHERE name = 'meta'`).Scan(&want); err != nil || text != want {
		t.Errorf("the table is\n%s\nnot\n%s (%v)", text, want, err)
	}
	stopFresh()

	age(t, backup)
	other := t.TempDir()
	if _, err := Restore(other, backup); err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, Options{Dir: other})
	if line := s.Meta().Line; !slices.Equal(line, []wire.Incarnation{before.Incarnation}) {
		t.Errorf("restored from version 1, the line is %x", line)
	}
}
