// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKindOf(t *testing.T) {
	for path, want := range map[string]string{
		"/assets/index-a1.js": "shell", "/assets/index-a1.css": "css", "/assets/text-b2.woff2": "fonts", "/assets/clarion-c3.wasm": "core",
		"/assets/worker-d4.js": "core", "/sw.js": "", "/icon.svg": "", "/about": "",
	} {
		if got := kindOf(path); got != want {
			t.Errorf("%s counts as %q, want %q", path, got, want)
		}
	}
}

func TestTravels(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.js")
	if _, err := travels(file); err == nil {
		t.Error("a file that is not there has a size")
	}
	for _, step := range []struct {
		name string
		size int
	}{{file, 100}, {file + ".br", 40}} { // the packed one counts once it is there
		if err := os.WriteFile(step.name, make([]byte, step.size), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := travels(file); err != nil || got != step.size {
			t.Errorf("%d bytes, error %v, want %d", got, err, step.size)
		}
	}
}
