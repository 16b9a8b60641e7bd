// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"

	"clarion.chat/clarion/wire"
)

// holding counts the rows of one table that concern an account.
type holding struct{ table, count string }

// holdings lists every table that can be found from an account's name. The
// mailboxes of its conversations cannot. $1 is the name.
func holdings() []holding {
	const inbox = `(SELECT inbox FROM account WHERE name = $1)`
	return []holding{
		{"account", `SELECT count(*) FROM account WHERE name = $1`},
		{"device", `SELECT count(*) FROM device WHERE name = $1`},
		{"directory_entry", `SELECT count(*) FROM directory_entry WHERE name = $1`},
		{"key_package", `SELECT count(*) FROM key_package WHERE name = $1`},
		{"recovery_blob", `SELECT count(*) FROM recovery_blob WHERE name = $1`},
		{"mailbox", `SELECT count(*) FROM mailbox WHERE id = ` + inbox},
		{"mailbox_epoch", `SELECT count(*) FROM mailbox_epoch WHERE mailbox = ` + inbox},
		{"envelope", `SELECT count(*) FROM envelope WHERE mailbox = ` + inbox},
		{"inbox_invite", `SELECT count(*) FROM inbox_invite WHERE inbox = ` + inbox},
	}
}

// Holdings counts, in one snapshot, the live rows that concern an account.
func (s *Store) Holdings(ctx context.Context, name string) ([]wire.TableRows, error) {
	tx, err := s.reads.BeginTx(ctx, nil)
	if err != nil {
		return nil, fault(err, s.o.Dir)
	}
	defer tx.Rollback()
	var all []wire.TableRows
	for _, h := range holdings() {
		row := wire.TableRows{Table: h.table}
		if err := tx.QueryRowContext(ctx, h.count, name).Scan(&row.Rows); err != nil {
			return nil, fault(err, s.o.Dir)
		}
		all = append(all, row)
	}
	if all[0].Rows == 0 {
		return nil, refuse(wire.CodeNoAccount)
	}
	return all, nil
}

// DeleteEverything removes all that Holdings counts and returns how many rows
// went. A tombstone of the name stays. no_such_account.
func (s *Store) DeleteEverything(name string) ([]wire.TableRows, error) {
	var all []wire.TableRows
	err := s.write(func(t *tx) error {
		all = nil
		for _, h := range holdings() {
			row := wire.TableRows{Table: h.table}
			if _, err := t.row(h.count, []any{name}, &row.Rows); err != nil {
				return err
			}
			all = append(all, row)
		}
		if all[0].Rows == 0 {
			return refuse(wire.CodeNoAccount)
		}
		return t.deleteAccount(name)
	})
	if err != nil {
		return nil, err
	}
	// What was deleted is overwritten in the database; this makes sure that
	// it is not in the write-ahead log either. The purge job tries again.
	_ = s.outside(truncateWAL)
	return all, nil
}

func (t *tx) deleteAccount(name string) error {
	var inbox []byte
	if _, err := t.row(`SELECT inbox FROM account WHERE name = $1`, []any{name}, &inbox); err != nil {
		return err
	}
	if err := t.dropBox(wire.MailboxID(inbox)); err != nil {
		return err
	}
	// The other tables go with the account, by their foreign keys.
	if err := t.exec(`DELETE FROM account WHERE name = $1`, name); err != nil {
		return err
	}
	return t.exec(`INSERT INTO tombstone (name_mac) VALUES ($1) ON CONFLICT (name_mac) DO NOTHING`, t.s.tombstone(name))
}

// MailboxHoldings counts, in one snapshot, the live rows of one mailbox, for
// whoever has its current pass: no_such_mailbox, wrong_pass, stale_pass. An
// inbox is counted with its account, and here wrong_pass.
func (s *Store) MailboxHoldings(ctx context.Context, id wire.MailboxID, pass wire.Pass) (*wire.MailboxHoldings, error) {
	g, err := s.Grant(ctx, id, pass)
	switch {
	case err != nil:
		return nil, err
	case g.Inbox:
		return nil, refuse(wire.CodeWrongPass)
	case !g.Current:
		return nil, refuse(wire.CodeStalePass)
	}
	tx, err := s.reads.BeginTx(ctx, nil)
	if err != nil {
		return nil, fault(err, s.o.Dir)
	}
	defer tx.Rollback()
	h := &wire.MailboxHoldings{Mailbox: sha256.Sum256(id[:])}
	err = tx.QueryRowContext(ctx, `SELECT epoch, head, keep, forget_hour FROM mailbox WHERE id = $1`, id[:]).Scan(&h.Epoch, &h.Head, &h.Keep, &h.Forget)
	if errors.Is(err, sql.ErrNoRows) { // purged since
		return nil, refuse(wire.CodeNoMailbox)
	}
	if err != nil {
		return nil, fault(err, s.o.Dir)
	}
	epochs, envelopes := wire.TableRows{Table: "mailbox_epoch"}, wire.TableRows{Table: "envelope"}
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM mailbox_epoch WHERE mailbox = $1`, id[:]).Scan(&epochs.Rows); err != nil {
		return nil, fault(err, s.o.Dir)
	}
	err = tx.QueryRowContext(ctx, `SELECT count(*), coalesce(min(expires_hour), 0), coalesce(max(expires_hour), 0) FROM envelope WHERE mailbox = $1`,
		id[:]).Scan(&envelopes.Rows, &h.FirstGone, &h.LastGone)
	if err != nil {
		return nil, fault(err, s.o.Dir)
	}
	h.Tables = []wire.TableRows{{Table: "mailbox", Rows: 1}, epochs, envelopes}
	h.Sizes, err = sizes(ctx, tx, id)
	return h, fault(err, s.o.Dir)
}

// sizes counts a mailbox's envelopes by the bytes of their bodies.
func sizes(ctx context.Context, tx *sql.Tx, id wire.MailboxID) ([]wire.SizeRows, error) {
	rows, err := tx.QueryContext(ctx, `SELECT length(body), count(*) FROM envelope WHERE mailbox = $1 GROUP BY length(body) ORDER BY length(body)`, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []wire.SizeRows
	for rows.Next() {
		var r wire.SizeRows
		if err := rows.Scan(&r.Size, &r.Rows); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
