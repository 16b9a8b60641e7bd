// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// someWords are 24 different words whose order can be told.
func someWords() []string {
	words := make([]string, sheetWords)
	for i := range words {
		words[i] = "word" + string(rune('a'+i))
	}
	return words
}

func TestAPrintedSheetReadsBack(t *testing.T) {
	words := someWords()
	for _, name := range []string{"ada", "x1"} {
		var out bytes.Buffer
		inv := &invocation{out: &out}
		me := client.Me{Handle: wire.Handle{Name: name, Host: "10.0.0.1:24"}}
		if err := inv.printSheet(me, words); err != nil {
			t.Fatal(err)
		}
		if got := parseSheet(out.String()); !slices.Equal(got, words) {
			t.Errorf("the sheet\n%sreads as %q", out.String(), got)
		}
	}
}

func TestParseSheet(t *testing.T) {
	words := someWords()
	numbered := func(format string) string {
		var b strings.Builder
		for i, w := range words {
			fmt.Fprintf(&b, format, i+1, w)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"plain":          strings.Join(words, " "),
		"lines":          strings.Join(words, "\r\n") + "\r\n",
		"upper case":     strings.ToUpper(strings.Join(words, "\n")),
		"commas":         strings.Join(words, ", "),
		"numbers":        numbered("%d %s\n"),
		"dots":           numbered("%d. %s  "),
		"no space":       numbered("%d.%s "),
		"brackets":       numbered("%d) %s\t"),
		"prose around":   "my sheet from 2026:\n" + numbered("%02d %s\n") + "keep it in the drawer",
		"JSON":           `{"handle":"ada@x","words":["` + strings.Join(words, `","`) + `"],"fingerprint":"00"}`,
		"number wrapped": strings.ReplaceAll(numbered("%d %s "), " wordp", "\nwordp"),
	} {
		if got := parseSheet(text); !slices.Equal(got, words) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Numbers that contradict each other decide nothing.
	if got := parseSheet(numbered("%d %s ") + " 3 other"); len(got) != sheetWords+1 {
		t.Errorf("two words under one number gave %q", got)
	}
	for _, text := range []string{"", "12 34", "é 漢", "1 2 3"} {
		if got := parseSheet(text); len(got) != 0 {
			t.Errorf("%q holds words: %q", text, got)
		}
	}
}

func FuzzParseSheet(f *testing.F) {
	f.Add("1 abandon 2 ability")
	f.Add(`{"words":["a"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		words := parseSheet(text)
		if len(words) > len(text) {
			t.Fatalf("%d words out of %d bytes", len(words), len(text))
		}
		// What was found, written plainly, is found again.
		if plain := strings.Join(words, " "); !strings.HasPrefix(strings.TrimSpace(text), "{") && !slices.Equal(parseSheet(plain), words) {
			t.Fatalf("%q reads differently when written plainly: %q", text, words)
		}
	})
}
