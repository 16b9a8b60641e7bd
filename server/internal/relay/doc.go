// SPDX-License-Identifier: AGPL-3.0-or-later

// Package relay is STUN and TURN (RFC 8489, RFC 8656) for calls: it tells a
// caller its own address, and passes packets on between two who cannot reach
// each other. It knows no accounts and no store. What it holds is in memory,
// ends with the process, and is listed in the package inventory.
//
// One port number serves all: UDP; and over TCP, with or without TLS, whatever
// the first byte says, so that a call leaves where a page was loaded.
//
//	TCP ─▶ sorter ─┬─ a letter ──────────▶ Web(): HTTP and the doors
//	               ├─ 0x00–0x03 ─ stream ─▶ ┐
//	               └─ 0x16, TLS ─▶ again    │ gate ─▶ pion/turn ─▶ socket ─▶ the other side
//	UDP ─────────────────────── datagrams ─▶ ┘
//
// The library decodes STUN and keeps allocations. It is not trusted with what
// it would do by default: its logger is a counter (log.go), streams are cut
// into frames before it sees them (stream.go), its longest lifetime is ours
// (gate.go), and where packets may go is decided here (peer.go, socket.go).
package relay
