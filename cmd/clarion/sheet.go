// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"clarion.chat/clarion/client"
)

const (
	sheetWords   = 24
	sheetColumns = 4
	maxSheetFile = 64 << 10 // bytes; a sheet is far smaller
)

// printSheet shows the recovery sheet, numbered downwards in columns.
func (inv *invocation) printSheet(me client.Me, words []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "You are %s.\n\n%s\n\n", line(me.Handle.String()), inv.style.strong("RECOVERY SHEET of "+line(me.Handle.String())))
	rows := (len(words) + sheetColumns - 1) / sheetColumns
	for y := range rows {
		row := ""
		for x := range sheetColumns {
			if i := x*rows + y; i < len(words) {
				row += fmt.Sprintf("   %2d %-10s", i+1, words[i])
			}
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	b.WriteString(`
Write the words down in this order, on paper, and keep the paper safe.
They bring your name and contacts back when this device is lost, with
` + "`clarion restore`" + `. Nobody else has them: not the server, not its operator,
and this program shows them only now. Whoever has them can be you.
`)
	_, err := io.WriteString(inv.out, b.String())
	return err
}

// wordsFrom reads the words of a sheet from a file, or from stdin for "-". An
// empty name gives no words.
func (inv *invocation) wordsFrom(name file) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	in := inv.in
	if name != "-" {
		f, err := os.Open(string(name))
		if err != nil {
			return nil, unreadable(err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxSheetFile+1))
	if err != nil {
		return nil, unreadable(err)
	}
	words := parseSheet(string(b))
	if len(b) > maxSheetFile || len(words) == 0 {
		// A nil list would mean new words; this one the core refuses by name.
		return []string{""}, nil
	}
	return words, nil
}

func unreadable(err error) *client.Failure {
	return &client.Failure{Code: failFile, Text: "the file with the words cannot be read", Hint: "check its name and who may read it", Cause: err}
}

// parseSheet finds the words in a sheet as printed, copied by hand or saved as
// JSON. Where 1 to 24 each stand before a word, the numbers say the order,
// because a printed sheet runs downwards in columns. Otherwise every word
// counts as it stands.
func parseSheet(text string) []string {
	var saved registeredShape
	if json.Unmarshal([]byte(text), &saved) == nil && len(saved.Words) > 0 {
		return saved.Words
	}
	var plain []string
	numbered := map[int]string{}
	number, clash := 0, false
	for _, field := range strings.Fields(text) {
		digits := len(field) - len(strings.TrimLeft(field, "0123456789"))
		if digits > 0 && digits <= 2 {
			number, _ = strconv.Atoi(field[:digits])
			field = strings.TrimLeft(field[digits:], ".):")
			if field == "" {
				continue
			}
		}
		word := strings.ToLower(strings.TrimRight(field, ".,;"))
		if !isWord(word) {
			number = 0
			continue
		}
		plain = append(plain, word)
		if number > 0 {
			clash = clash || numbered[number] != "" && numbered[number] != word
			numbered[number] = word
		}
		number = 0
	}
	ordered := make([]string, 0, sheetWords)
	for i := 1; i <= sheetWords && numbered[i] != ""; i++ {
		ordered = append(ordered, numbered[i])
	}
	if len(ordered) == sheetWords && !clash {
		return ordered
	}
	return plain
}

func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return s != ""
}
