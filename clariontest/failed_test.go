// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"slices"
	"testing"

	"clarion.chat/clarion/client"
)

// writtenAway has a member write two texts without the server, which waits
// then for what others do meanwhile.
func writtenAway(c *Client, conv string, texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if _, err := c.Send(Context(c.t), conv, text); err != nil {
			c.t.Fatalf("%s writes %q: %v", c.Name, text, err)
		}
	}
}

// awaitFailed waits until each is told to have failed, and fails the test
// unless the history says so too, in the order they were written.
func awaitFailed(c *Client, conv string, texts ...string) {
	c.t.Helper()
	for range texts {
		Await(c, "a message that failed", func(e client.MessageStateChanged) bool {
			return e.Conversation == conv && e.State == client.StateFailed && e.Seq > 0
		})
	}
	var failed []string
	for _, m := range history(c, conv) {
		if m.State == client.StateFailed {
			failed = append(failed, m.Text)
		}
	}
	if !slices.Equal(failed, texts) {
		c.t.Errorf("%s's history says that %q failed", c.Name, failed)
	}
	spoken(c, conv)
}

// TestFailedIsTold: whoever was removed meanwhile, or left by the other person,
// learns with the removal that what waits will not go, and it does not go when
// they are back.
func TestFailedIsTold(t *testing.T) {
	_, ada, omar, lin, g := three(t)
	omar.Stop()
	omar = omar.Reopen()
	writtenAway(omar, g, "too late", "and this")
	if err := ada.RemoveMember(Context(t), g, "omar"); err != nil {
		t.Fatal(err)
	}
	omar.Online()
	awaitFailed(omar, g, "too late", "and this")
	stands(omar, g, client.ConversationRemoved, 2)

	if err := ada.AddMember(Context(t), g, "omar"); err != nil {
		t.Fatal(err)
	}
	join(omar, g)
	omar.Say(g, "here again")
	lin.AwaitText("here again")
	for _, m := range history(lin, g) {
		if m.Text == "too late" || m.Text == "and this" {
			t.Errorf("Lin has %q", m.Text)
		}
	}

	var direct string
	list, err := omar.Conversations(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Direct {
			direct = v.ID
		}
	}
	omar.Stop()
	omar = omar.Reopen()
	writtenAway(omar, direct, "are you there?")
	mustLeave(ada, direct)
	omar.Online()
	awaitFailed(omar, direct, "are you there?")
	stands(omar, direct, client.ConversationEnded, 2)
}
