// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"clarion.chat/clarion/inventory"
)

// MaxStatement is the longest Operator, Jurisdiction or Contact, in bytes.
const MaxStatement = 200

// Statement checks what an operator says of itself: one line of text, without
// controls that could make it read as something else. It may be empty.
func Statement(text string) error {
	switch {
	case len(text) > MaxStatement:
		return fmt.Errorf("at most %d bytes, not %d", MaxStatement, len(text))
	case !utf8.ValidString(text):
		return errors.New("text in UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' }):
		return errors.New("one line of text without control characters")
	}
	return nil
}

// about says whose server this is and what it will hold, before anybody has an
// account. What the operator says of itself is the operator's word; each line
// of Holds is the inventory's, which the tables are made and purged by.
type about struct {
	Operator     string    `json:"operator"`
	Host         string    `json:"host"`
	Jurisdiction string    `json:"jurisdiction"`
	Contact      string    `json:"contact"`
	Registration string    `json:"registration"` // open, invite or closed
	KeepDays     int       `json:"keep_days"`    // the longest keep granted to a conversation
	Version      string    `json:"version"`      // of the program
	Holds        []holding `json:"holds"`
	Could        []string  `json:"could"`  // what it could be ordered to record from now on
	Cannot       []string  `json:"cannot"` // what it cannot give
	Beyond       []string  `json:"beyond"` // what deleting an account does not reach
}

// holding is a line of the inventory that is about people.
type holding struct {
	Table string `json:"table"`
	What  string `json:"what"`
	Why   string `json:"why"`
	Until string `json:"until"` // a sentence
	Limit string `json:"limit"` // the same in the inventory's words
}

// readHoldings lists what the inventory says about people.
func readHoldings() ([]holding, error) {
	rows, err := Inventory()
	var all []holding
	for _, r := range rows {
		if r.OfPeople() {
			all = append(all, holding{r.Table, r.Holds, r.Why, inventory.Sentence(r.Until), r.Until})
		}
	}
	return all, err
}

// about answers GET /about.json, the same to everybody.
func (srv *Server) about(w http.ResponseWriter, _ *http.Request) {
	could, cannot := srv.c.Tenses()
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(about{
		Operator: srv.c.Operator, Host: srv.host(), Jurisdiction: srv.c.Jurisdiction, Contact: srv.c.Contact,
		Registration: srv.c.Registration.String(), KeepDays: int(srv.c.Keep), Version: srv.c.Version, Holds: srv.holds,
		Could: could, Cannot: cannot, Beyond: srv.c.Beyond(),
	})
}
