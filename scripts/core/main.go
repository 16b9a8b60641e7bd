// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
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
	// Functions of our own are not inlined: that saves 93 kB of 1,496 in brotli.
	// What takes the time is the library's cryptography, which is.
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=clarion.chat/clarion/...=-l", "-o", core, "./cmd/clarion-wasm")
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
	if err := pack(core, packed); err != nil {
		return err
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
// app's build needs anyway. It takes a minute, so a packed form that fits stays;
// one that does not goes first.
func pack(from, to string) error {
	out, err := exec.Command("node", "-e", `
		const zlib = require("zlib"), fs = require("fs");
		const [from, to] = process.argv.slice(1);
		const core = fs.readFileSync(from);
		try {
			if (zlib.brotliDecompressSync(fs.readFileSync(to)).equals(core)) process.exit(0);
		} catch {}
		fs.rmSync(to, { force: true });
		const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 };
		fs.writeFileSync(to, zlib.brotliCompressSync(core, { params }));
	`, from, to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("packing the core: %w\n%s", err, out)
	}
	return nil
}
