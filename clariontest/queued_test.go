// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"testing"

	"clarion.chat/clarion/client"
)

// queuedAs fails the test unless err has this code and says whether the
// message leaves later by itself.
func queuedAs(t *testing.T, err error, code string, queued bool) {
	t.Helper()
	FailsWith(t, err, code)
	if f := client.AsFailure(err); f.Queued != queued {
		t.Errorf("%s says queued %v, not %v", code, f.Queued, queued)
	}
}

// TestQueuedIsSaid: a failure to send says whether the message waits and
// leaves by itself, and what says so does leave.
func TestQueuedIsSaid(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	conv := Meet(ada, omar)
	Meet(ada, lin)
	omar.Say(conv, "one")
	ada.AwaitText("one")
	omar.Stop()
	copied := omar.Vault.Clone()
	omar = omar.Reopen()
	omar.Say(conv, "from the first")
	omar.Stop()

	s.Stop()
	omar = s.Open("omar", Options{Vault: copied})
	if _, err := omar.Send(Context(t), conv, "while the server is away"); err != nil {
		t.Fatal(err)
	}
	queuedAs(t, omar.FlushConversation(Context(t), conv), client.FailUnreachable, true)
	_, err := omar.Send(Context(t), conv, " ")
	queuedAs(t, err, client.FailEmpty, false)
	s.Start()

	queuedAs(t, omar.Flush(Context(t)), client.FailOldVault, true)
	if _, err := omar.Send(Context(t), conv, "while the state is old"); err != nil {
		t.Fatal(err)
	}
	queuedAs(t, omar.FlushConversation(Context(t), conv), client.FailOldVault, true)
	ada.Stop() // so that nobody adds the device anew yet
	omar.Online()
	_, err = omar.Send(Context(t), conv, "while it waits")
	queuedAs(t, err, client.FailAwaitingMembers, true)
	ada = ada.Reopen().Online()
	join(omar, conv)
	for _, text := range []string{"while the server is away", "while the state is old", "while it waits"} {
		ada.AwaitText(text)
	}

	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	omar.Stop()
	if err := ada.RemoveMember(Context(t), g.ID, "omar"); err != nil {
		t.Fatal(err)
	}
	omar = omar.Reopen()
	if _, err := omar.Send(Context(t), g.ID, "not known yet"); err != nil {
		t.Fatal(err)
	}
	queuedAs(t, omar.FlushConversation(Context(t), g.ID), "stale_pass", false)
	_, err = omar.Send(Context(t), g.ID, "known")
	queuedAs(t, err, "stale_pass", false)
}

// TestQueueTwiceIsOnce: a program that lost the answer asks again under the
// same id; the message is written down once and arrives once.
func TestQueueTwiceIsOnce(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	const id = "00112233445566778899aabbccddeeff"
	for range 2 {
		m, err := ada.Queue(Context(t), conv, id, "once")
		if err != nil || m.ID != id || m.State != client.StateQueued {
			t.Fatalf("%+v %v", m, err)
		}
	}
	_, err := ada.Queue(Context(t), conv, id, "another text")
	FailsWith(t, err, client.FailMessageID)
	_, err = ada.Queue(Context(t), conv, id[1:], "once")
	FailsWith(t, err, client.FailMessageID)
	if err := ada.FlushConversation(Context(t), conv); err != nil {
		t.Fatal(err)
	}
	if m, err := ada.Queue(Context(t), conv, id, "once"); err != nil || m.State != client.StateSent {
		t.Fatalf("%+v %v", m, err)
	}
	if err := ada.FlushConversation(Context(t), conv); err != nil {
		t.Fatal(err)
	}
	ada.Say(conv, "last")
	omar.AwaitText("last")
	all, err := omar.History(Context(t), conv)
	if err != nil || len(all) != 2 || all[0].Text != "once" {
		t.Fatalf("%+v %v", all, err)
	}
}
