// SPDX-License-Identifier: AGPL-3.0-or-later

// Command browser runs one WebAssembly program of Go in a headless Chromium
// and ends with its status. It is for go test:
//
//	GOOS=js GOARCH=wasm go test -exec "go run ./scripts/browser" ./client/vault
//
// which needs it built first, since -exec inherits GOOS; `make test` does that.
package main
