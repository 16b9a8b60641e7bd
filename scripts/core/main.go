// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const folder = "web/dist-core"

func main() {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func build() error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	core := filepath.Join(folder, "clarion.wasm")
	before, err := os.ReadFile(core)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", core, "./cmd/clarion-wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the core: %w\n%s", err, out)
	}
	if err := copyLoader(); err != nil {
		return err
	}
	after, err := os.ReadFile(core)
	if err != nil {
		return err
	}
	packed := core + ".br"
	if _, err := os.Stat(packed); err != nil || !bytes.Equal(before, after) {
		if err := pack(core, packed); err != nil {
			return err
		}
	}
	info, err := os.Stat(packed)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d in brotli\n", core, len(after), info.Size())
	return nil
}

// copyLoader takes wasm_exec.js from the toolchain: it fits that one only.
func copyLoader() error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	loader, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "wasm_exec.js"), loader, 0o644)
}

// pack writes a file in brotli at its highest quality, by node, which the web
// app's build needs anyway. The old one goes first, so that none stays that
// does not fit.
func pack(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := exec.Command("node", "-e", `
		const zlib = require("zlib"), fs = require("fs");
		const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 };
		fs.writeFileSync(process.argv[2], zlib.brotliCompressSync(fs.readFileSync(process.argv[1]), { params }));
	`, from, to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("packing the core: %w\n%s", err, out)
	}
	return nil
}
