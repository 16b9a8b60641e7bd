// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"clarion.chat/clarion/clariontest/chromium"
)

// dist is the web app as it was built.
const dist = "web/dist"

// limits are the budgets of the first load, in bytes as they travel. The web
// app's end-to-end test holds them.
var limits = [...]struct {
	kind  string
	limit int
}{{"shell", 60_000}, {"css", 12_000}, {"fonts", 55_000}, {"core", coreLimit}}

// browserNeeds says what is missing for the web app's measurement.
func browserNeeds() error {
	if _, err := exec.LookPath(chromium.Program); err != nil {
		return fmt.Errorf("%w\nhint: apt-get install %s, or go run ./bench -short", err, chromium.Program)
	}
	if _, err := os.Stat(dist + "/index.html"); err != nil {
		return fmt.Errorf("%w\nhint: go run ./scripts/web builds the web app", err)
	}
	return nil
}

// weights prints what the first visit loaded, in brotli where it travels so.
func (w *web) weights() error {
	core, err := filepath.Glob(dist + "/assets/*.wasm")
	if err != nil || len(core) != 1 {
		return fmt.Errorf("%d cores in %s: %w", len(core), dist, err)
	}
	sums, seen := map[string]int{}, map[string]bool{}
	for _, path := range append(w.paths, strings.TrimPrefix(core[0], dist)) {
		kind := kindOf(path)
		if kind == "" || seen[path] {
			continue
		}
		seen[path] = true
		size, err := travels(dist + path)
		if err != nil {
			return err
		}
		sums[kind] += size
	}
	fmt.Printf("  %-24s", "first load, in brotli")
	for _, l := range limits {
		fmt.Printf("   %s %d of %d", l.kind, sums[l.kind], l.limit)
	}
	fmt.Println(" bytes")
	return nil
}

// kindOf is what a file of the page counts as. The worker and its loader are
// the core's, and carry nothing else.
func kindOf(path string) string {
	name := filepath.Base(path)
	switch {
	case strings.HasPrefix(name, "worker") || strings.HasPrefix(name, "wasm_exec") || strings.HasSuffix(name, ".wasm"):
		return "core"
	case strings.HasSuffix(name, ".js") && name != "sw.js":
		return "shell"
	case strings.HasSuffix(name, ".css"):
		return "css"
	case strings.HasSuffix(name, ".woff2"):
		return "fonts"
	}
	return ""
}

// travels is how many bytes of a file pass the network.
func travels(file string) (int, error) {
	info, err := os.Stat(file + ".br")
	if errors.Is(err, os.ErrNotExist) {
		info, err = os.Stat(file)
	}
	if err != nil {
		return 0, err
	}
	return int(info.Size()), nil
}

// browserVersion is what the browser calls itself.
func browserVersion() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium.Program, "--version").Output()
	if err != nil {
		return chromium.Program
	}
	return string(bytes.TrimSpace(out))
}

// load1 is the machine's load over the last minute and its cores.
func load1() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(b), " ")
	return load
}
