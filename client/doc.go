// SPDX-License-Identifier: AGPL-3.0-or-later

// Package client is Clarion's end-to-end core: the same code natively and as
// WebAssembly. It keeps a person's keys, contacts and conversations in a
// vault, speaks to the server's two doors, and is the only place where
// plaintext exists.
//
// New starts nothing. Run owns one goroutine, the loop, which alone touches
// the state; public methods post to it and wait. Events leave by one channel.
// What must survive is committed to the vault before a plaintext is released
// or a ciphertext leaves.
package client
