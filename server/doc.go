// SPDX-License-Identifier: AGPL-3.0-or-later

// Package server keeps and passes on what it cannot read. It serves two doors
// over WebSocket that share nothing stored: the account door, for devices that
// sign in, and the mailbox door, for whoever shows a pass. No connection can
// use both.
//
// Goroutines: Run owns the store's writer and the purge loop. Each connection
// has one reader, and one writer while there is something to write; the reader
// waits for the writer before it ends, and Run waits for the readers. A command
// that reads the store runs in a goroutine that the reader waits for. Nothing
// else is started.
//
// The package imports neither mls nor client: that the server cannot read
// envelopes is a fact of its imports. It logs no address, handle or id.
package server
