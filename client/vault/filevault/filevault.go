// SPDX-License-Identifier: AGPL-3.0-or-later

package filevault

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"clarion.chat/clarion/client/vault"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID, "Clrn", tells a vault from any other SQLite file; vault.Form
// stands in the file as user_version, and is raised with its schema too.
const applicationID = 0x436c726e

// checkpointEvery is how many commits may pass until the write-ahead log is
// emptied, and with it what they replaced.
const checkpointEvery = 16

//go:embed schema.sql
var schema string

// Exists reports whether dir holds a vault.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "vault.db"))
	return err == nil
}

// Open opens the vault in dir, or makes dir (mode 0700) and an empty vault in
// it. The vault is sealed with DIR/key; see the package for what that protects.
//
// Errors: vault.ErrBusy at once when it is open already, here or in another
// process; vault.ErrVersion for another form; vault.ErrDamaged when the key
// is missing or another one, or the file is no vault; vault.ErrFull; else what
// the file system says.
func Open(dir string) (vault.Vault, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, named(dir, err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	key, err := sealingKey(dir, Exists(dir))
	if err != nil {
		lock.Close()
		return nil, err
	}
	f, err := openFile(filepath.Join(dir, "vault.db"), key)
	if err != nil {
		lock.Close()
		return nil, err
	}
	f.lock = lock
	return vault.Seal(f, key), nil
}

// lockFolder takes the folder for this open vault alone. The lock ends with
// the process, however it dies; the file stays, since removing it would let
// two processes lock two files of the same name.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, named(dir, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, vault.ErrBusy
		}
		return nil, err
	}
	return lock, nil
}

// file is the vault before sealing: one connection, since SQLite has one
// writer anyway and the client's loop is the only caller.
type file struct {
	db   *sql.DB
	dir  string
	lock *os.File

	closed  atomic.Bool
	mu      sync.Mutex // held by Commit and Close; guards commits
	commits int        // since the log was last emptied
}

// openFile opens or makes the database at path.
func openFile(path string, key [32]byte) (*file, error) {
	dir := filepath.Dir(path)
	// The file is made here, not by SQLite, for its mode; -wal and -shm take
	// theirs from it.
	made, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, named(dir, err)
	}
	if err := made.Close(); err != nil {
		return nil, named(dir, err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	settings := url.Values{
		"_pragma": {"secure_delete(ON)", "journal_mode(WAL)", "synchronous(FULL)", "trusted_schema(OFF)"},
		"_txlock": {"immediate"},
	}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: absolute, RawQuery: settings.Encode()}).String())
	if err != nil {
		return nil, err
	}
	f := &file{db: sql.OpenDB(connector), dir: dir}
	f.db.SetMaxOpenConns(1)
	if err := f.prepare(key); err != nil {
		f.db.Close()
		return nil, named(dir, err)
	}
	return f, nil
}

// prepare makes the schema in an empty file, or checks the one that is there.
func (f *file) prepare(key [32]byte) error {
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version, application, tables int
	for query, to := range map[string]*int{
		"PRAGMA user_version": &version, "PRAGMA application_id": &application, "SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if err := tx.QueryRow(query).Scan(to); err != nil {
			return err
		}
	}
	proof := keyProof(key)
	switch {
	case version == 0 && application == 0 && tables == 0:
		if err := create(tx, proof); err != nil {
			return err
		}
	case application != applicationID:
		return vault.ErrDamaged
	case version != vault.Form:
		return vault.ErrVersion
	default:
		var kept []byte
		if err := tx.QueryRow("SELECT proof FROM seal WHERE only = 1").Scan(&kept); err != nil {
			return err
		}
		if string(kept) != string(proof[:]) {
			return vault.ErrDamaged
		}
	}
	return tx.Commit()
}

func create(tx *sql.Tx, proof [32]byte) error {
	// A pragma takes no arguments.
	for _, statement := range []string{
		schema,
		"PRAGMA user_version = " + strconv.Itoa(vault.Form),
		"PRAGMA application_id = " + strconv.Itoa(applicationID),
	} {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	_, err := tx.Exec("INSERT INTO seal (only, proof) VALUES (1, $1)", proof[:])
	return err
}

// Get implements vault.Vault.
func (f *file) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := f.db.QueryRowContext(ctx, "SELECT value FROM record WHERE key = $1", []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, vault.ErrNotFound
	}
	return value, f.failed(ctx, err)
}

// Scan implements vault.Vault.
func (f *file) Scan(ctx context.Context, prefix, after string, limit int) ([]vault.Record, error) {
	query := "SELECT key, value FROM record WHERE key >= $1 AND key > $2 ORDER BY key LIMIT $3"
	args := []any{[]byte(prefix), []byte(after), max(limit, 0)} // below 0 SQLite knows no limit
	if end := past(prefix); end != nil {
		query = "SELECT key, value FROM record WHERE key >= $1 AND key > $2 AND key < $4 ORDER BY key LIMIT $3"
		args = append(args, end)
	}
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, f.failed(ctx, err)
	}
	defer rows.Close()
	var out []vault.Record
	for rows.Next() {
		var key, value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return nil, f.failed(ctx, err)
		}
		out = append(out, vault.Record{Key: string(key), Value: value})
	}
	if err := rows.Err(); err != nil {
		return nil, f.failed(ctx, err)
	}
	return out, nil
}

// past returns the first key after all that begin with prefix, or nil when
// there is none.
func past(prefix string) []byte {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	return end
}

// Commit implements vault.Vault.
func (f *file) Commit(ctx context.Context, changes []vault.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return vault.ErrClosed
	}
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return f.failed(ctx, err)
	}
	defer tx.Rollback()
	for _, change := range changes {
		switch {
		case change.Key == "":
			return vault.ErrNoKey
		case change.Value == nil:
			_, err = tx.ExecContext(ctx, "DELETE FROM record WHERE key = $1", []byte(change.Key))
		default:
			_, err = tx.ExecContext(ctx, "INSERT INTO record (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
				[]byte(change.Key), change.Value)
		}
		if err != nil {
			return f.failed(ctx, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return f.failed(ctx, err)
	}
	if f.commits++; f.commits >= checkpointEvery {
		f.emptyLog()
	}
	return nil
}

// emptyLog moves the write-ahead log into the file and empties it; f.mu is
// held. That it may fail, as on a full disk, harms no record: the commits are
// durable in the log, and the next commit tries again.
func (f *file) emptyLog() {
	var busy, pages, moved int
	err := f.db.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err == nil && busy == 0 {
		f.commits = 0
	}
}

// Close implements vault.Vault.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Swap(true) {
		return nil
	}
	f.emptyLog()
	err := f.db.Close()
	// Last, so that nobody opens the folder while this one still writes.
	return errors.Join(err, f.lock.Close())
}

// failed names an error of a call.
func (f *file) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // SQLite says "interrupted"
	}
	if f.closed.Load() {
		return vault.ErrClosed
	}
	return named(f.dir, err)
}

// named gives an error of SQLite or the file system, met in dir, the vault's
// own name.
func named(dir string, err error) error {
	if isFull(err) {
		return vault.ErrFull
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return vault.ErrFull
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return vault.ErrBusy
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
			return vault.ErrDamaged
		case sqlite3.SQLITE_IOERR:
			// SQLite reports a quota, a file size limit, and a disk that has no
			// room for the index of its log, as plain I/O errors.
			if noRoom(dir) {
				return vault.ErrFull
			}
		}
	}
	return err
}
