// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// deaf is a Tap that withholds what the server pushes once it is told to.
func deaf() (*Tap, *atomic.Bool) {
	on := new(atomic.Bool)
	return &Tap{Down: func(_ *Link, _ wire.Ref, body wire.Body) bool {
		_, pushed := body.(*wire.Delivery)
		return !pushed || !on.Load()
	}}, on
}

// TestOwnIsNoSleep: who misses nothing but what it sent itself has not slept,
// though the server has forgotten it.
func TestOwnIsNoSleep(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	tap, on := deaf()
	omar, _ := s.RegisterWith("omar", Options{Dialer: tap})
	conv := Meet(ada, omar)
	exchange(ada, omar, conv, "one")
	on.Store(true) // he never sees his own message come back
	omar.Say(conv, "two")
	ada.AwaitText("two")
	omar.Stop()
	ada.Stop()
	s.Clock.Add(30*day + 2*time.Hour)
	s.purge()
	on.Store(false)
	omar = omar.Reopen().Online()
	ada = ada.Reopen().Online()
	if codes := omar.problems(); slices.Contains(codes, client.ProblemPastKeep) {
		t.Errorf("Omar was told %v", codes)
	}
	omar.Say(conv, "three")
	ada.AwaitText("three")
	ada.Say(conv, "four")
	omar.AwaitText("four")
	oneOrder(t, conv, ada, omar)
}

// crossed lets Ada and Omar each write what the other has not read when the
// server forgets both.
func crossed(t *testing.T, s *Server) (ada, omar *Client, conv string) {
	t.Helper()
	tap, on := deaf()
	meanwhile := func() {}
	tap.Up = func(_ *Link, _ wire.Ref, body wire.Body) bool {
		if _, ok := body.(*wire.Append); ok && on.Load() {
			f := meanwhile
			meanwhile = func() {}
			f() // after she has read, and before her message is there
		}
		return true
	}
	ada, _ = s.RegisterWith("ada", Options{Dialer: tap})
	omarTap, omarOn := deaf()
	omar, _ = s.RegisterWith("omar", Options{Dialer: omarTap})
	conv = Meet(ada, omar)
	exchange(ada, omar, conv, "one")
	if err := ada.SetMarks(Context(t), false); err != nil { // so that she appends the message alone
		t.Fatal(err)
	}
	meanwhile = func() {
		omarOn.Store(true)
		omar.Say(conv, "from Omar")
	}
	on.Store(true)
	ada.Say(conv, "from Ada")
	ada.Stop()
	omar.Stop()
	for _, off := range []*atomic.Bool{on, omarOn} {
		off.Store(false)
	}
	return ada, omar, conv
}

// TestBothAsleep: two people who both slept past what the server keeps, and
// whose requests it forgets before the other is there, find to each other as
// soon as both are online, whoever comes first.
func TestBothAsleep(t *testing.T) {
	for _, first := range []string{"ada", "omar"} {
		t.Run(first+" comes first", func(t *testing.T) {
			s := NewServer(t, func(c *server.Config) { c.BriefRetention = 20 * time.Second })
			ada, omar, conv := crossed(t, s)
			forget := func() {
				s.Clock.Add(31 * time.Second)
				s.purge()
			}
			forget()
			a, b := &ada, &omar
			if first == "omar" {
				a, b = b, a
			}
			*a = (*a).Reopen().Online()
			(*a).AwaitProblem(client.ProblemPastKeep)
			(*a).Online() // asks for its way back
			forget()      // and that is gone too
			*b = (*b).Reopen().Online()
			(*b).AwaitProblem(client.ProblemPastKeep)
			join(ada, conv)
			ada.AwaitText("from Omar")
			omar.AwaitText("from Ada")
			ada.Say(conv, "good morning")
			omar.AwaitText("good morning")
			oneOrder(t, conv, ada, omar)
			neverTwice(ada)
			neverTwice(omar)
		})
	}
}

// TestForgottenRequest: where the server was seen to forget soon, a request
// that nobody can have read is asked again, and not after half an hour.
func TestForgottenRequest(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.BriefRetention = 20 * time.Second })
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	exchange(ada, omar, conv, "one")
	omar.Stop()
	ada.Say(conv, "two")
	ada.Stop()
	forget := func() {
		s.Clock.Add(31 * time.Second)
		s.purge()
	}
	forget()
	omar = omar.Reopen().Online()
	omar.AwaitProblem(client.ProblemPastKeep)
	omar.Online() // asks for its way back
	forget()
	ada = ada.Reopen().Online()
	s.Clock.Add(31 * time.Second)
	omar.Online()
	join(omar, conv)
	ada.Say(conv, "three")
	omar.AwaitText("three")
}

// TestSubscriberPastKeep: who is handed envelopes with a gap between them asks
// the mailbox, and so learns that the server has forgotten what lay there.
func TestSubscriberPastKeep(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.BriefRetention = 20 * time.Second })
	ada, _ := s.Register("ada")
	held := make(chan *wire.Delivery, 8)
	var link *Link
	hold := new(atomic.Bool)
	omar, _ := s.RegisterWith("omar", Options{Dialer: &Tap{Down: func(l *Link, _ wire.Ref, body wire.Body) bool {
		d, pushed := body.(*wire.Delivery)
		if !pushed || !hold.Load() {
			return true
		}
		link = l
		held <- d
		return false
	}}})
	conv := Meet(ada, omar)
	exchange(ada, omar, conv, "one")
	if err := ada.SetMarks(Context(t), false); err != nil { // so that nothing but the three is pushed
		t.Fatal(err)
	}
	omar.Online()
	hold.Store(true)
	var late wire.Delivery
	for _, text := range []string{"two", "three", "four"} {
		ada.Say(conv, text)
		select {
		case d := <-held:
			late.Mailbox, late.Envelopes = d.Mailbox, append(late.Envelopes, d.Envelopes...)
		case <-Context(t).Done():
			t.Fatal("nothing was pushed to Omar")
		}
	}
	s.Clock.Add(31 * time.Second)
	s.purge()
	hold.Store(false)
	late.Envelopes = append(late.Envelopes[:1:1], late.Envelopes[2:]...)
	link.Tell(0, &late)
	omar.AwaitProblem(client.ProblemPastKeep)
	if codes := omar.problems(); slices.Contains(codes, client.ProblemGap) {
		t.Errorf("Omar was told %v", codes)
	}
}

// TestAsleepOverRestore: the old mailbox of a restored server has forgotten
// what a sleeper did not read: it is told as that, and the device added anew.
func TestAsleepOverRestore(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.BriefRetention = 20 * time.Second })
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	exchange(ada, omar, conv, "one")
	omar.Stop()
	ada.Say(conv, "two")
	s.Clock.Add(31 * time.Second)
	s.purge()
	ada.Say(conv, "three")
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	s.Restore(backup)
	omar = omar.Reopen().Online()
	omar.AwaitProblem(client.ProblemPastKeep)
	if codes := omar.problems(); slices.Contains(codes, client.ProblemGap) {
		t.Errorf("Omar was told %v", codes)
	}
	ada.Online()
	omar.Online()
	join(omar, conv)
	ada.Say(conv, "four")
	omar.AwaitText("four")
}
