// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/wire"
)

// TestPurgeIsReal plants a marker in an envelope and looks for its bytes in
// every file of the folder, before (the control) and after its time.
func TestPurgeIsReal(t *testing.T) {
	dir, clock := t.TempDir(), new(clock)
	s, _ := open(t, Options{Dir: dir, Clock: clock.now})
	c := newChat(t, s, 2)
	small, large := "marker-in-a-small-body", "marker-in-a-large-body"
	must(t, s, c.message(body(small)))
	spread := make([]byte, 64<<10) // several pages of its own
	for i := 0; i+len(large) < len(spread); i += 3000 {
		copy(spread[i:], large)
	}
	must(t, s, c.message(spread))
	for _, after := range []time.Duration{0, 47 * time.Hour} {
		clock.forward(after)
		if _, err := s.Purge(); err != nil {
			t.Fatal(err)
		}
		for _, marker := range []string{small, large} {
			if !bytes.Contains(files(t, dir), []byte(marker)) {
				t.Fatalf("%s is not there before its time, so the search proves nothing", marker)
			}
		}
	}
	clock.forward(3 * time.Hour)
	all, err := s.Purge()
	if err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{small, large} {
		if bytes.Contains(files(t, dir), []byte(marker)) {
			t.Errorf("%s is still in the data folder", marker)
		}
	}
	for _, p := range all {
		if p.Table == "envelope" && (p.Removed != 2 || p.Policy != "keep" || p.OldestHour != 0) {
			t.Errorf("%+v", p)
		}
	}
	var removed int
	err = s.reads.QueryRow(`SELECT removed FROM purge_run WHERE table_name = 'envelope' AND hour = $1`, s.hour()).Scan(&removed)
	if err != nil || removed != 2 {
		t.Errorf("the record says %d, %v", removed, err)
	}
}

// TestPurgeFollowsTheAnnotations puts a row past its limit and one before it
// into every table that names a limit.
func TestPurgeFollowsTheAnnotations(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now})
	_, limits, err := Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if len(limits) < 7 {
		t.Fatalf("%d tables are purged", len(limits))
	}
	a := registered(t, s, "ada")
	c := newChat(t, s, 1)
	must(t, s, c.message(body("x")))
	must(t, s, c.commit(random32[wire.Pass]()))
	h := s.hour()
	for _, q := range []string{
		`INSERT INTO registration_invite (code_hash, expires_hour, forget_hour, used) VALUES (x'01', $1, $1, 0)`,
		`INSERT INTO inbox_invite (inbox, token_hash, expires_hour, forget_hour, used) VALUES ($2, x'01', $1, $1, 0)`,
		`INSERT INTO purge_run (hour, table_name, policy, oldest_hour, removed, forget_hour) VALUES (1, 'x', 'x', 0, 0, $1)`,
	} {
		args := []any{h + 1}
		if bytes.Contains([]byte(q), []byte("$2")) {
			args = append(args, a.Inbox[:])
		}
		if err := s.outside(execute(q, args...)); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(l inventory.Purge) (n int) {
		t.Helper()
		if err := s.reads.QueryRow(`SELECT count(*) FROM `+l.Table+` WHERE `+l.Column+` < $1`, never).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, l := range limits {
		if rows(l) == 0 {
			t.Errorf("%s has no row to purge, so the test proves nothing", l.Table)
		}
	}
	if _, err := s.Purge(); err != nil {
		t.Fatal(err)
	}
	for _, l := range limits {
		if rows(l) == 0 {
			t.Errorf("%s was purged before its time", l.Table)
		}
	}
	clock.forward(200 * 24 * time.Hour)
	if _, err := s.Purge(); err != nil {
		t.Fatal(err)
	}
	for _, l := range limits {
		if n := rows(l); n != 0 && l.Table != "purge_run" {
			t.Errorf("%s still has %d rows past their limit", l.Table, n)
		}
	}
	// The account and its inbox have no limit but the account itself.
	if _, err := s.Holdings(context.Background(), "ada"); err != nil {
		t.Error(err)
	}
	if _, err := appendNow(s, c.message(body("x"))); wire.CodeOf(err) != wire.CodeNoMailbox {
		t.Errorf("the mailbox is not gone from the writer's memory: %v", err)
	}
}

func TestMailboxInUseStays(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now})
	c := newChat(t, s, 30)
	for range 5 {
		clock.forward(25 * 24 * time.Hour)
		readAll(t, s, c.id, c.pass) // use, though nobody writes
		if _, err := s.Purge(); err != nil {
			t.Fatal(err)
		}
	}
	must(t, s, c.message(body("still here")))
	clock.forward(33 * 24 * time.Hour)
	if _, err := s.Purge(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Read(context.Background(), c.id, c.pass, 0, 1, 1)
	wantCode(t, err, wire.CodeNoMailbox)
}

func TestRetentionCaps(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now, Retention: 2})
	c := newChat(t, s, 30)
	must(t, s, c.message(body("x")))
	for _, left := range []int{1, 0} {
		clock.forward(90 * time.Minute)
		if _, err := s.Purge(); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			clock.forward(time.Hour)
			if _, err := s.Purge(); err != nil {
				t.Fatal(err)
			}
		}
		if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != left {
			t.Fatalf("%d envelopes, want %d", len(e.Envelopes), left)
		}
	}
}

// frozen is a clock that stands still until a test moves it.
type frozen struct{ at atomic.Int64 }

func newFrozen() *frozen {
	f := new(frozen)
	f.at.Store(time.Date(2026, 11, 22, 5, 38, 0, 0, time.UTC).UnixNano())
	return f
}

func (f *frozen) now() time.Time { return time.Unix(0, f.at.Load()) }

func (f *frozen) forward(d time.Duration) { f.at.Add(int64(d)) }

// TestBriefRetention: below one hour an envelope stays exactly as long as the
// retention says, and the tables hold no time finer than the hour.
func TestBriefRetention(t *testing.T) {
	dir, clock := t.TempDir(), newFrozen()
	s, stop := open(t, Options{Dir: dir, Clock: clock.now, Brief: 2 * time.Second})
	c, d := newChat(t, s, 30), newChat(t, s, 30)
	left := func(c *chat, want int) {
		t.Helper()
		if err := s.PurgeBrief(); err != nil {
			t.Fatal(err)
		}
		if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != want || e.First != e.Head-wire.Seq(want)+1 {
			t.Fatalf("%d envelopes are left, want %d", len(e.Envelopes), want)
		}
	}
	marker := "marker-of-the-first"
	must(t, s, c.message(body(marker)))
	left(c, 1)
	clock.forward(1500 * time.Millisecond)
	must(t, s, c.message(body("second")))
	must(t, s, d.message(body("elsewhere")))
	clock.forward(499 * time.Millisecond)
	left(c, 2) // 1.999 s
	if !bytes.Contains(files(t, dir), []byte(marker)) {
		t.Fatal("the marker is not there before its time, so the search proves nothing")
	}
	clock.forward(time.Millisecond)
	left(c, 1)
	left(d, 1)
	if bytes.Contains(files(t, dir), []byte(marker)) {
		t.Error("what was deleted is still in the folder")
	}
	var expires int64
	if err := s.reads.QueryRow(`SELECT expires_hour FROM envelope WHERE mailbox = $1`, d.id[:]).Scan(&expires); err != nil || expires != s.hour()+2 {
		t.Errorf("stored: hour %d, %v, want %d", expires, err, s.hour()+2)
	}
	clock.forward(1500 * time.Millisecond)
	left(c, 0)
	left(d, 0)
	var removed int
	err := s.reads.QueryRow(`SELECT removed FROM purge_run WHERE table_name = 'envelope' AND hour = $1`, s.hour()).Scan(&removed)
	if err != nil || removed != 3 {
		t.Errorf("the record says %d, %v", removed, err)
	}

	// After a restart nobody knows when what is there came: it stays the whole
	// time once more.
	must(t, s, c.message(body("before the restart")))
	clock.forward(time.Second)
	stop()
	s, _ = open(t, Options{Dir: dir, Clock: clock.now, Brief: 2 * time.Second})
	left(c, 1)
	clock.forward(1999 * time.Millisecond)
	left(c, 1)
	clock.forward(time.Millisecond)
	left(c, 0)
	if seq := must(t, s, c.message(body("on"))); seq != 4 {
		t.Fatal(seq)
	}
}

// TestBriefRetentionInChunks deletes more than one operation takes.
func TestBriefRetentionInChunks(t *testing.T) {
	clock := newFrozen()
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now, Brief: time.Minute})
	c := newChat(t, s, 30)
	const count = purgeChunk + 3
	answers := make(chan error, count)
	for range count {
		s.Append(c.message(make([]byte, 512)), func(_ wire.Seq, err error) { answers <- err })
	}
	for range count {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	clock.forward(time.Minute)
	if err := s.PurgeBrief(); err != nil {
		t.Fatal(err)
	}
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 0 || e.Head != count {
		t.Fatalf("%d are left", len(e.Envelopes))
	}
}

// TestPurgeInChunks purges more rows than one operation takes.
func TestPurgeInChunks(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now})
	c := newChat(t, s, 1)
	const count = 2*purgeChunk + 7
	answers := make(chan error, count)
	for range count {
		s.Append(c.message(make([]byte, 512)), func(_ wire.Seq, err error) { answers <- err })
	}
	for range count {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	clock.forward(26 * time.Hour)
	must(t, s, c.message(body("fresh")))
	all, err := s.Purge()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Table == "envelope" && (p.Removed != count || p.OldestHour != s.hour()+25) {
			t.Errorf("%+v", p)
		}
	}
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 1 || e.First != count+1 {
		t.Fatalf("%+v", e)
	}
}
