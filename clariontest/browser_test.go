// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest/chromium"
	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
)

// stage builds the browser's part and opens a browser for one test.
func stage(t *testing.T) *chromium.Stage {
	t.Helper()
	program, err := chromium.BuildTests(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return chromium.NewStage(t, program)
}

// TestVaultsInBrowser is the time machine, and then the liar with each lie
// once, with every vault in the IndexedDB of a real browser: set back, copied,
// failing at random commits.
func TestVaultsInBrowser(t *testing.T) {
	chance := Chance(t)
	far := stage(t).Vaults()
	keep := func(s *Server) { s.KeepVaultsIn(far) }
	deadline := time.Now().Add(Budget(12 * time.Second))
	for session := 0; time.Now().Before(deadline) && !t.Failed(); session++ {
		seed := chance.Uint64()
		t.Run(fmt.Sprint("time machine ", session), func(t *testing.T) { newMachine(t, rand.New(rand.NewPCG(seed, 1)), keep).run() })
	}
	for _, what := range lies() {
		t.Run(string(what), func(t *testing.T) { newPair(t, rand.New(rand.NewPCG(chance.Uint64(), 2)), keep).liedTo(what) })
	}
}

// waysToEnd are all ways in which a page ends.
func waysToEnd(st *chromium.Stage) []func(at *chromium.Page) error {
	return []func(at *chromium.Page) error{
		func(at *chromium.Page) error { return at.Terminate(st.Context) },
		func(at *chromium.Page) error { return at.Close(st.Context) },
		func(at *chromium.Page) error { return at.Crash(st.Context) },
		func(*chromium.Page) error {
			st.Browser.Kill()
			st.Launch()
			return nil
		},
	}
}

// TestWriterKilled lets Omar write in a browser and ends his page again and
// again, in every way that a page ends: what it told to be sent is with Ada,
// once and in order, and no key was used twice.
func TestWriterKilled(t *testing.T) {
	chance := Chance(t)
	st := stage(t)
	s := NewServer(t, func(c *server.Config) {
		c.Host, c.Limits.Tight, c.Limits.TightBurst = strings.TrimPrefix(st.Host.URL, "http://"), 1e6, 1e6
	})
	if err := st.Host.Reach(s.URL); err != nil {
		t.Fatal(err)
	}
	s.URL = st.Host.URL
	g := newGenerations()
	watch, tap := g.device()
	ada, _ := s.RegisterWith("ada", Options{Watch: watch, Dialer: tap})
	invite, err := ada.Online().Invite(Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	_, run, out := st.Start("join " + s.URL + " omar " + invite.Link)
	conv := st.Wait(run, out, 0)[0]
	Await(ada, "the conversation", func(e client.ConversationJoined) bool { return e.Conversation == conv })
	ada.Say(conv, "go on") // from here the state of this epoch is known to g

	ends := waysToEnd(st)
	sent := map[string]bool{}
	for round := range 2 * len(ends) {
		at, run, out := st.Start("write omar " + conv)
		st.Wait(run, out, 1+chance.IntN(12))
		if err := ends[round%len(ends)](at); err != nil {
			t.Fatal(err)
		}
		for _, line := range out.Whole() {
			sent[line] = true
		}
	}
	// The last page is not killed: what waited goes out.
	_, run, out = st.Start("write omar " + conv)
	last := st.Wait(run, out, 3)
	ada.AwaitText(last[len(last)-1])
	for _, line := range last {
		sent[line] = true
	}
	var held []string
	for _, m := range history(ada, conv) {
		if !m.Own {
			held = append(held, m.Text)
		}
	}
	for i, text := range held {
		if text != strconv.Itoa(i+1) {
			t.Fatalf("ada holds %q, not each number once and in order", held)
		}
		delete(sent, text)
	}
	if len(sent) > 0 {
		t.Errorf("told to be sent, and not with ada: %v", sent)
	}
	g.stored(t, s)
	if len(g.twice) > 0 || len(g.used) < len(held) {
		t.Errorf("of %d keys seen for %d messages, used twice: %v", len(g.used), len(held), g.twice)
	}
	if ada.take(); slices.ContainsFunc(ada.Log, func(e client.Event) bool { _, is := e.(client.Problem); return is }) {
		t.Errorf("ada was told of a problem: %v", ada.seen())
	}
	t.Logf("%d messages over %d ends", len(held), 2*len(ends))
}
