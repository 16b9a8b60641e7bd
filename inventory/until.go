// SPDX-License-Identifier: AGPL-3.0-or-later

package inventory

import (
	"strconv"
	"strings"

	"clarion.chat/clarion/wire"
)

// Sentence says a word of UNTIL for a person: how long a thing stays. It is
// empty for what is no such word, see ValidUntil.
func Sentence(until string) string {
	switch until {
	case "account":
		return "until the account is deleted"
	case "keep":
		return "until the conversation's own limit, " + strconv.Itoa(wire.MaxKeep) + " days at the longest"
	case "spent":
		return "until it is used"
	case "run":
		return "until the process or the connection ends"
	case "data":
		return "until the data folder is deleted"
	}
	if !ValidUntil(until) {
		return ""
	}
	unit, number, _ := strings.Cut(until, ":")
	if number == "1" {
		unit = strings.TrimSuffix(unit, "s")
	}
	return "for " + number + " " + unit + " after it was made or last used, at the longest"
}

// OfPeople reports whether a row holds something of people, as its WHOSE says,
// and not only of the server or its operator.
func (r Row) OfPeople() bool {
	switch r.Whose {
	case "nobody", "the server", "the operator":
		return false
	}
	return true
}
