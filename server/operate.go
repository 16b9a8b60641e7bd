// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"time"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/server/internal/store"
)

// MaxInviteDays is the longest a registration code may last.
const MaxInviteDays = store.MaxInviteDays

// Restored tells what a restore changed beyond putting the data back.
type Restored = store.Restored

// Schema returns the annotated SQL text of every table, by file name.
func Schema() map[string]string { return store.Schema() }

// Inventory lists what a server holds: each column of its tables, then files,
// logs and what stands in memory. An error is a fault of the schema, which the
// tests of this program would have shown.
func Inventory() ([]inventory.Row, error) {
	rows, _, err := store.Inventory()
	return append(rows, inventory.Other()...), err
}

// NewCode makes a registration code, beside a server that may be running. Only
// its hash is stored. days is 1 to MaxInviteDays. ErrNoData, ErrVersion.
func NewCode(dir string, days int, now time.Time) (code string, expires time.Time, err error) {
	return store.NewCode(dir, days, now)
}

// Backup writes one consistent file, beside a server that may be running. It
// never overwrites. ErrExists, ErrNoData, ErrVersion.
func Backup(dir, file string) error { return store.Backup(dir, file) }

// Restore puts a backup in place of what a folder holds, under a new
// incarnation; mailboxes other than inboxes only read from then on. ErrBusy
// while a server holds the folder; ErrNotBackup, ErrVersion, ErrDamaged of the
// backup; ErrForeign when the folder holds data of another host or version.
func Restore(dir, file string) (*Restored, error) { return store.Restore(dir, file) }

// Replace is Restore also over what ErrForeign refuses, and keeps that in the
// folder, where Restored.Kept says. ErrExists when something is kept there.
func Replace(dir, file string) (*Restored, error) { return store.Replace(dir, file) }
