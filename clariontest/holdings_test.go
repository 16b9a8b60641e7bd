// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

func held(c *Client, conv string) *client.SignedMailboxHoldings {
	c.t.Helper()
	h, err := c.ConversationHoldings(Context(c.t), conv)
	if err != nil {
		c.t.Fatalf("%s asks what is held of the conversation: %v", c.Name, err)
	}
	return h
}

// TestConversationHoldings: whoever has the pass is told, signed, the rows that
// the server holds of a conversation, and nobody else is.
func TestConversationHoldings(t *testing.T) {
	s, ada, omar, lin, g := three(t)
	var asked []client.DoorName
	watch := &Tap{Up: func(l *Link, _ wire.Ref, body wire.Body) bool {
		if _, is := body.(*wire.GetMailboxHoldings); is {
			asked = append(asked, l.Door)
		}
		return true
	}}
	omar.Stop()
	omar = s.Open("omar", Options{Vault: omar.Vault, Dialer: watch}).Online()
	before := held(omar, g)
	ada.Say(g, "one more")
	omar.AwaitText("one more")
	h := held(omar, g)
	rows := map[string]uint64{}
	for _, r := range h.Tables {
		rows[r.Table] = r.Rows
	}
	small := slices.IndexFunc(h.Sizes, func(z wire.SizeRows) bool { return z.Size == 512 })
	var all uint64
	for _, z := range h.Sizes {
		all += z.Rows
	}
	if rows["mailbox"] != 1 || rows["mailbox_epoch"] != 1 || rows["envelope"] != uint64(h.Head) || small < 0 || all != rows["envelope"] || h.Head <= before.Head {
		t.Errorf("the rows are %v, of sizes %v, up to place %d; before they went to %d", rows, h.Sizes, h.Head, before.Head)
	}
	now := s.Clock.Now().Unix() / 3600
	if h.FirstGone < now+30*24 || h.LastGone > now+30*24+1 || h.Keep != 30 || h.Agreed != 30 || h.Forget < h.LastGone {
		t.Errorf("deletion is at %d to %d, %d days, the mailbox at %d; it is %d", h.FirstGone, h.LastGone, h.Keep, h.Forget, now)
	}
	if len(h.Could) == 0 || len(h.Cannot) == 0 || !ed25519.Verify(h.ServerKey[:], h.SignedBytes(h.Host), h.Signature[:]) {
		t.Error("the answer lacks a tense or its signature")
	}
	for _, door := range asked {
		if door != client.MailboxDoor {
			t.Errorf("it was asked at the door %s", door)
		}
	}
	if len(asked) == 0 {
		t.Error("the question was not seen, so the search proves nothing")
	}
	if err := ada.RemoveMember(Context(t), g, "lin"); err != nil {
		t.Fatal(err)
	}
	_, err := lin.ConversationHoldings(Context(t), g)
	FailsWith(t, err, "stale_pass")
	if h := held(ada, g); h.Epoch != before.Epoch+1 {
		t.Errorf("the epoch is %d after one change from %d", h.Epoch, before.Epoch)
	}
}

// TestKeepDiffers: a member who tells the server another keep than the members
// is found out by whoever asks.
func TestKeepDiffers(t *testing.T) {
	in := newInsider(t)
	in.mu.Lock()
	in.tamper = func(a *wire.Append) {
		if a.EnvelopeKind == wire.KindCommit {
			a.Keep = 30
		}
	}
	in.mu.Unlock()
	if err := in.mal.SetKeep(Context(t), in.conv, 1); err != nil {
		t.Fatal(err)
	}
	Await(in.ada, "the change of keep", func(e client.KeepChanged) bool { return e.Days == 1 })
	if h := held(in.ada, in.conv); h.Keep != 30 || h.Agreed != 1 {
		t.Errorf("the server keeps for %d days, the members say %d", h.Keep, h.Agreed)
	}
	in.ada.AwaitProblem(client.ProblemKeepDiffers)
}
