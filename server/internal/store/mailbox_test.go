// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"clarion.chat/clarion/wire"
)

func body(text string) []byte {
	b := make([]byte, wire.SizeClass(len(text)))
	copy(b, text)
	return b
}

func readAll(t testing.TB, s *Store, id wire.MailboxID, pass wire.Pass) *wire.Envelopes {
	t.Helper()
	e, err := s.Read(context.Background(), id, pass, 0, 10000, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRepeatedAppend(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	c := newChat(t, s, 30)
	first := c.message(body("one"))
	if seq := must(t, s, first); seq != 1 {
		t.Fatal(seq)
	}
	must(t, s, c.message(body("two")))
	if seq := must(t, s, first); seq != 1 {
		t.Fatalf("the repeat was answered with %d", seq)
	}
	other := *first
	other.Body = body("other")
	_, err := appendNow(s, &other)
	wantCode(t, err, wire.CodeIDReused)

	// The id is looked up before the epoch: a commit whose answer was lost is
	// answered again, although its pass is old by now.
	next := random32[wire.Pass]()
	commit := c.commit(next)
	if seq := must(t, s, commit); seq != 3 {
		t.Fatal(seq)
	}
	if seq := must(t, s, commit); seq != 3 {
		t.Fatalf("the repeated commit was answered with %d", seq)
	}
	if seq := must(t, s, first); seq != 1 {
		t.Fatalf("the repeat under an old pass was answered with %d", seq)
	}
	// What came after the commit cannot be probed with the old pass.
	later := (&chat{id: c.id, pass: next, epoch: 1}).message(body("later"))
	must(t, s, later)
	probe := *later
	probe.Pass, probe.Epoch = c.pass, 0
	_, err = appendNow(s, &probe)
	wantCode(t, err, wire.CodeStalePass)
	if e := readAll(t, s, c.id, next); len(e.Envelopes) != 4 {
		t.Fatalf("%d envelopes, want 4", len(e.Envelopes))
	}
}

func TestPassRules(t *testing.T) {
	s, stop := open(t, Options{Dir: t.TempDir()})
	c := newChat(t, s, 30)
	must(t, s, c.message(body("one")))
	next := random32[wire.Pass]()
	must(t, s, c.commit(next))
	now := &chat{id: c.id, pass: next, epoch: 1}
	must(t, s, now.message(body("three")))

	check := func(s *Store) {
		t.Helper()
		_, err := appendNow(s, c.message(body("x")))
		if r := wantCode(t, err, wire.CodeStalePass); r.Epoch != 1 || r.Seq != 3 {
			t.Fatalf("%+v", r)
		}
		wrong := now.message(body("x"))
		wrong.Epoch = 7
		_, err = appendNow(s, wrong)
		if r := wantCode(t, err, wire.CodeStaleEpoch); r.Epoch != 1 || r.Seq != 3 {
			t.Fatalf("%+v", r)
		}
		wrong = now.message(body("x"))
		wrong.Pass = random32[wire.Pass]()
		_, err = appendNow(s, wrong)
		wantCode(t, err, wire.CodeWrongPass)
		wrong = now.message(body("x"))
		wrong.Mailbox = random32[wire.MailboxID]()
		_, err = appendNow(s, wrong)
		wantCode(t, err, wire.CodeNoMailbox)

		old := readAll(t, s, c.id, c.pass)
		if len(old.Envelopes) != 2 || old.Head != 2 || old.Current || old.Epoch != 0 || old.First != 1 {
			t.Fatalf("an old pass reads up to its commit: %+v", old)
		}
		if e := readAll(t, s, c.id, next); len(e.Envelopes) != 3 || e.Head != 3 || !e.Current || e.Epoch != 1 {
			t.Fatalf("%+v", e)
		}
		_, err = s.Read(context.Background(), c.id, random32[wire.Pass](), 0, 1, 1)
		wantCode(t, err, wire.CodeWrongPass)
		_, err = s.Read(context.Background(), random32[wire.MailboxID](), c.pass, 0, 1, 1)
		wantCode(t, err, wire.CodeNoMailbox)
	}
	check(s)
	// The same from the table instead of the writer's memory.
	dir := s.o.Dir
	stop()
	s, _ = open(t, Options{Dir: dir})
	check(s)
}

func TestAppendRefusals(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir(), Keep: 10})
	err := s.CreateMailbox(&wire.CreateMailbox{Keep: 11})
	wantCode(t, err, wire.CodeKeepRange)
	wantCode(t, s.CreateMailbox(&wire.CreateMailbox{Keep: 0}), wire.CodeKeepRange)
	wantCode(t, s.CreateMailbox(&wire.CreateMailbox{Keep: 1, Epoch: 1 << 63}), wire.CodeMalformed)
	c := newChat(t, s, 10)
	wantCode(t, s.CreateMailbox(&wire.CreateMailbox{Mailbox: c.id, Keep: 10}), wire.CodeMailboxExists)
	if err := s.CreateMailbox(&wire.CreateMailbox{Mailbox: c.id, Pass: c.pass.Hash(), Keep: 10}); err != nil {
		t.Fatalf("making the same again: %v", err)
	}
	refused := func(code wire.Code, change func(*wire.Append)) {
		t.Helper()
		a := c.message(body("x"))
		change(a)
		_, err := appendNow(s, a)
		wantCode(t, err, code)
	}
	refused(wire.CodeNotPadded, func(a *wire.Append) { a.Body = nil })
	refused(wire.CodeNotPadded, func(a *wire.Append) { a.Body = make([]byte, 513) })
	refused(wire.CodeNotPadded, func(a *wire.Append) { a.Body = make([]byte, 2*wire.MaxBody) })
	refused(wire.CodeMalformed, func(a *wire.Append) { a.EnvelopeKind = wire.KindIntroduction })
	refused(wire.CodeMalformed, func(a *wire.Append) { a.EnvelopeKind = 0 })
	refused(wire.CodeMalformed, func(a *wire.Append) { a.EnvelopeKind = wire.KindCommit })
	refused(wire.CodeMalformed, func(a *wire.Append) { a.Next = wire.PassHash{1} })
	refused(wire.CodeMalformed, func(a *wire.Append) { a.Epoch = 1 << 63 })
	refused(wire.CodeKeepRange, func(a *wire.Append) { a.Keep = 5 })
	refused(wire.CodeKeepRange, func(a *wire.Append) { *a = *c.commit(wire.Pass{1}); a.Keep = 11 })
	refused(wire.CodeMalformed, func(a *wire.Append) { *a = *c.commit(c.pass) }) // a pass that is known already
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 0 || e.Head != 0 || e.First != 1 || !e.Current {
		t.Fatalf("a refused append left something: %+v", e)
	}
	if seq := must(t, s, c.message(body("fine"))); seq != 1 {
		t.Fatal(seq)
	}
}

// TestCommitRace lets 50 commits of one epoch race: exactly one wins, the
// others are told where the mailbox stands, and messages that race with them
// land in the epoch they name or nowhere.
func TestCommitRace(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	c := newChat(t, s, 30)
	const racers = 50
	var all sync.WaitGroup
	var mu sync.Mutex
	won := map[wire.Pass]wire.Seq{}
	begin := make(chan struct{})
	for range racers {
		pass := random32[wire.Pass]()
		all.Go(func() {
			<-begin
			seq, err := appendNow(s, c.commit(pass))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won[pass] = seq
			} else if r := wantCode(t, err, wire.CodeStalePass); r.Epoch != 1 {
				t.Errorf("%+v", r)
			}
		})
		all.Go(func() {
			<-begin
			if _, err := appendNow(s, c.message(body("m"))); err != nil && wire.CodeOf(err) != wire.CodeStalePass {
				t.Error(err)
			}
		})
	}
	close(begin)
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d commits won", len(won))
	}
	for pass, seq := range won {
		e := readAll(t, s, c.id, pass)
		last := e.Envelopes[len(e.Envelopes)-1]
		if !e.Current || e.Epoch != 1 || last.Seq != seq || last.EnvelopeKind != wire.KindCommit || e.Head != seq {
			t.Fatalf("%+v is not the end of %+v", last, e)
		}
	}
}

func TestKeepChangesWithACommit(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now})
	c := newChat(t, s, 2)
	must(t, s, c.message(body("two days")))
	next := random32[wire.Pass]()
	commit := c.commit(next)
	commit.Keep = 5
	must(t, s, commit) // arrives under the new keep
	must(t, s, (&chat{id: c.id, pass: next, epoch: 1}).message(body("five days")))
	for _, step := range []struct {
		after time.Duration
		left  int
	}{{47 * time.Hour, 3}, {3 * time.Hour, 2}, {69 * time.Hour, 2}, {3 * time.Hour, 0}} {
		clock.forward(step.after)
		if _, err := s.Purge(); err != nil {
			t.Fatal(err)
		}
		e := readAll(t, s, c.id, next)
		if len(e.Envelopes) != step.left || e.Head != 3 || e.First != wire.Seq(3-step.left+1) {
			t.Fatalf("%d envelopes are left, want %d: %+v", len(e.Envelopes), step.left, e)
		}
	}
	// The numbers go on where they stood.
	if seq := must(t, s, (&chat{id: c.id, pass: next, epoch: 1}).message(body("x"))); seq != 4 {
		t.Fatal(seq)
	}
}

func TestReadLimits(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	c := newChat(t, s, 30)
	for range 5 {
		must(t, s, c.message(make([]byte, 1024)))
	}
	read := func(after wire.Seq, limit, most int) *wire.Envelopes {
		t.Helper()
		e, err := s.Read(context.Background(), c.id, c.pass, after, limit, most)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := read(0, 3, 1<<20); len(e.Envelopes) != 3 || !e.More {
		t.Fatalf("%+v", e)
	}
	if e := read(2, 3, 1<<20); len(e.Envelopes) != 3 || e.More {
		t.Fatalf("%+v", e)
	}
	if e := read(0, 5, 2500); len(e.Envelopes) != 2 || !e.More {
		t.Fatalf("%+v", e)
	}
	if e := read(0, 5, 1); len(e.Envelopes) != 1 || !e.More {
		t.Fatalf("at least one must come: %+v", e)
	}
	if e := read(5, 5, 1<<20); len(e.Envelopes) != 0 || e.More {
		t.Fatalf("%+v", e)
	}
	if e := read(1<<63, 5, 1<<20); len(e.Envelopes) != 0 || e.Head != 5 {
		t.Fatalf("%+v", e)
	}
}

// TestCommittedInOrder checks that the hub is told of each envelope once and
// in order, the refused ones not at all.
func TestCommittedInOrder(t *testing.T) {
	var mu sync.Mutex
	var told []wire.Envelope
	s, stop := open(t, Options{Dir: t.TempDir(), Committed: func(all []Event) {
		mu.Lock()
		defer mu.Unlock()
		for i := range all {
			told = append(told, all[i].Envelope)
		}
	}})
	c := newChat(t, s, 30)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 50 {
				a := c.message(body("m"))
				if i%5 == 0 {
					a.Epoch = 9
				}
				if _, err := appendNow(s, a); (err != nil) != (i%5 == 0) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	e := readAll(t, s, c.id, c.pass)
	stop()
	if len(told) != 320 || len(e.Envelopes) != 320 {
		t.Fatalf("told %d, stored %d, want 320", len(told), len(e.Envelopes))
	}
	for i := range told {
		if told[i].Seq != wire.Seq(i+1) || told[i].ID != e.Envelopes[i].ID || !bytes.Equal(told[i].Body, e.Envelopes[i].Body) {
			t.Fatalf("told of %d at place %d", told[i].Seq, i+1)
		}
	}
}

// TestRowsDoNotTellTheirOrder checks that no table keeps the order of arrival.
func TestRowsDoNotTellTheirOrder(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	rows, err := s.reads.Query(`SELECT name, wr, strict FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	count := 0
	for rows.Next() {
		var name string
		var withoutRowid, strict bool
		if err := rows.Scan(&name, &withoutRowid, &strict); err != nil {
			t.Fatal(err)
		}
		count++
		if !withoutRowid || !strict {
			t.Errorf("table %s: WITHOUT ROWID %v, STRICT %v", name, withoutRowid, strict)
		}
	}
	if count < 12 || rows.Err() != nil {
		t.Fatalf("%d tables, %v", count, rows.Err())
	}
	// The control: the same question finds a table that is neither.
	if err := s.outside(execute(`CREATE TABLE control (a)`)); err != nil {
		t.Fatal(err)
	}
	var withoutRowid bool
	if err := s.reads.QueryRow(`SELECT wr FROM pragma_table_list WHERE name = 'control'`).Scan(&withoutRowid); err != nil || withoutRowid {
		t.Fatal(withoutRowid, err)
	}
}
