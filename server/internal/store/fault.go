// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"

	"clarion.chat/clarion/wire"
)

// refuse makes the refusal for a code.
func refuse(code wire.Code) error { return wire.Refuse(code) }

// refuseWith is refuse with a sentence that names the limit that was met.
func refuseWith(code wire.Code, format string, args ...any) error {
	r := wire.Refuse(code)
	r.Text = fmt.Sprintf(format, args...)
	return r
}

// Result codes of SQLite (sqlite.org/rescode.html), the low byte.
const (
	sqliteIOErr   = 10
	sqliteCorrupt = 11
	sqliteFull    = 13
)

// resultCode returns SQLite's extended result code in err's chain, or 0.
func resultCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// fault turns an error of the database into a refusal that keeps its cause: a
// full disk, or a store that does not work. A refusal stays what it is.
func fault(err error, dir string) error {
	if err == nil {
		return nil
	}
	var r *wire.Refusal
	if errors.As(err, &r) {
		return err
	}
	code := wire.CodeStoreDown
	switch resultCode(err) & 0xff {
	case sqliteFull:
		code = wire.CodeDiskFull
	case sqliteIOErr:
		// SQLite reports a quota, a file size limit, and a disk that fills
		// while the WAL index grows, as plain I/O errors.
		if noRoom(dir) {
			code = wire.CodeDiskFull
		}
	}
	if isFull(err) {
		code = wire.CodeDiskFull
	}
	return fmt.Errorf("%w (%w)", wire.Refuse(code), err)
}

// noRoom reports whether files in dir cannot grow: the disk is full, a quota
// is used up, or the database has met the process's limit for one file.
func noRoom(dir string) bool {
	const some = 64 << 10
	var most syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &most) == nil {
		for _, suffix := range []string{"", "-wal"} {
			st, err := os.Stat(filepath.Join(dir, fileName+suffix))
			if err == nil && uint64(st.Size())+some > most.Cur {
				return true
			}
		}
	}
	f, err := os.CreateTemp(dir, roomPattern)
	if err == nil {
		defer os.Remove(f.Name())
		defer f.Close()
		if _, err = f.Write(make([]byte, some)); err == nil {
			err = f.Sync()
		}
	}
	return isFull(err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
