// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"path/filepath"
	"testing"

	"clarion.chat/clarion/client"
)

// TestTwoRestores: who slept through the first of two restores goes the way of
// those who were awake, whoever is back first after the second, and whether or
// not the second backup knows that way.
func TestTwoRestores(t *testing.T) {
	for _, c := range []struct {
		what         string
		sleeperFirst bool
		secondBackup bool // of after the move; else the first is restored twice
		lost         bool // the sleeper holds what the first backup lacks
	}{
		{"awake first", false, true, false},
		{"sleeper first", true, true, false},
		{"awake first, with losses", false, true, true},
		{"sleeper first, with losses", true, true, true},
		{"one backup twice", false, false, false},
		{"one backup twice, sleeper first", true, false, true},
	} {
		t.Run(c.what, func(t *testing.T) {
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
			backup := func() string {
				file := filepath.Join(t.TempDir(), "backup")
				s.Backup(file)
				return file
			}
			say(ada, "one", omar, lin)
			first := backup()
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
			second := first
			if c.secondBackup {
				second = backup()
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
			var codes []string
			for _, p := range []*Client{ada, omar, lin} {
				v, err := p.Find(Context(t), g.ID)
				if err != nil || v.Problem != "" {
					t.Fatalf("%s has %+v (%v)", p.Name, v, err)
				}
				codes = append(codes, v.Code)
				for _, e := range p.Log {
					if problem, is := e.(client.Problem); is && problem.Code != client.ProblemRestored {
						t.Errorf("%s was told %s", p.Name, problem.Code)
					}
				}
			}
			if codes[0] != codes[1] || codes[1] != codes[2] {
				t.Errorf("the codes are %q", codes)
			}
		})
	}
}
