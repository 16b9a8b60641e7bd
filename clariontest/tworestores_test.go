// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"path/filepath"
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
