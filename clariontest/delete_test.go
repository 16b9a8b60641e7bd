// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"slices"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
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
	if err != nil {
		t.Errorf("Omar cannot open what he has: %v", err)
	}
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

// TestDeletedAccountsCopy: deleting does not reach a copy of the vault, which
// goes on in its conversations until it is removed; and says so.
func TestDeletedAccountsCopy(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
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
	kept := ada.Vault.Clone()
	gone, err := ada.DeleteEverything(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(gone.Beyond, func(s string) bool { return strings.HasPrefix(s, "Copies of this device's vault: ") }) {
		t.Errorf("copies are not named: %q", gone.Beyond)
	}
	ada.Stop()
	copied := s.Open("ada's copy", Options{Vault: kept})
	m, err := copied.Send(Context(t), group.ID, "still here")
	if err != nil {
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
	if got, err := copied.Message(Context(t), group.ID, m.ID); err != nil || got.State != client.StateSent {
		t.Errorf("%v, %v", got.State, err)
	}
}
