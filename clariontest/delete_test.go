// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
	"clarion.chat/clarion/wire"
)

// TestDeleteEverything: holdings name live rows, deleting empties them, the
// vault is empty, the name is not given again, and what others have stays.
func TestDeleteEverything(t *testing.T) {
	s := NewServer(t)
	ada, words := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	ada.Say(conv, "you keep this")
	omar.AwaitText("you keep this")
	held, err := ada.Holdings(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]uint64{}
	for _, h := range held.Tables {
		rows[h.Table] = h.Rows
	}
	for _, table := range []string{"account", "device", "directory_entry", "key_package", "recovery_blob", "mailbox", "envelope"} {
		if rows[table] == 0 {
			t.Errorf("holdings do not name a row of %s: %v", table, rows)
		}
	}
	gone, err := ada.DeleteEverything(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	deleted := map[string]uint64{}
	for _, d := range gone.Tables {
		deleted[d.Table] = d.Rows
	}
	for table, n := range rows {
		if deleted[table] < n {
			t.Errorf("%d rows of %s were held, %d deleted", n, table, deleted[table])
		}
	}
	if len(gone.Beyond) == 0 {
		t.Error("nothing is said of what deleting cannot reach")
	}
	if _, err := ada.Contacts(Context(t)); err == nil {
		t.Error("the vault still holds an account")
	}
	_, err = omar.Accept(Context(t), "ada@"+s.Host)
	FailsWith(t, err, "no_such_account")
	h, err := omar.History(Context(t), conv)
	if err != nil || len(h) != 1 || h[0].Text != "you keep this" {
		t.Errorf("Omar has %+v (%v)", h, err)
	}
	again := s.Open("ada", Options{})
	_, err = again.Register(Context(t), client.RegisterParams{Server: s.URL, Name: "ada"})
	FailsWith(t, err, "name_deleted")
	err = again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "ada", Words: words})
	FailsWith(t, err, "no_such_account")
}

// noMailbox opens no mailbox door any more, once it is told to.
type noMailbox struct {
	dial.Dialer
	on atomic.Bool
}

// Dial implements client.Dialer.
func (d *noMailbox) Dial(ctx context.Context, server string, door client.DoorName) (client.Conn, error) {
	if d.on.Load() && door == client.MailboxDoor {
		return nil, errors.New("the way is blocked")
	}
	return d.Dialer.Dial(ctx, server, door)
}

// TestDeletedAccountsCopy: deleting does not reach a copy of the vault, which
// goes on where the members could not be told, until they remove it; and that
// is said.
func TestDeletedAccountsCopy(t *testing.T) {
	s := NewServer(t)
	blocked := new(noMailbox)
	ada, _ := s.RegisterWith("ada", Options{Dialer: blocked})
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(omar, lin)
	omar.Online()
	group, err := omar.NewGroup(Context(t), "Harbour", []string{"ada", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	Await[client.ConversationJoined](ada, "the group", nil)
	ada = ada.Reopen()
	if _, err := ada.Holdings(Context(t)); err != nil { // the account door is open
		t.Fatal(err)
	}
	kept := ada.Vault.Clone()
	blocked.on.Store(true)
	gone, err := ada.DeleteEverything(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, begin := range []string{"Copies of this device's vault: ", "The members of 2 of your conversations: "} {
		if !slices.ContainsFunc(gone.Beyond, func(s string) bool { return strings.HasPrefix(s, begin) }) {
			t.Errorf("nothing is said of %s%q", begin, gone.Beyond)
		}
	}
	copied := s.Open("ada's copy", Options{Vault: kept})
	if _, err := copied.Send(Context(t), group.ID, "still here"); err != nil {
		t.Fatal(err)
	}
	if err := copied.FlushConversation(Context(t), group.ID); err != nil {
		t.Fatal(err)
	}
	omar.AwaitText("still here")
	if err := omar.RemoveMember(Context(t), group.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err = copied.Send(Context(t), group.ID, "and now"); err == nil {
		err = copied.FlushConversation(Context(t), group.ID)
	}
	FailsWith(t, err, string(wire.CodeStalePass))
}

// TestDeletionLeaves: whoever deletes everything leaves their conversations,
// and a copy of their vault is out of them.
func TestDeletionLeaves(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	two := Meet(ada, omar)
	omar.Online()
	group, err := omar.NewGroup(Context(t), "Harbour", []string{"ada"})
	if err != nil {
		t.Fatal(err)
	}
	Await[client.ConversationJoined](ada, "the group", nil)
	kept := ada.Vault.Clone()
	gone, err := ada.DeleteEverything(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, sentence := range gone.Beyond {
		if strings.HasPrefix(sentence, "The members of ") {
			t.Error(sentence)
		}
	}
	for _, id := range []string{two, group.ID} {
		Await(omar, "Ada's leaving", func(e client.MemberRemoved) bool {
			return e.Conversation == id && e.Handle.Name == "ada" && e.Left
		})
	}
	copied := s.Open("ada's copy", Options{Vault: kept})
	for _, id := range []string{two, group.ID} {
		_, err := copied.Send(Context(t), id, "still here")
		if err == nil {
			err = copied.FlushConversation(Context(t), id)
		}
		if err == nil {
			t.Errorf("a copy still writes in %s", id)
		}
	}
	if h, err := omar.History(Context(t), group.ID); err != nil || slices.ContainsFunc(h, func(m client.Message) bool { return m.Text == "still here" }) {
		t.Errorf("Omar has %v, %v", h, err)
	}
}
