// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "error: usage: this program is the client core for the browser and runs there only")
	fmt.Fprintln(os.Stderr, "hint: build it with GOOS=js GOARCH=wasm go build ./cmd/clarion-wasm; in a terminal use clarion")
	os.Exit(2)
}
