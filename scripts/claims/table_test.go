// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clarion.chat/clarion/exposure"
)

const root = "../.."

// facts are the fields of exposure.Facts, those of a person as People.Field.
func facts() []string {
	var all []string
	for f := range reflect.TypeFor[exposure.Facts]().Fields() {
		if f.Name != "People" {
			all = append(all, f.Name)
		}
	}
	for f := range reflect.TypeFor[exposure.Person]().Fields() {
		all = append(all, "People."+f.Name)
	}
	return all
}

// TestTableFits: each entry can be tried: its place is there, and so is its
// test; it breaks a fact or a claim that exists. Of each fact the gathering is
// broken, or a reason is given why not yet.
func TestTableFits(t *testing.T) {
	known, broken := map[string]bool{}, map[string]bool{}
	for _, f := range facts() {
		known[f] = true
	}
	for _, p := range exposure.Proofs() {
		known[p.Code] = true
	}
	for _, e := range table() {
		broken[e.fact] = broken[e.fact] || !strings.HasPrefix(e.file, "exposure/") // where facts are used, not gathered
		if !known[e.fact] {
			t.Errorf("%s is neither a fact nor a claim", e.fact)
		}
		b, err := os.ReadFile(filepath.Join(root, e.file))
		if err != nil {
			t.Fatal(err)
		}
		if after, err := edited(string(b), e); err != nil || after == string(b) {
			t.Errorf("%s: %v", e.fact, err)
		}
		if spec, title, page := strings.Cut(e.test, ": "); page {
			text, err := os.ReadFile(filepath.Join(root, spec))
			if err != nil || !strings.Contains(string(text), "test('"+title) {
				t.Errorf("%s: there is no test %s", e.fact, e.test)
			}
			continue
		}
		room, function, _ := strings.Cut(e.test, ".")
		if _, err := findTest(root, room, function); err != nil {
			t.Errorf("%s: %v", e.fact, err)
		}
	}
	for _, f := range facts() {
		if (without()[f] == "") != broken[f] {
			t.Errorf("%s has to have an entry, or a reason why it has none, not both", f)
		}
	}
	for f := range without() {
		if !known[f] {
			t.Errorf("%s has a reason and is no fact", f)
		}
	}
}
