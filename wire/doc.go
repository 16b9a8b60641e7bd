// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wire says what travels between a client and a server: identifiers,
// frames and their one encoding. It is pure: no I/O, no clock, no goroutine.
// One file per feature; the same word names the file in client, server and
// store. The law it follows stands in docs/protocol.
//
// A frame is kind (uint16) ‖ ref (uint32) ‖ body. The client chooses ref for a
// command; the answer carries the same ref; events carry 0. All integers are
// big-endian, vectors carry a length prefix of fixed width, nothing is
// optional, and bytes left over are an error, so each value has one encoding.
package wire

// Version is the protocol version this package speaks.
const Version = 1
