// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"slices"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// TestKeep: any member changes for how long the server keeps what is written
// from then on; all see who did it, also those who come later; and the server
// deletes by it.
func TestKeep(t *testing.T) {
	s := NewServer(t)
	var sent []*wire.Append
	ada, _ := s.RegisterWith("ada", Options{Dialer: appends(&sent)})
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	ctx := Context(t)
	g, err := ada.NewGroup(ctx, "Harbour", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	ada.Say(g.ID, "kept for thirty days")
	long := sent[len(sent)-1].Body[100:228]
	omar.AwaitText("kept for thirty days")
	if err := omar.SetKeep(ctx, g.ID, 2); err != nil {
		t.Fatal(err)
	}
	changed := func(c *Client) {
		t.Helper()
		Await(c, "the change of keep", func(e client.KeepChanged) bool {
			return e.Conversation == g.ID && e.By.Name == "omar" && e.Days == 2
		})
	}
	changed(ada)
	changed(omar)
	ada.Say(g.ID, "kept for two days")
	short := sent[len(sent)-1].Body[100:228]
	omar.AwaitText("kept for two days")
	if err := ada.AddMember(ctx, g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	for _, c := range []*Client{ada, omar, lin} {
		if v, err := c.Find(ctx, g.ID); err != nil || v.Keep != 2 {
			t.Errorf("%s sees %d days (%v)", c.Name, v.Keep, err)
		}
	}
	page, err := omar.HistoryPage(ctx, g.ID, "", 100)
	if err != nil || !slices.ContainsFunc(page.Items, func(i client.HistoryItem) bool { return i.Kind == client.KindKeepChanged && i.Line.Keep == 2 }) {
		t.Errorf("the history has no line about it: %+v (%v)", page, err)
	}
	// What is the same already commits nothing.
	before := len(sent)
	if err := ada.SetKeep(ctx, g.ID, 2); err != nil || len(sent) != before {
		t.Errorf("setting it again appended %d envelopes (%v)", len(sent)-before, err)
	}
	for _, c := range []*Client{ada, omar, lin} {
		c.Stop()
	}
	s.Clock.Add(2*day + 2*time.Hour)
	s.purge()
	if found := where(files(t, s.Dir), long); len(found) == 0 {
		t.Error("what was to stay for thirty days is gone")
	}
	if found := where(files(t, s.Dir), short); len(found) > 0 {
		t.Errorf("past two days the sealed bytes are in %v", found)
	}
}

// TestKeepSleeper: who slept longer than a shortened keep has missed
// something, is told so, and comes back; the server is not accused.
func TestKeepSleeper(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	exchange(ada, omar, conv, "while he is awake")
	omar.Stop()
	ada.Say(conv, "for thirty days")
	if err := ada.SetKeep(Context(t), conv, 1); err != nil {
		t.Fatal(err)
	}
	ada.Say(conv, "for one day")
	s.Clock.Add(day + 2*time.Hour)
	s.purge()
	ada.Say(conv, "another day")
	backTogether(t, s, ada, omar, conv, client.ProblemPastKeep)
}

// TestKeepRefused: numbers that cannot be change nothing.
func TestKeepRefused(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.Keep = 10 })
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	for _, days := range []int{0, -1, 11, 31, 300} {
		FailsWith(t, ada.SetKeep(Context(t), conv, days), string(wire.CodeKeepRange))
	}
	ada.Say(conv, "goes on")
	omar.AwaitText("goes on")
	if err := ada.SetKeep(Context(t), conv, 10); err != nil {
		t.Error(err)
	}
}
