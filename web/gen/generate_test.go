// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGeneratedIsCurrent(t *testing.T) {
	want, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", output))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says now: go run ./web/gen", output)
	}
	// What each kind of type became.
	for _, line := range []string{
		`	| { event: "message_arrived"; message: Message; }`,
		`export type ContactState = "accepted" | "blocked" | "requested";`,
		"	checked: Checked | null;", "	members: string[];", "	signature: Uint8Array;", "	expires: number;", "	invite?: string;",
	} {
		if !strings.Contains(want, line+"\n") {
			t.Errorf("there is no line %q", line)
		}
	}
}

func TestEveryCallIsWritten(t *testing.T) {
	s, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.entries("All") {
		if e.doc == "" {
			t.Errorf("no comment of Go explains %s: write one above its line", e.name)
		}
	}
}
