// SPDX-License-Identifier: AGPL-3.0-or-later

package filevault

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// noRoom reports whether files in dir cannot grow: the disk is full, a quota
// is used up, or the vault has met the process's limit for one file.
func noRoom(dir string) bool {
	const some = 64 << 10
	var most syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &most) == nil {
		for _, name := range []string{"vault.db", "vault.db-wal"} {
			st, err := os.Stat(filepath.Join(dir, name))
			if err == nil && uint64(st.Size())+some > uint64(most.Cur) {
				return true
			}
		}
	}
	f, err := os.CreateTemp(dir, ".room-*")
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
