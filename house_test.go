// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"slices"
	"strings"
	"testing"
)

// rule is one rule of the house. check returns what breaks it, a line each.
// The examples break it on purpose: a rule that misses one checks nothing.
type rule struct {
	name     string
	reason   string
	check    func(*house) []string
	examples []example
}

// example is a small house that breaks one rule, and words of the complaint.
type example struct {
	files   map[string]string
	deps    map[string][]string // all that a package links, by import path
	wasm    map[string][]string // the same for the browser
	excused map[string]string
	want    string
}

// TestHouse holds the tree to the rules of the house. Each rule is tried on its
// bad examples first.
func TestHouse(t *testing.T) {
	h := load(t)
	for _, r := range slices.Concat(importRules(), sourceRules(), treeRules(), docRules()) {
		t.Run(r.name, func(t *testing.T) {
			for _, e := range r.examples {
				found := r.check(e.house(t))
				if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, e.want) }) {
					t.Errorf("control: this rule finds %q in an example where it should find %q", found, e.want)
				}
			}
			if len(r.examples) == 0 {
				t.Error("control: this rule has no example that breaks it")
			}
			for _, f := range r.check(h) {
				t.Errorf("%s\n\tthe rule: %s", f, r.reason)
			}
		})
	}
}

// TestHouseIsSeen fails when the rules would hold because nothing was looked at.
func TestHouseIsSeen(t *testing.T) {
	h := load(t)
	for _, room := range []string{
		"wire", "keydir", "inventory", "exposure", "mls", "client", "client/vault", "client/call", "server", "server/internal/store", "server/internal/relay",
	} {
		if len(h.deps[module+"/"+room]) == 0 {
			t.Errorf("the import graph lacks %s", room)
		}
		if !slices.ContainsFunc(h.files, func(f *file) bool { return f.folder() == room && f.syntax != nil }) {
			t.Errorf("no source file of %s is read", room)
		}
	}
	for _, room := range []string{"client", "cmd/clarion-wasm"} {
		if len(h.wasm[module+"/"+room]) == 0 {
			t.Errorf("the browser's import graph lacks %s", room)
		}
	}
	if !slices.ContainsFunc(h.files, func(f *file) bool { return f.syntax == nil }) {
		t.Error("no file but Go's is read")
	}
}
