// SPDX-License-Identifier: AGPL-3.0-or-later

// Command gen writes web/src/core/generated.ts: the TypeScript types of every
// call and event of the core, from the table in cmd/clarion-wasm/calls and the
// types it names. It also writes the page's words about who could hear what
// (web/messages/en/exposure.json, web/src/state/exposed.ts) from package
// exposure. Run it from the root of the tree: go run ./web/gen. Its tests fail
// while a file is not what it would write.
package main
