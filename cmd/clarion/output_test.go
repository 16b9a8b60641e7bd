// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestAReaderThatWentAway: a pipe whose reader has ended.
func TestAReaderThatWentAway(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--home", "none", "version"}, {"--home", "none", "version", "--json"}, {"--help"}, {"send", "--help"}} {
		var said bytes.Buffer
		status := program{getenv: noEnvironment}.Run(t.Context(), args, strings.NewReader(""), writer, &said)
		if status != exitOther || !strings.Contains(said.String(), failOutput) || strings.Contains(said.String(), "try again") {
			t.Errorf("%v ends with %d and says %s", args, status, said.String())
		}
	}
}
