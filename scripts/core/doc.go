// SPDX-License-Identifier: AGPL-3.0-or-later

// Command core builds the browser's core for the web app, from the root of the
// tree: web/dist-core/clarion.wasm, the same in brotli (clarion.wasm.br), and
// wasm_exec.js of the toolchain that built it. It prints the sizes. The same
// sources and the same Go make the same bytes.
package main
