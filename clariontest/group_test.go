// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"testing"

	"clarion.chat/clarion/client"
)

// join waits until c is in the conversation.
func join(c *Client, conv string) {
	c.t.Helper()
	Await(c, "joining", func(e client.ConversationJoined) bool { return e.Conversation == conv })
}

// TestGroup: a name only members know, add, remove; a copy of the removed
// member's vault from before the commit neither writes nor reads on.
func TestGroup(t *testing.T) {
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
	if seen, err := omar.Find(Context(t), "Harbour"); err != nil || seen.ID != g.ID {
		t.Fatalf("Omar does not see the group's name: %v", err)
	}
	ada.Online()
	omar.Say(g.ID, "before Lin")
	ada.AwaitText("before Lin")
	if err := ada.AddMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	Await(omar, "Lin being added", func(e client.MemberAdded) bool { return e.Handle.Name == "lin" && e.Conversation == g.ID })
	m := lin.Say(g.ID, "I am here")
	ada.AwaitText("I am here")
	omar.AwaitText("I am here")
	lin.AwaitState(m.ID, client.StateDelivered)

	// Lin's vault as it was before the removal.
	old := lin.Vault.Clone()
	if err := ada.RemoveMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	Await(lin, "being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" && e.Conversation == g.ID })
	Await(omar, "Lin being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" })
	ada.Say(g.ID, "between us")
	omar.AwaitText("between us")
	lin.Stop()
	copied := s.Open("lin", Options{Vault: old})
	_, err = copied.Send(Context(t), g.ID, "still here?")
	if err == nil {
		err = copied.Flush(Context(t))
	}
	FailsWith(t, err, "stale_pass")
	h, err := copied.History(Context(t), g.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range h {
		if m.Text == "between us" {
			t.Error("the removed member's copy read on")
		}
	}
	after, err := omar.Find(Context(t), "Harbour")
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Members) != 2 {
		t.Errorf("members are %v", after.Members)
	}
}

// TestContactRequest: a bare handle arrives as a request; accept and block.
func TestContactRequest(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	ada.Online()
	conv, err := omar.Accept(Context(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	Await(ada, "the request", func(e client.ContactRequested) bool { return e.From.Name == "omar" })
	omar.Say(conv.ID, "may I?")
	if _, err := ada.Accept(Context(t), "omar@"+s.Host); err != nil {
		t.Fatal(err)
	}
	join(ada, conv.ID)
	if m := ada.AwaitText("may I?"); m.Checked != nil {
		t.Errorf("nobody was checked, and Ada sees %+v", m.Checked)
	}
	if _, err := lin.Accept(Context(t), "ada"); err != nil {
		t.Fatal(err)
	}
	Await(ada, "Lin's request", func(e client.ContactRequested) bool { return e.From.Name == "lin" })
	if err := ada.Block(Context(t), "lin"); err != nil {
		t.Fatal(err)
	}
	people, err := ada.Contacts(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]client.ContactState{}
	for _, p := range people {
		states[p.Handle.Name] = p.State
	}
	if states["lin"] != client.ContactBlocked || states["omar"] != client.ContactAccepted {
		t.Errorf("contacts are %v", states)
	}
}

// TestInviteOnce: a link opens one conversation, for one person, in its time.
func TestInviteOnce(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	inv, err := ada.Invite(Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := omar.Accept(Context(t), inv.Link); err != nil {
		t.Fatal(err)
	}
	_, err = lin.Accept(Context(t), inv.Link)
	FailsWith(t, err, "invite_used")
	if list, err := lin.Conversations(Context(t)); err != nil || len(list) != 0 {
		t.Errorf("a refused link left %v (%v)", list, err)
	}
	if list, err := lin.Contacts(Context(t)); err != nil || len(list) != 0 {
		t.Errorf("a refused link left %v (%v)", list, err)
	}
	_, err = ada.Accept(Context(t), inv.Link)
	FailsWith(t, err, "link_invalid")
	_, err = lin.Accept(Context(t), inv.Link[:len(inv.Link)-6])
	FailsWith(t, err, "link_invalid")
}

// TestFoundWhileListening: whoever begins a conversation while listening hears
// what is answered in it, without listening anew.
func TestFoundWhileListening(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	omar.Online()
	ada.Online()
	i, err := ada.Invite(Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := omar.Accept(Context(t), i.Link)
	if err != nil {
		t.Fatal(err)
	}
	Await(ada, "the conversation", func(e client.ConversationJoined) bool { return e.Conversation == two.ID })
	ada.Say(two.ID, "we are two")
	omar.AwaitText("we are two")
	group, err := omar.NewGroup(Context(t), "Harbour", []string{"ada"})
	if err != nil {
		t.Fatal(err)
	}
	Await(ada, "the group", func(e client.ConversationJoined) bool { return e.Conversation == group.ID })
	ada.Say(group.ID, "we are a group")
	omar.AwaitText("we are a group")
}
