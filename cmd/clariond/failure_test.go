// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// TestStatuses holds the table to docs/protocol/errors.md: a disk that is full
// or fails is something that the machine lacks, however it shows.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   string
		status int
	}{
		{fmt.Errorf("%w (cause)", wire.Refuse(wire.CodeDiskFull)), "disk_full", 3},
		{wire.Refuse(wire.CodeStoreDown), "store_unavailable", 3},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "disk_full", 3},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, "disk_full", 3},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EFBIG}, "disk_full", 3},
		{&fs.PathError{Op: "read", Path: "x", Err: syscall.EIO}, "store_unavailable", 3},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "not_permitted", 3},
		{syscall.EADDRINUSE, "port_in_use", 3},
		{server.ErrNoData, "no_data", 3},
		{server.ErrBusy, "data_busy", 6},
		{server.ErrVersion, "data_version", 6},
		{server.ErrHost, "host_mismatch", 2},
		{server.ErrForeign, "confirmation_needed", 2},
		{server.ErrNotBackup, "not_a_backup", 5},
		{server.ErrDamaged, "backup_damaged", 5},
		{server.ErrExists, "file_exists", 5},
		{fs.ErrNotExist, "file_unreadable", 2},
		{errors.New("else"), "internal", 1},
	} {
		f := failureOf(fmt.Errorf("while working: %w", c.err))
		if f.Code != c.code || f.status != c.status || f.Text == "" || f.Hint == "" {
			t.Errorf("%v: %+v, want %s and %d", c.err, f, c.code, c.status)
		}
	}
}
