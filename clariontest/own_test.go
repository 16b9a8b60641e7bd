// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
)

// TestSettingsAreBounded: no more than 256 of them, whatever the program.
func TestSettingsAreBounded(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	ctx := Context(t)
	for n := range 256 {
		if err := ada.SetSetting(ctx, fmt.Sprintf("n%d", n), "x"); err != nil {
			t.Fatal(err)
		}
	}
	FailsWith(t, ada.SetSetting(ctx, "one_too_many", "x"), client.FailSetting)
	if err := ada.SetSetting(ctx, "n7", "y"); err != nil {
		t.Errorf("one that is there cannot be changed: %v", err)
	}
	if err := ada.SetSetting(ctx, "n7", ""); err != nil {
		t.Fatal(err)
	}
	if err := ada.SetSetting(ctx, "one_too_many", "x"); err != nil {
		t.Errorf("there is no room though one was forgotten: %v", err)
	}
}

// TestDevices: the own devices are the directory's, before and after a restore
// from the sheet; a directory that forks is refused.
func TestDevices(t *testing.T) {
	s := NewServer(t)
	ada, words := s.Register("ada")
	ctx := Context(t)
	list, err := ada.Devices(ctx)
	me, _ := ada.WhoAmI(ctx)
	if err != nil || len(list) != 1 || !list[0].This || list[0].Fingerprint != me.Device {
		t.Fatalf("the devices are %+v (%v)", list, err)
	}
	now := s.Clock.Now()
	if d := list[0]; d.Since.After(now) || now.Sub(d.Since) > 2*day || d.Until.Sub(now) < 80*day || d.Until.Sub(now) > 91*day {
		t.Errorf("the device is named since %v, certified until %v", d.Since, d.Until)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	ada.Stop()
	again := s.Open("ada", Options{})
	if err := again.Restore(ctx, client.RestoreParams{Server: s.URL, Name: "ada", Words: words}); err != nil {
		t.Fatal(err)
	}
	if list, err = again.Devices(ctx); err != nil || len(list) != 1 || !list[0].This || list[0].Fingerprint == me.Device {
		t.Errorf("restored, the devices are %+v (%v)", list, err)
	}
	// The lost device, asking, learns that the directory names another.
	old := ada.Reopen()
	if list, err = old.Devices(ctx); err == nil && (len(list) != 1 || list[0].This) {
		t.Errorf("to the lost device the devices are %+v", list)
	}
	// Two restores from one backup make two chains: neither device believes
	// the other's.
	again.Stop()
	old.Stop()
	s.Restore(backup)
	other := s.Open("ada", Options{})
	if err := other.Restore(ctx, client.RestoreParams{Server: s.URL, Name: "ada", Words: words}); err != nil {
		t.Fatal(err)
	}
	_, err = again.Reopen().Devices(ctx)
	FailsWith(t, err, client.FailIdentity)
}

// TestUnblockAndDecline: a block taken back gives back what there was; a
// request that is declined is gone, and the next one is a first one.
func TestUnblockAndDecline(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	conv := Meet(ada, omar)
	ctx := Context(t)
	FailsWith(t, ada.Unblock(ctx, "omar"), client.FailNoContact)
	if err := ada.Block(ctx, "omar"); err != nil {
		t.Fatal(err)
	}
	omar.Say(conv, "while blocked")
	if err := ada.Unblock(ctx, "omar"); err != nil {
		t.Fatal(err)
	}
	omar.Say(conv, "after that")
	ada.AwaitText("after that")
	ada.Say(conv, "I hear you")
	omar.AwaitText("I hear you")

	asks := func() {
		t.Helper()
		if _, err := lin.Accept(ctx, "ada"); err != nil {
			t.Fatal(err)
		}
		Await(ada, "Lin's request", func(e client.ContactRequested) bool { return e.From.Name == "lin" })
	}
	asks()
	FailsWith(t, ada.Decline(ctx, "omar"), client.FailNoContact)
	if err := ada.Decline(ctx, "lin"); err != nil {
		t.Fatal(err)
	}
	if how := checkedOf(ada, "lin"); how != "no contact" {
		t.Errorf("Lin is still a contact (%q)", how)
	}
	FailsWith(t, ada.Decline(ctx, "lin"), client.FailNoContact)
	// She asks again, from a conversation of another id.
	v, err := lin.Find(ctx, "ada")
	if err == nil {
		err = lin.Leave(ctx, v.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	lin.Online()
	asks()
	if err := ada.Block(ctx, "lin"); err != nil {
		t.Fatal(err)
	}
	if err := ada.Unblock(ctx, "lin"); err != nil {
		t.Fatal(err)
	}
	if how := checkedOf(ada, "lin"); how != "no contact" {
		t.Errorf("a stranger who was blocked is kept as a contact (%q)", how)
	}
}

// TestNamesAreKeyed: the names of a vault's records, which stand in clear, hold
// no handle and no name of a setting; and of two vaults that know the same they
// are not the same, so a guessed one cannot be tried.
func TestNamesAreKeyed(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	lin, _ := s.Register("lin")
	omar, _ := s.Register("omar")
	guessable := map[string]int{}
	for _, c := range []*Client{ada, lin} {
		Meet(c, omar)
		if err := c.SetSetting(Context(t), "evening_look", "night"); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Setting(Context(t), "evening_look"); err != nil || v != "night" {
			t.Fatalf("the setting is %q (%v)", v, err)
		}
		all, err := c.Vault.Scan(Context(t), "", "", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		values := ""
		for _, r := range all {
			for _, clear := range []string{"omar", "evening", "look"} {
				if strings.Contains(r.Key, clear) {
					t.Errorf("%s has a record named %q", c.Name, r.Key)
				}
			}
			for _, kind := range []string{"contact/", "dir/", "setting/"} {
				if strings.HasPrefix(r.Key, kind) {
					guessable[r.Key]++
				}
			}
			values += string(r.Value)
		}
		if !strings.Contains(values, "omar") || !strings.Contains(values, "night") {
			t.Error("the search finds nothing where it must")
		}
	}
	if len(guessable) != 6 {
		t.Errorf("two vaults with a contact, a chain and a setting each name them %v", guessable)
	}
}
