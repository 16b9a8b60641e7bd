// SPDX-License-Identifier: AGPL-3.0-or-later

// Package mls is the Messaging Layer Security protocol of RFC 9420 for one
// cipher suite: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 (0x0001), with
// basic credentials.
//
// A [Group] is what one member holds of one epoch. Sealing and opening move it
// on in place; a commit, one's own or another's, makes the next Group and
// leaves the old one as it was, so that whoever orders commits can still
// choose another one.
//
//	           Commit ──────────────┐
//	Create ──▶ Group(n) ── server orders ──▶ Group(n+1) ──▶ …
//	Join ────▶   │   └─ ProcessCommit ─────────┘
//	             └ Seal, Open, Export: stay in n
//
// The package does no I/O, reads no clock, starts no goroutine and keeps no
// state of its own. A Group is not safe for concurrent use.
//
// What must be stored, and when: after Seal, Open and Commit the Group has
// changed; store [Group.Marshal] before the ciphertext leaves or the plaintext
// is shown. A state that was stored before and is used again would encrypt
// twice under one key and accept a message twice.
//
// Not here: external commits, ReInit, branches, other cipher suites and X.509
// credentials. Messages that need them are refused with [ErrUnsupported].
package mls
