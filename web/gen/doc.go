// SPDX-License-Identifier: AGPL-3.0-or-later

// Command gen writes web/src/core/generated.ts: the TypeScript types of every
// call and event of the core, from the table in cmd/clarion-wasm/calls and the
// types it names. Run it from the root of the tree: go run ./web/gen. Its test
// fails while the file is not what it would write.
package main
