// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"crypto/rand"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// three puts Ada, Omar and Lin, all online, into one group.
func three(t *testing.T) (s *Server, ada, omar, lin *Client, group string) {
	t.Helper()
	s = NewServer(t)
	ada, _ = s.Register("ada")
	omar, _ = s.Register("omar")
	lin, _ = s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	ada.Say(g.ID, "hello")
	omar.AwaitText("hello")
	lin.AwaitText("hello")
	return s, ada, omar, lin, g.ID
}

func awaitLeft(c *Client, conv, name string) {
	c.t.Helper()
	Await(c, name+" having left", func(e client.MemberRemoved) bool {
		return e.Conversation == conv && e.Handle.Name == name && e.Left
	})
}

func mustLeave(c *Client, conv string) {
	c.t.Helper()
	if err := c.Leave(Context(c.t), conv); err != nil {
		c.t.Fatalf("%s leaves: %v", c.Name, err)
	}
}

// stands fails unless a conversation is in a state with so many members.
func stands(c *Client, conv string, state client.ConversationState, members int) {
	c.t.Helper()
	v, err := c.Find(Context(c.t), conv)
	if err != nil || v.State != state || len(v.Members) != members {
		c.t.Errorf("%s finds the conversation %s with %v (%v)", c.Name, v.State, v.Members, err)
	}
}

// TestLeave: whoever leaves a group stops at once and keeps the history; a
// member takes them out, and what is written then they cannot read.
func TestLeave(t *testing.T) {
	s, ada, omar, lin, g := three(t)
	ctx := Context(t)
	old := omar.Vault.Clone()
	mustLeave(omar, g)
	awaitLeft(omar, g, "omar")
	stands(omar, g, client.ConversationLeft, 2)
	_, err := omar.Send(ctx, g, "one more thing")
	FailsWith(t, err, client.FailLeft)
	awaitLeft(ada, g, "omar")
	awaitLeft(lin, g, "omar")
	stands(lin, g, client.ConversationActive, 2)
	lin.Say(g, "between us")
	ada.AwaitText("between us")
	if h, err := omar.History(ctx, g); err != nil || len(h) != 1 || h[0].Text != "hello" {
		t.Errorf("Omar's history is %+v (%v)", h, err)
	}
	omar.Stop()
	copied := s.Open("omar", Options{Vault: old})
	_, err = copied.Send(ctx, g, "still here?")
	if err == nil {
		err = copied.Flush(ctx)
	}
	FailsWith(t, err, client.FailOldVault) // it meets what its own leaf said
	if h, err := copied.History(ctx, g); err != nil || len(h) != 2 {
		t.Errorf("a copy of his vault holds %+v (%v)", h, err)
	}
	copied.Stop()

	// He can be asked back, and can leave and forget again.
	omar = omar.Reopen().Online()
	if err := ada.AddMember(ctx, g, "omar"); err != nil {
		t.Fatal(err)
	}
	join(omar, g)
	omar.Say(g, "here again")
	lin.AwaitText("here again")
	FailsWith(t, omar.Forget(ctx, g), client.FailNotOver)
	if err := omar.SetDraft(ctx, g, "and one more"); err != nil {
		t.Fatal(err)
	}
	mustLeave(omar, g)
	awaitLeft(lin, g, "omar")
	if err := omar.Forget(ctx, g); err != nil {
		t.Fatal(err)
	}
	_, err = omar.Find(ctx, g)
	FailsWith(t, err, client.FailNoConversation)
	for _, kind := range []string{"conv/", "mls/", "env/", "hist/", "at/", "mid/", "out/", "draft/"} {
		if rows, err := omar.Vault.Scan(ctx, kind+g, "", 1); err != nil || len(rows) != 0 {
			t.Errorf("the vault still holds %v (%v)", rows, err)
		}
	}
}

// TestLeaveAsleep: who leaves without a connection has left, and tells when
// there is one; when all others sleep, the first to wake takes them out, those
// before it in the tree having had their time.
func TestLeaveAsleep(t *testing.T) {
	s, ada, omar, lin, g := three(t)
	ada.Stop()
	lin.Stop()
	s.Stop()
	mustLeave(omar, g)
	stands(omar, g, client.ConversationLeft, 2)
	omar = omar.Reopen() // the wish outlives the program
	s.Start()
	omar.Online()
	awaitLeft(omar, g, "omar")
	omar.Stop()

	lin = lin.Reopen().Online()
	stands(lin, g, client.ConversationActive, 3) // it is Ada's turn first
	s.Clock.Add(30 * time.Second)
	awaitLeft(lin, g, "omar")
	stands(lin, g, client.ConversationActive, 2)
	ada = ada.Reopen().Online()
	awaitLeft(ada, g, "omar")
	ada.Say(g, "without him")
	lin.AwaitText("without him")
}

// TestLeaveUnheard: a device that waits for its way back leaves all the same;
// a member who did not hear of it adds it, and then does.
func TestLeaveUnheard(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, words := s.Register("omar")
	Meet(ada, omar)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	if err := omar.SetMarks(Context(t), false); err != nil { // brings the recovery blob up to date at once
		t.Fatal(err)
	}
	omar.Stop()
	ada.Stop()
	again := s.Open("omar", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	mustLeave(again, g.ID)
	again.Online()
	ada = ada.Reopen().Online()
	awaitLeft(ada, g.ID, "omar")
	stands(ada, g.ID, client.ConversationActive, 1)
	stands(again, g.ID, client.ConversationLeft, 1)
}

// TestLeaveDirect: a conversation of two ends for both when one leaves;
// another begins by hand.
func TestLeaveDirect(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	ctx := Context(t)
	omar.Say(conv, "goodbye")
	mustLeave(omar, conv)
	awaitLeft(ada, conv, "omar")
	stands(ada, conv, client.ConversationEnded, 2)
	_, err := ada.Send(ctx, conv, "are you there?")
	FailsWith(t, err, client.FailOtherLeft)
	if h, err := ada.History(ctx, conv); err != nil || len(h) != 1 || !h[0].Unread {
		t.Errorf("Ada's history is %+v (%v)", h, err)
	}
	v, err := ada.Accept(ctx, "omar")
	if err != nil || v.ID == conv {
		t.Fatalf("accepting gives %+v (%v)", v, err)
	}
	join(omar, v.ID)
	ada.Say(v.ID, "hello again")
	omar.AwaitText("hello again")
}

// leaveNote is a leave as docs/protocol/message.md has it, with what a liar
// adds to it.
type leaveNote struct{ more []byte }

// Fields describes the message.
func (l *leaveNote) Fields(c *wire.Coder) {
	version, kind, at, seen := uint8(1), uint8(3), time.Now().Unix(), uint64(0)
	var id [16]byte
	rand.Read(id[:])
	var mailbox [8]byte
	var chain [32]byte
	c.U8(&version)
	c.U8(&kind)
	c.Fixed(id[:])
	c.I64(&at)
	c.Fixed(mailbox[:])
	c.U64(&seen)
	c.Fixed(chain[:])
	c.Fixed(l.more)
}

// TestInsiderForgesLeave: a member can say that they leave, for themselves and
// nobody else.
func TestInsiderForgesLeave(t *testing.T) {
	in := newInsider(t)
	in.mal.Stop() // its own client would find itself copied
	g := in.group()
	body := func(l *leaveNote) []byte {
		b, _, err := g.Seal(rand.Reader, wire.MustMarshal(l), nil, wire.SizeClass)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	in.post(body(&leaveNote{more: []byte("omar")}), wire.KindMessage)
	in.ada.AwaitProblem(client.ProblemUnreadable)
	stands(in.ada, in.conv, client.ConversationActive, 3)
	in.post(body(&leaveNote{}), wire.KindMessage)
	awaitLeft(in.ada, in.conv, "mal")
	awaitLeft(in.omar, in.conv, "mal")
	stands(in.omar, in.conv, client.ConversationActive, 2)
}
