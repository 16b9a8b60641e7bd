// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// coreLimit is what a browser may have to load for the core, in bytes after
// brotli. A test of cmd/clarion-wasm holds it.
const coreLimit = 1_500_000

// coreSize builds the browser's core as it is published and returns its size
// before and after brotli at its highest quality.
func coreSize(dir string) (plain, packed int, err error) {
	core := filepath.Join(dir, "core.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=clarion.chat/clarion/...=-l", "-o", core, "./cmd/clarion-wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("building the core: %w\n%s", err, out)
	}
	info, err := os.Stat(core)
	if err != nil {
		return 0, 0, err
	}
	pack := exec.Command("node", "-e", `
		const zlib = require("zlib"), fs = require("fs");
		const p = { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 };
		console.log(zlib.brotliCompressSync(fs.readFileSync(process.argv[1]), { params: p }).length);
	`, core)
	out, err := pack.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("packing the core: %w", err)
	}
	packed, err = strconv.Atoi(strings.TrimSpace(string(out)))
	return int(info.Size()), packed, err
}
