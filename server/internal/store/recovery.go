// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"clarion.chat/clarion/wire"
)

// PutRecoveryBlob replaces the recovery blob when the version is above the one
// held, else blob_outdated; the same blob once more changes nothing.
// no_such_account.
func (s *Store) PutRecoveryBlob(name string, p *wire.PutRecoveryBlob) error {
	if p.Version >= maxSQL {
		return refuse(wire.CodeMalformed)
	}
	return s.write(func(t *tx) error {
		var one int
		found, err := t.row(`SELECT 1 FROM account WHERE name = $1`, []any{name}, &one)
		if err != nil {
			return err
		}
		if !found {
			return refuse(wire.CodeNoAccount)
		}
		var version uint64
		var held []byte
		found, err = t.row(`SELECT version, body FROM recovery_blob WHERE name = $1`, []any{name}, &version, &held)
		switch {
		case err != nil:
			return err
		case found && version == p.Version && bytes.Equal(held, p.Blob):
			return nil
		case found && version >= p.Version:
			return refuse(wire.CodeBlobOutdated)
		}
		return t.exec(`INSERT INTO recovery_blob (name, version, body) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET version = excluded.version, body = excluded.body`, name, int64(p.Version), p.Blob)
	})
}

// RecoveryBlob returns the recovery blob; version 0 and nothing when the
// account has laid none down.
func (s *Store) RecoveryBlob(ctx context.Context, name string) (*wire.RecoveryBlob, error) {
	var r wire.RecoveryBlob
	err := s.reads.QueryRowContext(ctx, `SELECT version, body FROM recovery_blob WHERE name = $1`, name).
		Scan(&r.Version, &r.Blob)
	if errors.Is(err, sql.ErrNoRows) {
		return &r, nil
	}
	return &r, fault(err, s.o.Dir)
}
