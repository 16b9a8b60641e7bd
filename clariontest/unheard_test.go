// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"slices"
	"testing"
	"time"

	"clarion.chat/clarion/client"
)

// TestLostBeforeMeeting: Ada's device is lost before it took the introduction
// of whoever opened her link. Another link of hers opens the conversation
// again, and what was written into the void arrives.
func TestLostBeforeMeeting(t *testing.T) {
	s := NewServer(t)
	ada, words := s.Register("ada")
	omar, _ := s.Register("omar")
	first, err := ada.Online().Invite(Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	ada.Stop()
	v, err := omar.Online().Accept(Context(t), first.Link)
	if err != nil {
		t.Fatal(err)
	}
	omar.Say(v.ID, "to a device that is no more")

	again := s.Open("ada", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "ada", Words: words}); err != nil {
		t.Fatal(err)
	}
	second, err := again.Online().Invite(Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	same, err := omar.Accept(Context(t), second.Link)
	if err != nil || same.ID != v.ID {
		t.Fatalf("%+v %v", same, err)
	}
	got := again.AwaitText("to a device that is no more")
	if got.Checked == nil || got.Checked.How != client.CheckedCameByLink {
		t.Errorf("Ada sees %+v, not that he came by her link", got.Checked)
	}
	again.Say(v.ID, "here I am")
	omar.AwaitText("here I am")
	omar.Say(v.ID, "so you are")
	again.AwaitText("so you are")
}

// lapsedTo counts how often somebody was told that an introduction lapsed.
func lapsedTo(c *Client) int {
	n := 0
	for _, code := range c.problems() {
		if code == client.ProblemLapsed {
			n++
		}
	}
	return n
}

// TestIntroductionLapsed: Omar sleeps for longer than the server keeps what
// tells him that Ada asked for him, and added him to a group. She is told, once
// each, and once more by her own act he is asked again, and gets what she wrote.
// Before that nothing she does asks him a second time.
func TestIntroductionLapsed(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	lin, _ := s.Register("lin")
	omar, _ := s.Register("omar")
	omar.Online()
	omar.Stop()
	Meet(ada, lin)
	v, err := ada.Accept(Context(t), "omar")
	if err != nil {
		t.Fatal(err)
	}
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	if err := ada.AddMember(Context(t), g.ID, "omar"); err != nil {
		t.Fatal(err)
	}
	ada.Say(v.ID, "to nobody")
	ada.Say(g.ID, "to the group")
	lin.AwaitText("to the group")
	FailsWith(t, ada.AddMember(Context(t), g.ID, "omar"), client.FailAlreadyMember)
	if same, err := ada.Accept(Context(t), "omar"); err != nil || same.ID != v.ID || same.Epoch != v.Epoch {
		t.Errorf("accepted once more too early: %+v (%v)", same, err)
	}
	for range 4 { // in use, so the mailboxes stay
		s.Clock.Add(8 * day)
		s.purge()
		ada.Online()
		lin.Online()
	}
	for range 2 { // one for each conversation
		ada.AwaitProblem(client.ProblemLapsed)
	}
	for range 3 {
		s.Clock.Add(2 * time.Hour)
		ada = ada.Reopen().Online()
	}
	if n := lapsedTo(ada); n != 0 {
		t.Errorf("told %d times more", n)
	}
	if now, err := ada.Find(Context(t), v.ID); err != nil || now.Problem != client.ProblemLapsed {
		t.Errorf("the conversation is %+v (%v)", now, err)
	}
	omar = omar.Reopen().Online()
	if people, err := omar.Contacts(Context(t)); err != nil || len(people) != 0 {
		t.Fatalf("Omar knows %+v (%v)", people, err)
	}
	if same, err := ada.Accept(Context(t), "omar"); err != nil || same.ID != v.ID || same.Problem != "" {
		t.Fatalf("%+v (%v)", same, err)
	}
	Await(omar, "her request", func(e client.ContactRequested) bool { return e.From.Name == "ada" })
	if err := ada.AddMember(Context(t), g.ID, "omar"); err != nil {
		t.Fatal(err)
	}
	FailsWith(t, ada.AddMember(Context(t), g.ID, "omar"), client.FailAlreadyMember)
	if _, err := omar.Accept(Context(t), "ada"); err != nil {
		t.Fatal(err)
	}
	omar.Online()
	exchange(ada, omar, v.ID, "there you are")
	if got := texts(history(omar, v.ID)); !slices.Contains(got, "to nobody") {
		t.Errorf("Omar has %q", got)
	}
}

// TestLostBeforeKnowing: the device that Ada's introduction went to is lost
// before it took it, and Omar comes back by his words, knowing nothing of her.
// Her client sees it in the directory and asks his new device, once.
func TestLostBeforeKnowing(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, words := s.Register("omar")
	omar.Stop()
	v, err := ada.Accept(Context(t), "omar")
	if err != nil {
		t.Fatal(err)
	}
	ada.Online()
	ada.Say(v.ID, "to a device that is no more")
	again := s.Open("omar", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	again.Online()
	for range 3 { // looks once an hour, and asks once
		s.Clock.Add(61 * time.Minute)
		ada.Online()
	}
	Await(again, "her request", func(e client.ContactRequested) bool { return e.From.Name == "ada" })
	if _, err := again.Accept(Context(t), "ada"); err != nil {
		t.Fatal(err)
	}
	again.Online()
	again.AwaitText("to a device that is no more")
	exchange(again, ada, v.ID, "here I am")
	introduced := 0
	for _, m := range again.Log {
		if _, is := m.(client.ContactRequested); is {
			introduced++
		}
	}
	if introduced != 1 {
		t.Errorf("asked %d times", introduced)
	}
}

// TestAskedTwiceUnread: two links of one person are opened, one after the other,
// while they are away. Both introductions wait unread, and whoever finds them
// goes where the other is.
func TestAskedTwiceUnread(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	var links []string
	for range 2 {
		inv, err := ada.Online().Invite(Context(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, inv.Link)
	}
	ada.Stop()
	var ids []string
	for n, link := range links {
		v, err := omar.Online().Accept(Context(t), link)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
		omar.Say(v.ID, []string{"one", "two"}[n])
	}
	if ids[0] != ids[1] {
		t.Fatalf("the conversation is another: %v", ids)
	}
	ada = ada.Reopen().Online()
	ada.AwaitText("one")
	ada.AwaitText("two")
	ada.Say(ids[0], "three")
	omar.AwaitText("three")
	if got, want := texts(history(ada, ids[0])), texts(history(omar, ids[0])); !slices.Equal(got, want) || len(got) != 3 {
		t.Errorf("Ada has %v, Omar %v", got, want)
	}
}
