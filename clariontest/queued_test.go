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
