// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"slices"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
)

// TestSheetIsKeptUntilForgotten: a program that ends before it has shown the
// words shows them when it is started again, and no more once they were
// confirmed. The words that come back are those that bring the account back.
func TestSheetIsKeptUntilForgotten(t *testing.T) {
	s := NewServer(t)
	ada := s.Open("ada", Options{})
	words, err := ada.Register(Context(t), client.RegisterParams{Server: s.URL, Name: "ada", KeepSheet: true})
	if err != nil || !client.CheckSheet(words).Fits {
		t.Fatalf("%v (%v)", words, err)
	}
	ada = ada.Reopen()
	kept, err := ada.Sheet(Context(t))
	if err != nil || !slices.Equal(kept, words) {
		t.Fatalf("after a restart the sheet reads %v, not %v (%v)", kept, words, err)
	}
	if err := ada.ForgetSheet(Context(t)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if kept, err = ada.Sheet(Context(t)); err != nil || kept != nil {
			t.Fatalf("once forgotten the sheet reads %v (%v)", kept, err)
		}
		ada = ada.Reopen()
	}
	again := s.Open("ada", Options{})
	if err := again.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "ada", Words: words}); err != nil {
		t.Fatal(err)
	}
	if kept, err = again.Sheet(Context(t)); err != nil || kept != nil {
		t.Fatalf("after coming back the vault keeps %v (%v)", kept, err)
	}
	omar, _ := s.Register("omar")
	if kept, err = omar.Sheet(Context(t)); err != nil || kept != nil {
		t.Fatalf("a sheet that nobody asked to keep reads %v (%v)", kept, err)
	}
}

func TestCheckSheet(t *testing.T) {
	fits := append(slices.Repeat([]string{"abandon"}, 23), "art")
	if c := client.CheckSheet(fits); !c.Fits || c.Unknown != nil {
		t.Errorf("a sheet: %+v", c)
	}
	if c := client.CheckSheet(strings.Fields("Abandon abandn zoo zzz")); c.Fits || !slices.Equal(c.Unknown, []int{1, 3}) {
		t.Errorf("two of four are unknown: %+v", c)
	}
	if c := client.CheckSheet(slices.Repeat([]string{"abandon"}, 24)); c.Fits || c.Unknown != nil {
		t.Errorf("a checksum that does not fit: %+v", c)
	}
}
