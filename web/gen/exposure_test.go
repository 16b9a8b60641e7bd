// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"clarion.chat/clarion/exposure"
)

// TestExposureIsCurrent: page, terminal and public pages say the same of who
// could hear what, word by word, with the same arguments.
func TestExposureIsCurrent(t *testing.T) {
	files := map[string]string{catalogue: exposureCatalogue(), chosen: exposureChoice()}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what package exposure says now: go run ./web/gen", name)
		}
	}
	var read map[string]string
	if err := json.Unmarshal([]byte(files[catalogue]), &read); err != nil {
		t.Fatal(err)
	}
	for _, w := range exposure.Words() {
		if got := read["exposure_"+w.Code]; got != w.Text {
			t.Errorf("the page says %q where exposure says %q", got, w.Text)
		}
		delete(read, "exposure_"+w.Code)
	}
	for key := range read {
		t.Errorf("the page has words for %s, and exposure has none", key)
	}
}
