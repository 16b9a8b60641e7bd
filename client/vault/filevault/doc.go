// SPDX-License-Identifier: AGPL-3.0-or-later

// Package filevault is the vault of a device with a file system: one SQLite
// file in a folder of its own.
//
//	DIR/lock      held by flock while the vault is open
//	DIR/key       32 bytes that seal the values, mode 0600
//	DIR/vault.db  the records; beside it -wal and -shm while it is open
//
// What the sealing protects, said plainly: the key lies beside what it seals.
// A vault.db that went astray alone (a careless copy, a synchronised file, a
// disk block that was never wiped) says nothing but record names and lengths.
// Whoever can read the whole folder, or runs programs as its owner, reads
// everything.
//
// A value that was replaced or deleted is overwritten in the files when the
// write-ahead log is next emptied: after at most checkpointEvery commits, or on
// Close. A disk that remaps its blocks may keep older ones; that is out of the
// reach of any program.
package filevault
