// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// TestRestoreFromWords: an empty vault and the sheet give back handle,
// contacts and conversations; the other side adds the device and is told.
func TestRestoreFromWords(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, words := s.Register("omar")
	conv := Meet(ada, omar)
	omar.Say(conv, "from the old device")
	ada.AwaitText("from the old device")
	before, err := ada.Find(Context(t), "omar")
	if err != nil {
		t.Fatal(err)
	}
	omar.Stop()

	again := s.Open("omar", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	people, err := again.Contacts(Context(t))
	if err != nil || len(people) != 1 || people[0].Handle.Name != "ada" || people[0].State != client.ContactAccepted {
		t.Fatalf("contacts came back as %+v (%v)", people, err)
	}
	again.Online()
	Await(ada, "his device being new", func(e client.DeviceAdded) bool { return e.Handle.Name == "omar" && e.Conversation == conv })
	changed := Await(ada, "the code to change", func(e client.CodeChanged) bool { return e.Conversation == conv })
	join(again, conv)
	again.Say(conv, "from the new device")
	m := ada.AwaitText("from the new device")
	if m.Checked == nil || m.Checked.How != client.CheckedNotSince {
		t.Errorf("Ada sees %+v after his identity changed", m.Checked)
	}
	ada.Say(conv, "welcome back")
	again.AwaitText("welcome back")
	after, err := again.Find(Context(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if after.Code == before.Code || after.Code != changed.Code {
		t.Error("the code is not the one that changed")
	}

	// The device that was replaced notices and sends no more.
	replaced := omar.Reopen()
	err = replaced.Listen(Context(t))
	FailsWith(t, err, client.FailDeviceReplaced)

	// It can be the person's device again, with what it held.
	again.Stop()
	if err := replaced.SetDraft(Context(t), conv, "x"); err == nil {
		t.Error("a replaced device took a draft")
	}
	if err := replaced.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	replaced.Online()
	join(replaced, conv)
	replaced.Say(conv, "on the old device again")
	ada.AwaitText("on the old device again")
	replaced = replaced.Reopen()
	h, err := replaced.History(Context(t), conv)
	if err != nil || len(h) == 0 || h[0].Text != "from the old device" {
		t.Errorf("the history is %+v (%v)", h, err)
	}
	people, err = replaced.Contacts(Context(t))
	if err != nil || len(people) != 1 {
		t.Errorf("contacts are %+v (%v)", people, err)
	}
}

// TestServerRestored: an older backup is a new incarnation; the group moves by
// itself and what the server lost is put back, once and in order.
func TestServerRestored(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	conv := Meet(ada, omar)
	Meet(ada, lin)
	ada.Say(conv, "before the backup")
	omar.AwaitText("before the backup")
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	var want []string
	for i := range 5 {
		text := fmt.Sprintf("after the backup %d", i)
		ada.Say(conv, text)
		omar.AwaitText(text)
		want = append(want, text)
	}
	g, err := ada.NewGroup(Context(t), "After", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	if err := ada.RemoveMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	Await(omar, "Lin's removal", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" })
	omar.Stop()
	ada.Say(conv, "while Omar sleeps")
	ada.Say(g.ID, "in the group while he sleeps")
	old, err := ada.Find(Context(t), "omar")
	if err != nil {
		t.Fatal(err)
	}
	ada.Stop()
	s.Restore(backup)

	ada = ada.Reopen().Online()
	ada.AwaitProblem(client.ProblemRestored)
	omar = omar.Reopen().Online()
	omar.AwaitText("while Omar sleeps")
	omar.AwaitText("in the group while he sleeps")
	omar.Say(conv, "I see it")
	ada.AwaitText("I see it")
	h, err := omar.History(Context(t), conv)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range h {
		if m.From.Name == "ada" {
			got = append(got, m.Text)
		}
	}
	want = append(append([]string{"before the backup"}, want...), "while Omar sleeps")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Omar has %q, not %q", got, want)
	}
	now, err := ada.Find(Context(t), "omar")
	if err != nil {
		t.Fatal(err)
	}
	if now.ID != old.ID || now.Code != old.Code || now.Problem != "" {
		t.Errorf("the conversation is %+v, it was %+v", now, old)
	}
}

// TestCopiedVault: two copies of one vault; the second to send finds out, never
// sends under a used generation, and comes back as a new device.
func TestCopiedVault(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	omar.Say(conv, "one")
	ada.AwaitText("one")
	omar.Stop()
	copied := omar.Vault.Clone()
	first := omar.Reopen()
	first.Say(conv, "from the first")
	ada.AwaitText("from the first")
	first.Stop()

	second := s.Open("omar", Options{Vault: copied})
	_, err := second.Send(Context(t), conv, "from the second")
	if err == nil {
		err = second.Flush(Context(t))
	}
	FailsWith(t, err, client.FailOldVault)
	second.Online()
	Await(ada, "his device being new", func(e client.DeviceAdded) bool { return e.Handle.Name == "omar" })
	join(second, conv)
	if err := second.Flush(Context(t)); err != nil {
		t.Fatal(err)
	}
	ada.AwaitText("from the second")
	first = first.Reopen()
	FailsWith(t, first.Listen(Context(t)), client.FailDeviceReplaced)
}

// TestReplacedWhileSigningIn: the device is replaced by a copy of its vault just
// after it has signed in, and knows at once that it is.
func TestReplacedWhileSigningIn(t *testing.T) {
	s := NewServer(t)
	tap := new(Tap)
	ada, _ := s.Register("ada")
	omar, _ := s.RegisterWith("omar", Options{Dialer: tap})
	conv := Meet(ada, omar)
	omar.Stop()
	second := s.Open("omar", Options{Vault: omar.Vault.Clone()})
	first := omar.Reopen()
	first.Say(conv, "from the first")
	first.Stop()
	renewed := make(chan error, 1)
	tap.Up = func(_ *Link, _ wire.Ref, body wire.Body) bool {
		if b, ok := body.(*wire.LookUp); ok && b.Name == "omar" && cap(renewed) > len(renewed) {
			renewed <- second.Listen(Context(t))
		}
		return true
	}
	first = first.Reopen()
	FailsWith(t, first.Listen(Context(t)), client.FailDeviceReplaced)
	if err := <-renewed; err != nil {
		t.Fatal(err)
	}
}

// TestOldEverywhere: what one conversation shows, an old vault, stops sending in
// all. The server is then set back past what the other would have shown.
func TestOldEverywhere(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	withAda, withLin := Meet(ada, omar), Meet(lin, omar)
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	old := omar.Vault.Clone()
	omar.Say(withAda, "to Ada")
	omar.Say(withLin, "to Lin")
	omar = omar.ReopenOn(old)
	send := func(conv string) error {
		_, err := omar.Send(Context(t), conv, "again")
		if err == nil {
			err = omar.FlushConversation(Context(t), conv)
		}
		return err
	}
	FailsWith(t, send(withAda), client.FailOldVault)
	ada.Stop()
	lin.Stop()
	s.Restore(backup)
	omar = omar.Reopen()
	FailsWith(t, send(withLin), client.FailOldVault)
}

// TestForgottenReturn: Omar came back by his words, Ada saw it, and the server
// was restored from before. His new device is lost too. He comes back once
// more, from the entry before, and Ada's client takes the sheet's word for it.
func TestForgottenReturn(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, words := s.Register("omar")
	conv := Meet(ada, omar)
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	omar.Stop()
	back := func() *Client {
		c := s.Open("omar", Options{})
		if err := c.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
			t.Fatal(err)
		}
		c.Online()
		join(c, conv)
		return c
	}
	first := back()
	first.Say(conv, "from the first return")
	ada.AwaitText("from the first return")
	first.Stop()
	ada.Stop()
	s.Restore(backup)
	ada = ada.Reopen().Online()
	second := back()
	second.Say(conv, "from the second return")
	ada.AwaitText("from the second return")
	ada.Say(conv, "I see")
	second.AwaitText("I see")
	FailsWith(t, first.Reopen().Listen(Context(t)), client.FailDeviceReplaced)
}

// TestLostIsSentAgain: what was sent while a device was lost is sent again to the
// one that came after it. What is older than the server keeps is not: its
// author is told, and it is never called delivered, however much the new device
// tells.
func TestLostIsSentAgain(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.Keep = 7 })
	ada, _ := s.Register("ada")
	omar, words := s.Register("omar")
	conv := Meet(ada, omar)
	omar.Stop()
	lost := ada.Say(conv, "long before he comes back")
	s.Clock.Add(8 * 24 * time.Hour)
	young := ada.Say(conv, "while the device is lost")
	again := s.Open("omar", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	again.Online()
	join(again, conv)
	told := ada.AwaitProblem(client.ProblemMissed)
	if told.Conversation != conv || told.Seq != lost.Seq || !strings.Contains(told.Text, "omar@") {
		t.Errorf("Ada is told %+v", told)
	}
	again.AwaitText("while the device is lost")
	seen := ada.Say(conv, "and now")
	m := again.AwaitText("and now")
	if err := again.MarkRead(Context(t), conv, m.Seq); err != nil {
		t.Fatal(err)
	}
	ada.AwaitState(seen.ID, client.StateRead)
	for id, want := range map[string]client.MessageState{lost.ID: client.StateSent, young.ID: client.StateRead} {
		got, err := ada.Message(Context(t), conv, id)
		if err != nil || got.State != want {
			t.Errorf("%q is called %q (%v)", got.Text, got.State, err)
		}
	}
}

// TestRestoredBeforeAdd: the server forgets that Lin was added to two groups.
// She comes back by the way back; what the others sent in one and she had not
// told to have reaches her, each message once, and what she alone sent in the
// other reaches them.
func TestRestoredBeforeAdd(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	var groups []string
	for _, name := range []string{"Harbour", "Quay"} {
		g, err := ada.NewGroup(Context(t), name, []string{"omar"})
		if err != nil {
			t.Fatal(err)
		}
		join(omar, g.ID)
		ada.Say(g.ID, "before Lin in "+name)
		omar.AwaitText("before Lin in " + name)
		groups = append(groups, g.ID)
	}
	harbour, quay := groups[0], groups[1]
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	for _, g := range groups {
		if err := ada.AddMember(Context(t), g, "lin"); err != nil {
			t.Fatal(err)
		}
		join(lin, g)
		Await(omar, "Lin's coming", func(e client.MemberAdded) bool { return e.Handle.Name == "lin" && e.Conversation == g })
	}
	had := ada.Say(harbour, "Lin has this")
	lin.AwaitText("Lin has this")
	omar.AwaitText("Lin has this")
	ada.AwaitState(had.ID, client.StateDelivered)
	lin.Stop()
	first := ada.Say(harbour, "from Ada")
	omar.AwaitText("from Ada")
	second := omar.Say(harbour, "from Omar")
	ada.AwaitText("from Omar")
	ada.Stop()
	omar.Stop()
	lin = lin.Reopen()
	if _, err := lin.Send(Context(t), quay, "from Lin alone"); err != nil {
		t.Fatal(err)
	}
	if err := lin.FlushConversation(Context(t), quay); err != nil {
		t.Fatal(err)
	}
	lin.Stop()
	s.Restore(backup)

	ada, omar = ada.Reopen().Online(), omar.Reopen().Online()
	lin = lin.Reopen().Online()
	lin.AwaitProblem(client.ProblemRestored)
	lin.AwaitText("from Ada")
	lin.AwaitText("from Omar")
	ada.AwaitText("from Lin alone")
	omar.AwaitText("from Lin alone")
	ada.AwaitState(first.ID, client.StateDelivered)
	omar.AwaitState(second.ID, client.StateDelivered)
	common := []string{"Lin has this", "from Ada", "from Omar"}
	for who, want := range map[*Client][]string{ada: append([]string{"before Lin in Harbour"}, common...), omar: append([]string{"before Lin in Harbour"}, common...), lin: common} {
		got := texts(history(who, harbour))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, not %q", who.Name, got, want)
		}
	}
}

// TestAskedBeforeRestore: the server forgets Lin's coming, she asks to be added
// again, and the server forgets that too, before anybody has read it. She had
// been heard from, so a request that names no end of epochs would add nobody.
func TestAskedBeforeRestore(t *testing.T) {
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
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	if err := ada.AddMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	ada.Say(g.ID, "to Lin")
	lin.AwaitText("to Lin")
	lin.Say(g.ID, "from Lin")
	ada.AwaitText("from Lin")
	ada.Stop()
	omar.Stop()
	lin.Stop()
	s.Restore(backup)
	lin = lin.Reopen().Online()
	lin.AwaitProblem(client.ProblemRestored)
	lin.Stop()
	s.Restore(backup)
	ada = ada.Reopen().Online()
	s.Clock.Add(31 * time.Minute)
	lin = lin.Reopen().Online()
	join(lin, g.ID)
	ada.Say(g.ID, "welcome back")
	lin.AwaitText("welcome back")
}

// TestBothSetBack: server and vault are set back past the same messages and the
// same commit, twice, so that nothing is left that could know of them. What
// Omar then sends uses no key that one of them used.
func TestBothSetBack(t *testing.T) {
	s := NewServer(t)
	keys := newGenerations()
	watch, tap := keys.device()
	ada, _ := s.Register("ada")
	omar, _ := s.RegisterWith("omar", Options{Watch: watch, Dialer: tap})
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(lin, omar)
	g, err := omar.NewGroup(Context(t), "Harbour", []string{"ada", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(ada, g.ID)
	join(lin, g.ID)
	lin.Stop()
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	old := omar.Vault.Clone()
	ada.Stop()
	forgotten := ada.Vault.Clone()
	for n := range 3 {
		omar.Say(g.ID, fmt.Sprint("life ", n))
		if err := omar.RemoveMember(Context(t), g.ID, "lin"); err != nil {
			t.Fatal(err)
		}
		omar.Say(g.ID, fmt.Sprint("life goes on ", n))
		keys.stored(t, s)
		omar.Stop()
		s.Restore(backup)
		omar = omar.ReopenOn(old.Clone())
	}
	omar.Say(g.ID, "the last life")
	ada = ada.ReopenOn(forgotten).Online()
	ada.AwaitText("the last life")
	ada.Say(g.ID, "Ada goes on")
	omar.Online()
	omar.AwaitText("Ada goes on")
	keys.stored(t, s)
	if len(keys.twice) > 0 || len(keys.used) < 5 {
		t.Errorf("of %d keys used, twice: %v", len(keys.used), keys.twice)
	}
}
