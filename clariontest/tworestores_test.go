// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
)

// twice is two restores that somebody sleeps over the first of.
type twice struct {
	what         string
	sleeperFirst bool // is back before the others after the second
	again        bool // the first backup is restored twice; else one of after the move
	lost         bool // the sleeper holds what the first backup lacks
}

// TestTwoRestores: who slept through the first of two restores goes the way of
// those who were awake, whoever is back first after the second, and whether or
// not the second backup knows that way.
func TestTwoRestores(t *testing.T) {
	for _, c := range []twice{
		{what: "awake first"},
		{what: "sleeper first", sleeperFirst: true},
		{what: "awake first, with losses", lost: true},
		{what: "sleeper first, with losses", sleeperFirst: true, lost: true},
		{what: "one backup twice", again: true},
		{what: "one backup twice, sleeper first", sleeperFirst: true, again: true, lost: true},
	} {
		t.Run(c.what, c.run)
	}
}

func (c twice) run(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	say := func(from *Client, text string, to ...*Client) {
		t.Helper()
		from.Say(g.ID, text)
		for _, p := range to {
			p.AwaitText(text)
		}
	}
	say(ada, "one", omar, lin)
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	s.Backup(first)
	if c.lost {
		say(omar, "two", ada, lin)
	}
	for _, p := range []*Client{ada, omar, lin} {
		p.Stop()
	}
	s.Restore(first)
	ada, omar = ada.Reopen().Online(), omar.Reopen().Online()
	say(ada, "three", omar)
	say(omar, "four", ada)
	s.Backup(second)
	if c.again {
		second = first
	}
	say(ada, "five", omar)
	ada.Stop()
	omar.Stop()
	s.Restore(second)
	if c.sleeperFirst {
		lin = lin.Reopen().Online()
	}
	ada, omar = ada.Reopen().Online(), omar.Reopen().Online()
	if !c.sleeperFirst {
		lin = lin.Reopen().Online()
	}
	for _, text := range []string{"three", "four", "five"} {
		lin.AwaitText(text)
	}
	say(lin, "six", ada, omar)
	say(ada, "seven", omar, lin)
	oneGroup(t, g.ID, ada, omar, lin)
}

// oneGroup holds people to one state of a conversation, and to having been told
// of nothing but that the server was restored.
func oneGroup(t *testing.T, conv string, all ...*Client) {
	t.Helper()
	code := ""
	for _, p := range all {
		v, err := p.Find(Context(t), conv)
		if err != nil || v.Problem != "" {
			t.Fatalf("%s has %+v (%v)", p.Name, v, err)
		}
		if code != "" && v.Code != code {
			t.Errorf("%s has the code %s, others %s", p.Name, v.Code, code)
		}
		code = v.Code
		for _, e := range p.Log {
			if problem, is := e.(client.Problem); is && problem.Code != client.ProblemRestored {
				t.Errorf("%s was told %s", p.Name, problem.Code)
			}
		}
	}
}

// fork is two backups of one life of the server's data, restored one after the
// other, with Lin asleep over the life between.
type fork struct {
	between      string // what comes between the backups
	newerFirst   bool
	sleeperFirst bool // is back before the others after the second
}

// TestTwoBackupsOfOneLife: whichever backup is restored first, whatever came
// between the two, and whoever is back first: all end in one group, and what
// anybody sent in any life arrives.
func TestTwoBackupsOfOneLife(t *testing.T) {
	for b, between := range []string{"a message", "a message that only Lin knows", "a commit", "a commit that only Lin knows"} {
		for n := range 4 {
			c := fork{between: between, newerFirst: n&1 != 0, sleeperFirst: n&2 != 0}
			if !Long() && (c.newerFirst == c.sleeperFirst) != (b%2 == 0) {
				continue // every pair of circumstances all the same
			}
			t.Run(fmt.Sprintf("%s, newer first %v, sleeper first %v", between, c.newerFirst, c.sleeperFirst), func(t *testing.T) {
				t.Parallel()
				c.run(t)
			})
		}
	}
}

func (c fork) run(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	say := func(from *Client, text string, to ...*Client) {
		t.Helper()
		from.Say(g.ID, text)
		for _, p := range to {
			p.AwaitText(text)
		}
	}
	say(ada, "one", omar, lin)
	older, newer := filepath.Join(t.TempDir(), "older"), filepath.Join(t.TempDir(), "newer")
	s.Backup(older)
	c.inBetween(t, g.ID, say, ada, omar, lin)
	s.Backup(newer)
	for _, p := range []*Client{ada, omar, lin} {
		p.Stop()
	}
	first, second := older, newer
	if c.newerFirst {
		first, second = newer, older
	}
	s.Restore(first)
	ada, omar = ada.Reopen().Online(), omar.Reopen().Online()
	say(ada, "three", omar)
	say(omar, "four", ada)
	ada.Stop()
	omar.Stop()
	s.Restore(second)
	if c.sleeperFirst {
		lin = lin.Reopen().Online()
	}
	ada, omar = ada.Reopen().Online(), omar.Reopen().Online()
	if !c.sleeperFirst {
		lin = lin.Reopen().Online()
	}
	for _, text := range []string{"three", "four"} {
		lin.AwaitText(text)
	}
	if c.between == "a commit that only Lin knows" && !c.newerFirst {
		for _, p := range []*Client{ada, omar} { // were in no epoch that goes on: Lin added them again
			p.AwaitProblem(client.ProblemRestored)
		}
	}
	say(lin, "six", ada, omar)
	say(ada, "seven", omar, lin)
	say(omar, "eight", ada, lin)
	for _, p := range []*Client{ada, omar, lin} {
		want := []string{"one", "two", "three", "four", "six", "seven", "eight"}
		got := texts(history(p, g.ID))
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, not %q", p.Name, got, want)
		}
	}
	oneGroup(t, g.ID, ada, omar, lin)
}

// inBetween is what happens between the two backups.
func (c fork) inBetween(t *testing.T, conv string, say func(*Client, string, ...*Client), ada, omar, lin *Client) {
	alone := strings.HasSuffix(c.between, "that only Lin knows")
	if alone {
		ada.Stop()
		omar.Stop()
	}
	if strings.HasPrefix(c.between, "a commit") {
		if err := lin.SetKeep(Context(t), conv, 7); err != nil {
			t.Fatal(err)
		}
	}
	if alone {
		say(lin, "two")
	} else {
		say(lin, "two", ada, omar)
	}
}
