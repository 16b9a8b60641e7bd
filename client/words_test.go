// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/tyler-smith/go-bip39"
	"github.com/tyler-smith/go-bip39/wordlists"
)

// TestWords holds the sheet's words to an independent implementation.
func TestWords(t *testing.T) {
	if !slices.Equal(strings.Fields(wordList), wordlists.English) {
		t.Fatal("words.txt is not the English list of BIP 39")
	}
	for range 500 {
		var e [32]byte
		rand.Read(e[:])
		words := wordsOf(e)
		want, err := bip39.NewMnemonic(e[:])
		if err != nil || strings.Join(words, " ") != want {
			t.Fatalf("%x gives %v, not %q (%v)", e, words, want, err)
		}
		back, ok := entropyOf(words)
		if !ok || back != e {
			t.Fatalf("%v reads as %x, %v", words, back, ok)
		}
		words[7], words[8] = words[8], words[7]
		_, err = bip39.EntropyFromMnemonic(strings.Join(words, " "))
		if _, ok := entropyOf(words); ok != (err == nil) {
			t.Fatalf("%v: ours says %v, the other %v", words, ok, err)
		}
	}
	for _, bad := range []string{"", "abandon", strings.Repeat("abandon ", 24), strings.Repeat("zzz ", 24), strings.Repeat("abandon ", 12)} {
		if _, ok := entropyOf(strings.Fields(bad)); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}
