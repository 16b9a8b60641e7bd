// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"testing"
	"time"

	"clarion.chat/clarion/wire"
)

// TestKeepShortened: a commit changes how long later envelopes stay, itself
// among them; what was there stays as long as it was to stay, and a reader is
// told from where on nothing is missing.
func TestKeepShortened(t *testing.T) {
	clock := new(clock)
	s, _ := open(t, Options{Dir: t.TempDir(), Clock: clock.now})
	c := newChat(t, s, 30)
	must(t, s, c.message(body("one")))
	must(t, s, c.message(body("two")))
	next := random32[wire.Pass]()
	shorten := c.commit(next)
	shorten.Keep = 1
	must(t, s, shorten) // place 3
	now := &chat{id: c.id, pass: next, epoch: 1}
	must(t, s, now.message(body("four")))
	clock.forward(26 * time.Hour)
	must(t, s, now.message(body("five")))
	if _, err := s.Purge(); err != nil {
		t.Fatal(err)
	}
	read := func(pass wire.Pass, after wire.Seq) *wire.Envelopes {
		t.Helper()
		e, err := s.Read(context.Background(), c.id, pass, after, 10, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, c := range []struct {
		pass  wire.Pass
		after wire.Seq
		held  int
		first wire.Seq
	}{
		{next, 0, 3, 5}, // one, two, five
		{next, 3, 1, 5},
		{next, 4, 1, 1}, // misses nothing
		{next, 5, 0, 1},
		{c.pass, 0, 2, 4}, // the commit that ended its epoch is gone
		{c.pass, 2, 0, 4},
	} {
		if e := read(c.pass, c.after); len(e.Envelopes) != c.held || e.First != c.first {
			t.Errorf("after %d: %d envelopes, first %d; want %d and %d", c.after, len(e.Envelopes), e.First, c.held, c.first)
		}
	}
	clock.forward(30 * 24 * time.Hour)
	if _, err := s.Purge(); err != nil {
		t.Fatal(err)
	}
	if e := read(next, 4); len(e.Envelopes) != 0 || e.First != 6 {
		t.Errorf("past every limit: %d envelopes, first %d", len(e.Envelopes), e.First)
	}
}
