// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"

	"clarion.chat/clarion/wire"
)

// ErrExists says that a backup's file is there already.
var ErrExists = errors.New("the file exists already")

// ErrNotBackup says that a file to restore is none of Backup's.
var ErrNotBackup = errors.New("the file is not a backup of a Clarion server")

// ErrDamaged says that a backup fails SQLite's integrity check.
var ErrDamaged = errors.New("the backup is damaged")

func mustExist(path string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return ErrNoData
	} else if err != nil {
		return err
	}
	return nil
}

// ownOr keeps this package's own errors and turns the others into faults.
func ownOr(err error, dir string) error {
	for _, own := range []error{ErrNoData, ErrVersion, ErrHost, ErrBusy, ErrDamaged, ErrExists, ErrNotBackup, ErrForeign} {
		if errors.Is(err, own) {
			return err
		}
	}
	return fault(err, dir)
}

// Backup writes one consistent file while a server may be running. It never
// overwrites: ErrExists. ErrNoData, ErrVersion.
func Backup(dir, file string) error {
	db, _, err := openBeside(dir, filepath.Join(dir, fileName))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := os.Lstat(file); err == nil {
		return ErrExists
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".clarion-backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	defer part.Close()
	// VACUUM INTO takes an empty file as its target, so the mode is ours.
	if _, err := db.Exec(`VACUUM INTO $1`, part.Name()); err != nil {
		return fault(err, filepath.Dir(file))
	}
	if err := part.Sync(); err != nil {
		return err
	}
	// A link, unlike a rename, fails when the name was taken meanwhile.
	if err := os.Link(part.Name(), file); errors.Is(err, os.ErrExist) {
		return ErrExists
	} else if err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

// Restored tells what a restore changed beyond putting the data back.
type Restored struct {
	Host        string
	KeyPackages int64  // dropped: contacts may have taken them already
	Accounts    int64  // removed: deleted after the backup was made
	Mailboxes   int64  // closed: their conversations go on in new ones
	Kept        string // where Replace put what was there; empty when nothing was in its way
}

// Restore puts a backup in place of what the folder holds. It makes a new
// incarnation, drops the key packages, closes every mailbox but the inboxes and
// keeps deleted accounts deleted. The change is one rename: a crash leaves the
// old data or the new. ErrBusy while a server holds the folder; ErrNotBackup,
// ErrVersion, ErrDamaged of the backup; ErrForeign when the folder holds
// something else than earlier data of the same host.
func Restore(dir, file string) (*Restored, error) { return restore(dir, file, false) }

// Replace is Restore also over data of another host or version, or that are
// not Clarion's; it keeps them in the folder, where Restored says. ErrExists
// when an earlier Replace kept something there.
func Replace(dir, file string) (*Restored, error) { return restore(dir, file, true) }

func restore(dir, file string, replace bool) (*Restored, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	part := filepath.Join(dir, restoreName)
	defer removeDatabase(part)
	if err := removeDatabase(part); err != nil {
		return nil, err
	}
	if err := copyFile(part, file); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName)
	gone, key := tombstones(path)
	r, err := renew(part, gone, key)
	if resultCode(err)&0xff == sqliteCorrupt {
		err = ErrDamaged
	}
	if err != nil {
		return nil, ownOr(err, dir)
	}
	there, err := foreign(path, r.Host)
	switch {
	case err != nil:
		return nil, ownOr(err, dir)
	case there != "" && !replace:
		return nil, refuseForeign(there, r.Host)
	case there != "":
		if r.Kept, err = keepAside(path); err != nil {
			return nil, errors.Join(err, forgetAside(path))
		}
	}
	if err := exchange(path, part); err != nil {
		return nil, errors.Join(err, forgetAside(path))
	}
	if r.Kept != "" {
		err = tidyAside(r.Kept)
	}
	return r, errors.Join(err, syncDir(dir))
}

// exchange puts the new database in place of the one at path.
func exchange(path, part string) error {
	// The old write-ahead log must not meet the new database: it is emptied
	// first, which also leaves the old data whole if this is interrupted.
	if err := settle(path); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// copyFile copies to a new file of the owner's and makes it durable.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Sync(); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// removeDatabase removes a database with its side files.
func removeDatabase(path string) error {
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// tombstones reads the deleted names of the folder's present data, with the
// key they are under. Data that cannot be read has none to give.
func tombstones(path string) (gone [][]byte, key []byte) {
	if mustExist(path) != nil {
		return nil, nil
	}
	db, m, err := openBeside(filepath.Dir(path), path)
	if err != nil {
		return nil, nil
	}
	defer db.Close()
	gone, err = scanChain(db.Query(`SELECT name_mac FROM tombstone`))
	if err != nil {
		return nil, nil
	}
	return gone, m.tombstone
}

// renew checks the copy of a backup and makes it the beginning of a new
// incarnation.
func renew(part string, gone [][]byte, key []byte) (*Restored, error) {
	db, err := sql.Open("sqlite", source(part, false))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := upgrade(db); err != nil {
		return nil, err
	}
	m, err := readMeta(db)
	if errors.Is(err, ErrNoData) || errors.Is(err, errNotClarion) {
		return nil, ErrNotBackup
	}
	if err != nil {
		return nil, err
	}
	var verdict string
	if err := db.QueryRow(`PRAGMA integrity_check(1)`).Scan(&verdict); err != nil || verdict != "ok" {
		return nil, ErrDamaged
	}
	tx, err := db.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	r := &Restored{Host: m.Host}
	if hmac.Equal(key, m.tombstone) {
		if r.Accounts, err = bury(tx, gone, key); err != nil {
			return nil, err
		}
	}
	res, err := tx.Exec(`DELETE FROM key_package`)
	if err != nil {
		return nil, err
	}
	if r.KeyPackages, err = res.RowsAffected(); err != nil {
		return nil, err
	}
	// Members derive the next mailbox from where the old one stands, each when
	// it comes online: it must stand still from here on.
	if res, err = tx.Exec(`UPDATE mailbox SET closed = 1 WHERE inbox = 0 AND closed = 0`); err != nil {
		return nil, err
	}
	if r.Mailboxes, err = res.RowsAffected(); err != nil {
		return nil, err
	}
	var line []byte
	for _, in := range append(m.Line[max(0, len(m.Line)-wire.MaxLine+1):], m.Incarnation) {
		line = append(line, in[:]...)
	}
	if _, err := tx.Exec(`UPDATE meta SET incarnation = $1, line = $2`, random(16), line); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return r, closeSettled(db, part)
}

// bury removes the accounts whose names were deleted since the backup.
func bury(tx *sql.Tx, gone [][]byte, key []byte) (int64, error) {
	names, err := accountNames(tx)
	if err != nil {
		return 0, err
	}
	byMAC := make(map[string]string, len(names))
	for _, name := range names {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(name))
		byMAC[string(m.Sum(nil))] = name
	}
	var buried int64
	for _, mac := range gone {
		_, err := tx.Exec(`INSERT INTO tombstone (name_mac) VALUES ($1) ON CONFLICT (name_mac) DO NOTHING`, mac)
		if err != nil {
			return 0, err
		}
		name, held := byMAC[string(mac)]
		if !held {
			continue
		}
		buried++
		if _, err := tx.Exec(`DELETE FROM mailbox WHERE id = (SELECT inbox FROM account WHERE name = $1)`, name); err != nil {
			return 0, err
		}
		if _, err := tx.Exec(`DELETE FROM account WHERE name = $1`, name); err != nil {
			return 0, err
		}
	}
	return buried, nil
}

func accountNames(tx *sql.Tx) ([]string, error) {
	all, err := scanChain(tx.Query(`SELECT name FROM account`))
	names := make([]string, len(all))
	for i := range all {
		names[i] = string(all[i])
	}
	return names, err
}

// settle empties the write-ahead log of a database, if there is one.
func settle(path string) error {
	if mustExist(path) != nil {
		return removeDatabase(path)
	}
	db, err := sql.Open("sqlite", source(path, false))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if err := closeSettled(db, path); err != nil && resultCode(err) == 0 {
		return err
	}
	// A database too damaged to open is what a restore is for.
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// closeSettled empties the log, closes the database and syncs its file.
func closeSettled(db *sql.DB, path string) error {
	c, err := db.Conn(context.Background())
	if err == nil {
		err = truncateWAL(c)
		c.Close()
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
