// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"path/filepath"
	"time"

	"clarion.chat/clarion/wire"
)

// MaxInviteDays is the longest a registration code may last.
const MaxInviteDays = 90

// NewCode makes a registration code in a data folder, beside a server that may
// be running, and returns it: only its hash is stored. ErrNoData, ErrVersion.
func NewCode(dir string, days int, now time.Time) (code string, expires time.Time, err error) {
	path := filepath.Join(dir, fileName)
	db, _, err := openBeside(dir, path)
	if err != nil {
		return "", time.Time{}, err
	}
	defer db.Close()
	code = rand.Text()
	hash := sha256.Sum256([]byte(code))
	hour := now.Unix()/3600 + int64(days)*24 + 1
	_, err = db.Exec(`INSERT INTO registration_invite (code_hash, expires_hour, forget_hour, used) VALUES ($1, $2, $3, 0)`,
		hash[:], hour, hour+lateDays*24)
	if err != nil {
		return "", time.Time{}, fault(err, dir)
	}
	return code, time.Unix(hour*3600, 0).UTC(), nil
}

// openBeside opens the database of a folder that another process may serve.
func openBeside(dir, path string) (*sql.DB, Meta, error) {
	if err := mustExist(path); err != nil {
		return nil, Meta{}, err
	}
	db, err := sql.Open("sqlite", source(path, false))
	if err != nil {
		return nil, Meta{}, err
	}
	db.SetMaxOpenConns(1)
	m, err := readMeta(db)
	if err != nil {
		db.Close()
		return nil, Meta{}, ownOr(err, dir)
	}
	return db, m, nil
}

// spendCode marks a registration code as used, or says why it cannot be.
func (t *tx) spendCode(code string) error {
	if code == "" {
		return refuse(wire.CodeInviteNeeded)
	}
	hash := sha256.Sum256([]byte(code))
	var used bool
	var expires int64
	found, err := t.row(`SELECT used, expires_hour FROM registration_invite WHERE code_hash = $1`,
		[]any{hash[:]}, &used, &expires)
	switch {
	case err != nil:
		return err
	case !found:
		return refuse(wire.CodeInviteInvalid)
	case used:
		return refuse(wire.CodeInviteUsed)
	case expires <= t.s.hour():
		return refuse(wire.CodeInviteExpired)
	}
	return t.exec(`UPDATE registration_invite SET used = 1 WHERE code_hash = $1`, hash[:])
}
