// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"clarion.chat/clarion/client"
)

// drawn writes a history the way a page draws it: messages and lines, oldest
// first.
func drawn(c *Client, conv string) []string {
	c.t.Helper()
	all := pages(c, conv, 4, nil)
	slices.Reverse(all)
	var out []string
	for _, i := range all {
		switch l := i.Line; i.Kind {
		case client.KindMessage:
			out = append(out, i.Message.From.Name+": "+i.Message.Text)
		case client.KindJoined:
			out = append(out, fmt.Sprintf("joined %d people", len(l.Members)))
		case client.KindNamed:
			out = append(out, l.By.Name+" named it "+l.Name)
		case client.KindMemberAdded:
			out = append(out, l.By.Name+" added "+l.Handle.Name)
		case client.KindMemberRemoved:
			out = append(out, l.By.Name+" removed "+l.Handle.Name)
		case client.KindDeviceAdded:
			out = append(out, l.Handle.Name+"'s device is new")
		case client.KindCodeChanged:
			if len(l.Code) != 60 {
				c.t.Errorf("the line has the code %q", l.Code)
			}
			out = append(out, "the code changed")
		default:
			out = append(out, string(i.Kind))
		}
		if i.Line != nil && (i.Line.At.IsZero() || i.Message != nil) {
			c.t.Errorf("a line is %+v", i)
		}
	}
	return out
}

func sameLines(t *testing.T, c *Client, conv string, want ...string) {
	t.Helper()
	if got := drawn(c, conv); !slices.Equal(got, want) {
		t.Errorf("%s draws %q, not %q", c.Name, got, want)
	}
}

// TestLines: what happened to a conversation stands in its history, between the
// messages, also after the vault was opened again; history is messages alone.
func TestLines(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, words := s.Register("omar")
	lin, _ := s.Register("lin")
	direct := Meet(ada, omar)
	Meet(ada, lin)
	Meet(omar, lin)
	sameLines(t, omar, direct, "joined 2 people")
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	ada.Say(g.ID, "hello")
	omar.AwaitText("hello")
	if err := omar.AddMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	lin.Say(g.ID, "I am here")
	omar.AwaitText("I am here")
	ada.AwaitText("I am here")
	if err := ada.RemoveMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	Await(lin, "being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" && e.By.Name == "ada" })
	Await(omar, "Lin being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" })
	m := ada.Say(g.ID, "she left")
	omar.AwaitText("she left")
	ada.AwaitState(m.ID, client.StateDelivered)
	ada, omar, lin = ada.Reopen(), omar.Reopen(), lin.Reopen()
	between := []string{"ada: hello", "omar added lin", "the code changed", "lin: I am here", "ada removed lin", "the code changed", "ada: she left"}
	sameLines(t, ada, g.ID, append([]string{"ada named it Harbour"}, between...)...)
	sameLines(t, omar, g.ID, append([]string{"joined 2 people"}, between...)...)
	sameLines(t, lin, g.ID, "joined 3 people", "lin: I am here", "ada removed lin")
	if got := spoken(omar, g.ID); len(got) != 3 {
		t.Errorf("the history of messages is %q", got)
	}

	omar.Stop()
	again := s.Open("omar", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	again.Online()
	ada.Online()
	join(again, g.ID)
	sameLines(t, ada, g.ID, append(append([]string{"ada named it Harbour"}, between...), "omar's device is new", "the code changed")...)
}

// TestConversationList: the list says what stands last, since when, and how
// much is unread; a person who was removed is told so by it.
func TestConversationList(t *testing.T) {
	s := NewServer(t)
	ada, omar, lin, conv := harbour(t, s)
	listed := func(c *Client) client.Conversation {
		t.Helper()
		list, err := c.Conversations(Context(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			if v.ID == conv {
				return v
			}
		}
		t.Fatalf("%s's list is %+v", c.Name, list)
		return client.Conversation{}
	}
	if v := listed(lin); v.Last != nil || v.Active.IsZero() || v.Removed {
		t.Errorf("before the first message the list says %+v", v)
	}
	s.Clock.Add(time.Hour)
	m := ada.Say(conv, "one")
	lin.AwaitText("one")
	omar.AwaitText("one")
	if v := listed(lin); v.Last == nil || v.Last.ID != m.ID || v.Last.Own || v.Last.From.Name != "ada" || v.Unread != 1 || !v.Active.Equal(m.At) {
		t.Errorf("Lin's list says %+v", v)
	}
	ada.AwaitState(m.ID, client.StateDelivered)
	if v := listed(ada); v.Last == nil || !v.Last.Own || v.Last.State != client.StateDelivered || v.Unread != 0 {
		t.Errorf("Ada's list says %+v", v)
	}
	lin.Stop()
	lin = lin.Reopen()
	queueUp(lin, conv, "two", "three")
	ada.Say(conv, "meanwhile")
	if v := listed(lin); v.Last.Text != "three" || v.Last.State != client.StateQueued || v.Queued != 2 {
		t.Errorf("Lin's list says %+v", v)
	}
	lin.Online()
	ada.AwaitText("three")
	if v := listed(lin); v.Last.Text != "three" || v.Unread != 2 {
		t.Errorf("Lin's list says %+v", v)
	}
	if v := listed(ada); v.Last.Text != "three" || v.Unread != 2 {
		t.Errorf("Ada's list says %+v", v)
	}
	if err := ada.RemoveMember(Context(t), conv, "lin"); err != nil {
		t.Fatal(err)
	}
	Await(lin, "being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" })
	v := listed(lin)
	names := ""
	for _, h := range v.Members {
		names += h.Name + " "
	}
	if !v.Removed || names != "ada omar " || v.Last.Text != "three" {
		t.Errorf("after her removal Lin's list says %+v", v)
	}
	if v := listed(omar); v.Removed || len(v.Members) != 2 {
		t.Errorf("after it Omar's list says %+v", v)
	}
}
