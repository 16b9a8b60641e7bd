// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"clarion.chat/clarion/wire"
)

// TestDiskFull fills the store of this process up to a limit of SQLite's own,
// whose error is that of a full disk: each append is stored or refused with
// disk_full, and with room again it goes on.
func TestDiskFull(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	c := newChat(t, s, 30)
	if err := s.outside(execute(`PRAGMA max_page_count = 100`)); err != nil {
		t.Fatal(err)
	}
	const calls = 300
	type answer struct {
		seq wire.Seq
		err error
	}
	answers := make(chan answer, calls)
	for range calls { // many at once, so that one batch holds both kinds
		s.Append(c.message(make([]byte, 4096)), func(seq wire.Seq, err error) { answers <- answer{seq, err} })
	}
	stored := 0
	for range calls {
		a := <-answers
		if a.err == nil {
			stored++
			continue
		}
		wantCode(t, a.err, wire.CodeDiskFull)
	}
	if stored == 0 || stored == calls {
		t.Fatalf("%d of %d were stored", stored, calls)
	}
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != stored || e.Head != wire.Seq(stored) {
		t.Fatalf("%d were acknowledged, %d are there, head %d", stored, len(e.Envelopes), e.Head)
	}
	if err := s.outside(execute(`PRAGMA max_page_count = 100000`)); err != nil {
		t.Fatal(err)
	}
	if seq := must(t, s, c.message(body("room again"))); seq != wire.Seq(stored+1) {
		t.Fatal(seq)
	}
}

// TestDiskFullForTheProcess does the same in a process whose files may not
// grow past 2 MiB, so that the write-ahead log itself meets the limit.
func TestDiskFullForTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	child := inProcess("fill:" + dir)
	// The shell sets the limit and ignores the signal that goes with it.
	child.Args = []string{"sh", "-c", `trap '' XFSZ; ulimit -f 4096; exec "$0"`, os.Args[0]}
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	child.Path = path
	if out, err := child.Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, _ := open(t, Options{Dir: dir})
	c := newChat(t, s, 30)
	must(t, s, c.message(body("room again")))
}
