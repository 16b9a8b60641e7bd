// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"testing"

	"clarion.chat/clarion/wire"
)

// TestMailboxHoldings: the current pass of a conversation's mailbox opens the
// answer; nothing else does, and no account comes into it.
func TestMailboxHoldings(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	ok[*wire.Appended](c, v.message("x"))
	get := &wire.GetMailboxHoldings{Mailbox: v.id, Pass: v.pass}
	if h := ok[*wire.MailboxHoldings](c, get); len(h.Tables) != 3 || h.Head != 1 || len(h.Sizes) != 1 || h.Keep == 0 {
		t.Errorf("%+v", h)
	}
	wrong := *get
	wrong.Pass = fill[wire.Pass]()
	c.refused(wire.CodeWrongPass, &wrong)
	wrong = *get
	wrong.Mailbox = fill[wire.MailboxID]()
	c.refused(wire.CodeNoMailbox, &wrong)
	ada, account := r.registered("ada")
	account.refused(wire.CodeUnknownCommand, get)
	c.refused(wire.CodeWrongPass, &wire.GetMailboxHoldings{Mailbox: ada.entry.Inbox, Pass: ada.inboxPass})
}
