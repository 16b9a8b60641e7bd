// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

const day = 24 * time.Hour

// purge runs the purge job now.
func (s *Server) purge() {
	s.t.Helper()
	if err := s.Server().Purge(); err != nil {
		s.t.Fatal(err)
	}
}

// asleep lets Ada write to Omar while he is away, and returns the envelope's
// sealed bytes, which must be in the data folder now.
func asleep(t *testing.T, s *Server) (ada, omar *Client, conv string, sealed []byte) {
	t.Helper()
	var sent []*wire.Append
	ada, _ = s.RegisterWith("ada", Options{Dialer: appends(&sent)})
	omar, _ = s.Register("omar")
	conv = Meet(ada, omar)
	exchange(ada, omar, conv, "while he is awake")
	omar.Stop()
	m := ada.Say(conv, "while he sleeps")
	ada.AwaitState(m.ID, client.StateSent)
	sealed = sent[len(sent)-1].Body[100:228]
	if found := where(files(t, s.Dir), sealed); len(found) == 0 {
		t.Fatal("the sealed bytes are not found though they are not past their limit")
	}
	return ada, omar, conv, sealed
}

// TestPurge: past its mailbox's limit an envelope is gone, row and bytes; who
// slept longer is told so, and comes back by the one way back.
func TestPurge(t *testing.T) {
	s := NewServer(t)
	ada, omar, conv, sealed := asleep(t, s)
	s.Clock.Add(30*day - 2*time.Hour)
	s.purge()
	if found := where(files(t, s.Dir), sealed); !slices.Contains(found, "clarion.db") {
		t.Fatalf("deleted early: the sealed bytes are in %v", found)
	}
	s.Clock.Add(4 * time.Hour)
	s.purge()
	if found := where(files(t, s.Dir), sealed); len(found) > 0 {
		t.Errorf("past their limit the sealed bytes are in %v", found)
	}
	backTogether(t, s, ada, omar, conv, client.ProblemPastKeep)
}

// TestPurgeMailbox: also when all slept so long that the mailbox is forgotten.
func TestPurgeMailbox(t *testing.T) {
	s := NewServer(t)
	ada, omar, conv, sealed := asleep(t, s)
	ada.Stop()
	s.Clock.Add(33 * day)
	s.purge()
	if found := where(files(t, s.Dir), sealed); len(found) > 0 {
		t.Errorf("past their limit the sealed bytes are in %v", found)
	}
	ada = ada.Reopen().Online()
	backTogether(t, s, ada, omar, conv, "")
}

// TestPurgeEpoch: also when the members changed the group meanwhile, so that the
// server has forgotten the pass of the epoch in which the sleeper stands.
func TestPurgeEpoch(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	ada.Online()
	exchange(omar, ada, g.ID, "good night")
	omar.Stop()
	if err := ada.AddMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	for range 3 { // in use, so the mailbox itself stays
		s.Clock.Add(12 * day)
		ada.Say(g.ID, "while he sleeps")
		lin.AwaitText("while he sleeps")
		s.purge()
	}
	backTogether(t, s, ada, omar, g.ID, client.ProblemPastKeep)
	lin.AwaitText("I did")
}

// backTogether lets Omar come back after his sleep: he is told what he missed
// and the two write on.
func backTogether(t *testing.T, s *Server, ada, omar *Client, conv, problem string) {
	t.Helper()
	omar = omar.Reopen()
	if err := omar.Listen(Context(t)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each knock at the door moves the way back on by one
		s.Clock.Add(31 * time.Minute)
		ada.Online()
		omar.Online()
	}
	ada.Say(conv, "you slept long")
	omar.AwaitText("you slept long")
	omar.Say(conv, "I did")
	ada.AwaitText("I did")
	codes := omar.problems()
	if problem != "" && !slices.Contains(codes, problem) {
		t.Errorf("Omar was told %v, not %s", codes, problem)
	}
	if !slices.Contains(texts(history(omar, conv)), "while he sleeps") && len(codes) == 0 {
		t.Error("Omar misses a message and was told nothing")
	}
	for _, c := range []*Client{ada, omar} {
		if v, err := c.Find(Context(t), conv); err != nil || v.Problem != "" {
			t.Errorf("%s's conversation is left with %q (%v)", c.Name, v.Problem, err)
		}
	}
}

// TestRetentionCap: the operator's cap in hours holds whatever keep a mailbox
// asks for.
func TestRetentionCap(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.Retention = 2 })
	_, _, _, sealed := asleep(t, s)
	s.Clock.Add(time.Hour)
	s.purge()
	if found := where(files(t, s.Dir), sealed); len(found) == 0 {
		t.Error("deleted before the cap")
	}
	s.Clock.Add(3 * time.Hour)
	s.purge()
	if found := where(files(t, s.Dir), sealed); len(found) > 0 {
		t.Errorf("past the cap the sealed bytes are in %v", found)
	}
}

// TestClockOffset: a device whose clock is a day off makes nothing that others
// would refuse later; it is told, and keeps what was written.
func TestClockOffset(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	for name, off := range map[string]time.Duration{"early": -25 * time.Hour, "late": 25 * time.Hour} {
		c := s.Open(name, Options{Clock: func() time.Time { return s.Clock.Now().Add(off) }})
		_, err := c.Register(Context(t), client.RegisterParams{Server: s.URL, Name: name})
		FailsWith(t, err, string(wire.CodeClockSkew))
	}
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	v := omar.Vault
	omar.Stop()
	var off atomic.Int64
	off.Store(int64(25 * time.Hour))
	omar = s.Open("omar", Options{Vault: v, Clock: func() time.Time { return s.Clock.Now().Add(time.Duration(off.Load())) }})
	m, err := omar.Send(Context(t), conv, "my clock is wrong")
	if err != nil {
		t.Fatal(err)
	}
	FailsWith(t, omar.Flush(Context(t)), string(wire.CodeClockSkew))
	FailsWith(t, omar.Listen(Context(t)), string(wire.CodeClockSkew))
	_, err = omar.NewGroup(Context(t), "Harbour", []string{"ada"})
	FailsWith(t, err, string(wire.CodeClockSkew))
	FailsWith(t, omar.RemoveMember(Context(t), conv, "ada"), "not_a_group")
	if kept, err := omar.Message(Context(t), conv, m.ID); err != nil || kept.State != client.StateQueued {
		t.Fatalf("what was written is %v, %v", kept.State, err)
	}
	// Put right, it goes out once.
	off.Store(0)
	omar.Online()
	omar.AwaitState(m.ID, client.StateSent)
	ada.Online()
	ada.AwaitText("my clock is wrong")
	ada.Say(conv, "so it was")
	omar.AwaitText("so it was")
	// A clock that goes wrong while listening is told, and listening goes on
	// when it is right again.
	before := len(omar.Log)
	off.Store(int64(-25 * time.Hour))
	s.Restart()
	omar.AwaitProblem(string(wire.CodeClockSkew))
	off.Store(0)
	ada.Say(conv, "right again")
	omar.AwaitText("right again")
	told := 0
	for _, e := range omar.Log[before:] {
		if p, is := e.(client.Problem); is && p.Code == string(wire.CodeClockSkew) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
