// SPDX-License-Identifier: AGPL-3.0-or-later

package inventory

import "testing"

func TestSentence(t *testing.T) {
	for until, want := range map[string]string{
		"account": "until the account is deleted",
		"keep":    "until the conversation's own limit, 30 days at the longest",
		"days:31": "for 31 days after it was made or last used, at the longest",
		"hours:1": "for 1 hour after it was made or last used, at the longest",
		"spent":   "until it is used",
		"run":     "until the process or the connection ends",
		"data":    "until the data folder is deleted",
		"forever": "", "days:0": "", "": "",
	} {
		if got := Sentence(until); got != want {
			t.Errorf("%q is said as %q, want %q", until, got, want)
		}
	}
	for _, row := range Other() {
		if Sentence(row.Until) == "" {
			t.Errorf("%s %s has no sentence for %q", row.Table, row.Column, row.Until)
		}
	}
}

func TestOfPeople(t *testing.T) {
	for whose, want := range map[string]bool{
		"the person": true, "the members, whom the server does not know": true, "whoever connects": true,
		"the server": false, "nobody": false, "the operator": false,
	} {
		if got := (Row{Whose: whose}).OfPeople(); got != want {
			t.Errorf("of people, %q: %v", whose, got)
		}
	}
}
