// SPDX-License-Identifier: AGPL-3.0-or-later

// Package keydir is the key directory: what binds a handle to its keys, and
// how anyone checks it without trusting the server that keeps it.
//
// An account is a chain of signed entries. Each holds the hash of the one
// before, so that a chain once seen cannot be replaced by another unnoticed.
//
//	entry 0 ──Prev──◀ entry 1 ──Prev──◀ entry 2 …
//	identity and       identity          identity; the recovery key as well
//	recovery key       key signs         when the identity key is a new one
//
// The identity key lives on the account's devices and signs what happens from
// day to day; the recovery key exists on paper only, never changes, and alone
// lets another identity key take over. A device [Certificate] says that a
// device key belongs to a handle; its signed bytes are the MLS credential of
// the device's leaf. [SafetyCode] is what people compare.
//
// The package does no I/O, reads no clock and keeps no state.
package keydir
