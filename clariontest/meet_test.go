// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"testing"

	"clarion.chat/clarion/client"
)

// TestTwoPeopleMeet is the product's main job: a link, a conversation, marks.
func TestTwoPeopleMeet(t *testing.T) {
	s := NewServer(t)
	ada, words := s.Register("ada")
	omar, _ := s.Register("omar")
	if len(words) != 24 {
		t.Fatalf("%d words", len(words))
	}
	conv := Meet(ada, omar)

	m := omar.Say(conv, "hello Ada")
	got := ada.AwaitText("hello Ada")
	if got.Checked == nil || got.Checked.How != client.CheckedCameByLink {
		t.Errorf("Ada sees %+v, not that he came by her link", got.Checked)
	}
	omar.AwaitState(m.ID, client.StateSent)
	omar.AwaitState(m.ID, client.StateDelivered)
	if err := ada.MarkRead(Context(t), conv, got.Seq); err != nil {
		t.Fatal(err)
	}
	omar.AwaitState(m.ID, client.StateRead)

	ada.Say(conv, "hello Omar")
	back := omar.AwaitText("hello Omar")
	if back.Checked == nil || back.Checked.How != client.CheckedInviteLink {
		t.Errorf("Omar sees %+v, not that he checked her by link", back.Checked)
	}
	a, err := ada.Find(Context(t), "omar")
	if err != nil {
		t.Fatal(err)
	}
	o, err := omar.Find(Context(t), "ada@"+s.Host)
	if err != nil {
		t.Fatal(err)
	}
	if a.Code != o.Code || len(a.Code) != 60 || a.ID != o.ID || a.Epoch != o.Epoch {
		t.Errorf("they see different conversations: %+v and %+v", a, o)
	}
	if err := omar.Typing(Context(t), conv); err != nil {
		t.Fatal(err)
	}
	Await(ada, "typing", func(e client.Typing) bool { return e.From.Name == "omar" })
}
