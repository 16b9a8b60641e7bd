// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// The exit statuses, each a kind of thing that went wrong.
const (
	exitOther   = 1
	exitUsage   = 2 // what was typed or configured cannot be meant
	exitMissing = 3 // the machine lacks something: a port, room on the disk
	exitRefused = 5 // by a rule
	exitData    = 6 // the data folder is busy, or of another version
)

// What the operator is told of a disk that is full, or fails.
const (
	diskFull  = string(wire.CodeDiskFull)
	makeRoom  = "make room on the disk; nothing was changed"
	checkDisk = "check the disk and the data folder; nothing was changed"
)

// failure is what a command tells the operator when it did not do its work.
type failure struct {
	Code   string
	Text   string // one sentence
	Hint   string
	status int
}

// Error gives code and sentence.
func (f *failure) Error() string { return f.Code + ": " + f.Text }

func usage(text, hint string) *failure {
	return &failure{"usage", text, hint, exitUsage}
}

// fault is a line of the table that turns errors into failures.
type fault struct {
	is     error
	code   string
	hint   string
	status int
}

// faults is the one table, from the special to the general.
func faults() []fault {
	return []fault{
		{server.ErrBusy, "data_busy", "stop the other clariond first, or name another folder with --data DIR", exitData},
		{server.ErrVersion, "data_version", "use the clariond that made it, or another folder with --data DIR", exitData},
		{server.ErrHost, "host_mismatch", "leave the host out: the folder knows its own; for another host use another folder", exitUsage},
		{server.ErrNoData, "no_data", "run `clariond serve` once, or name the folder with --data DIR", exitMissing},
		{server.ErrExists, "file_exists", "nothing is overwritten: choose another file name, or move the file away", exitRefused},
		{server.ErrForeign, "confirmation_needed", "add --replace if that is meant; what is there is kept beside it, and nothing was changed", exitUsage},
		{server.ErrNotBackup, "not_a_backup", "name a file of `clariond backup`; the data folder is as it was", exitRefused},
		{server.ErrDamaged, "backup_damaged", "use another backup; the data folder is as it was", exitRefused},
		{syscall.EADDRINUSE, "port_in_use", "stop the program that uses it, or choose another with --listen HOST:PORT", exitMissing},
		{syscall.EACCES, "not_permitted", "choose a folder you own and a port above 1023", exitMissing},
		{syscall.EADDRNOTAVAIL, "address_unavailable", "choose an address of this machine with --listen HOST:PORT", exitMissing},
		{syscall.ENOSPC, diskFull, makeRoom, exitMissing},
		{syscall.EDQUOT, diskFull, makeRoom, exitMissing},
		{syscall.EFBIG, diskFull, makeRoom, exitMissing},
		{syscall.EIO, string(wire.CodeStoreDown), checkDisk, exitMissing},
		{syscall.EROFS, "not_permitted", "choose a folder that can be written to", exitMissing},
		{fs.ErrNotExist, "file_unreadable", "check the file's name", exitUsage},
		{syscall.ENOTDIR, "file_unreadable", "check the folder's name", exitUsage},
		{syscall.EISDIR, "file_unreadable", "name a file, not a folder", exitUsage},
	}
}

// failureOf finds what an error means to the operator.
func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var r *wire.Refusal
	if errors.As(err, &r) {
		// The refusal's own error begins with its code, which stands before it.
		text := strings.TrimPrefix(err.Error(), string(r.Code)+": ")
		// The hints on the wire are for people, who cannot mend the disk.
		switch r.Code {
		case wire.CodeDiskFull:
			return &failure{diskFull, text, makeRoom, exitMissing}
		case wire.CodeStoreDown:
			return &failure{string(r.Code), text, checkDisk, exitMissing}
		}
		return &failure{string(r.Code), text, r.Hint, exitOther}
	}
	for _, line := range faults() {
		if errors.Is(err, line.is) {
			return &failure{line.code, err.Error(), line.hint, line.status}
		}
	}
	return &failure{"internal", err.Error(), "if this stays, report it", exitOther}
}

// complain writes the one failure of a command to stderr.
func complain(w io.Writer, asJSON bool, f *failure) {
	if !asJSON {
		fmt.Fprintf(w, "error: %s: %s\nhint: %s\n", f.Code, f.Text, f.Hint)
		return
	}
	var e struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
		} `json:"error"`
	}
	e.Error.Code, e.Error.Message, e.Error.Hint = f.Code, f.Text, f.Hint
	writeJSON(w, e)
}

// writeJSON writes one line.
func writeJSON(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}
