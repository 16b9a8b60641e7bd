// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"strings"
	"testing"

	"clarion.chat/clarion/client"
)

// TestDrafts: what is being written is there after a restart, in this vault
// alone, and goes when it is emptied.
func TestDrafts(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	if err := ada.SetDraft(Context(t), conv, "Dear Omar"); err != nil {
		t.Fatal(err)
	}
	if err := ada.SetSetting(Context(t), "look", "dark"); err != nil {
		t.Fatal(err)
	}
	FailsWith(t, ada.SetDraft(Context(t), conv, strings.Repeat("a", 16_001)), client.FailTooLong)
	FailsWith(t, ada.SetDraft(Context(t), conv, "\xff"), client.FailNotText)
	FailsWith(t, ada.SetSetting(Context(t), "Look", "dark"), client.FailSetting)
	FailsWith(t, ada.SetSetting(Context(t), "look", strings.Repeat("a", 1025)), client.FailSetting)
	ada.Stop()
	ada = ada.Reopen()
	if text, err := ada.Draft(Context(t), conv); err != nil || text != "Dear Omar" {
		t.Fatalf("%q %v", text, err)
	}
	if list, err := ada.Drafts(Context(t)); err != nil || len(list) != 1 || list[0] != (client.Draft{Conversation: conv, Text: "Dear Omar"}) {
		t.Fatalf("%+v %v", list, err)
	}
	if value, err := ada.Setting(Context(t), "look"); err != nil || value != "dark" {
		t.Fatalf("%q %v", value, err)
	}
	if text, err := omar.Draft(Context(t), conv); err != nil || text != "" {
		t.Fatalf("%q %v", text, err)
	}
	if err := ada.SetDraft(Context(t), conv, ""); err != nil {
		t.Fatal(err)
	}
	if list, err := ada.Drafts(Context(t)); err != nil || len(list) != 0 {
		t.Fatalf("%+v %v", list, err)
	}
}
