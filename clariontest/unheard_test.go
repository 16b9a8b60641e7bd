// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"testing"

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
