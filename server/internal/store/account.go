// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"slices"

	"clarion.chat/clarion/wire"
)

// Limits of what one account may hold.
const (
	// MaxStored is how many key packages one device may have waiting, unless
	// Bounds says fewer.
	MaxStored = 256
	// packageDays is how long a key package is kept, as long as the longest
	// device certificate lasts.
	packageDays = 90
)

// NewAccount is a verified registration.
type NewAccount struct {
	Name        string
	Chain       [][]byte
	Inbox       wire.MailboxID
	InboxPass   wire.PassHash
	Devices     [][32]byte
	Packages    Packages
	Blob        []byte
	BlobVersion uint64
	Invite      string // registration code, spent when NeedInvite
	NeedInvite  bool
}

// Packages are the key packages of one device.
type Packages struct {
	Device     [32]byte
	OneTime    [][]byte
	LastResort []byte
}

// tombstone returns what stays of a deleted name.
func (s *Store) tombstone(name string) []byte {
	m := hmac.New(sha256.New, s.meta.tombstone)
	m.Write([]byte(name))
	return m.Sum(nil)
}

// Register makes an account. Making the same again (the same chain) changes
// nothing. Codes: name_taken, name_deleted, mailbox_exists, invite_*.
func (s *Store) Register(a *NewAccount) error {
	if a.BlobVersion >= maxSQL {
		return refuse(wire.CodeMalformed)
	}
	return s.write(func(t *tx) error {
		chain, err := t.chain(a.Name)
		if err != nil {
			return err
		}
		if len(chain) > 0 {
			if slices.EqualFunc(chain, a.Chain, bytes.Equal) {
				return nil
			}
			return refuse(wire.CodeNameTaken)
		}
		var one int
		gone, err := t.row(`SELECT 1 FROM tombstone WHERE name_mac = $1`, []any{s.tombstone(a.Name)}, &one)
		if err != nil {
			return err
		}
		if gone {
			return refuse(wire.CodeNameDeleted)
		}
		if b, err := t.box(a.Inbox); err != nil || b != nil {
			return orRefuse(err, wire.CodeMailboxExists)
		}
		if a.NeedInvite {
			if err := t.spendCode(a.Invite); err != nil {
				return err
			}
		}
		return t.insertAccount(a)
	})
}

// orRefuse returns err, or the refusal when there is no error.
func orRefuse(err error, code wire.Code) error {
	if err != nil {
		return err
	}
	return refuse(code)
}

func (t *tx) insertAccount(a *NewAccount) error {
	if err := t.exec(`INSERT INTO account (name, inbox) VALUES ($1, $2)`, a.Name, a.Inbox[:]); err != nil {
		return err
	}
	if err := t.insertEntries(a.Name, 0, a.Chain); err != nil {
		return err
	}
	for _, key := range a.Devices {
		if err := t.exec(`INSERT INTO device (name, device_key) VALUES ($1, $2)`, a.Name, key[:]); err != nil {
			return err
		}
	}
	if err := t.addPackages(a.Name, &a.Packages); err != nil {
		return err
	}
	if len(a.Blob) > 0 {
		err := t.exec(`INSERT INTO recovery_blob (name, version, body) VALUES ($1, $2, $3)`,
			a.Name, int64(a.BlobVersion), a.Blob)
		if err != nil {
			return err
		}
	}
	return t.makeInbox(a.Inbox, a.InboxPass)
}

// insertEntries writes entries from place first on.
func (t *tx) insertEntries(name string, first int, entries [][]byte) error {
	for i, entry := range entries {
		err := t.exec(`INSERT INTO directory_entry (name, seq, entry) VALUES ($1, $2, $3)`, name, first+i, entry)
		if err != nil {
			return err
		}
	}
	return nil
}

// makeInbox makes an inbox: a mailbox in epoch 0 that lives as long as its
// account names it.
func (t *tx) makeInbox(id wire.MailboxID, pass wire.PassHash) error {
	keep := min(t.s.o.Keep, wire.DefaultKeep)
	return t.makeBox(id, pass, box{inbox: true, keep: int(keep), forget: never})
}

// chain reads an account's entries; none when there is no account.
func (t *tx) chain(name string) ([][]byte, error) {
	st, err := t.s.stmt(chainQuery)
	if err != nil {
		return nil, err
	}
	return scanChain(st.Query(name))
}

const chainQuery = `SELECT entry FROM directory_entry WHERE name = $1 ORDER BY seq`

func scanChain(rows *sql.Rows, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var chain [][]byte
	for rows.Next() {
		var entry []byte
		if err := rows.Scan(&entry); err != nil {
			return nil, err
		}
		chain = append(chain, entry)
	}
	return chain, rows.Err()
}

// Chain returns an account's signed entries, from entry 0; no_such_account.
func (s *Store) Chain(ctx context.Context, name string) ([][]byte, error) {
	chain, err := scanChain(s.reads.QueryContext(ctx, chainQuery, name))
	if err != nil {
		return nil, fault(err, s.o.Dir)
	}
	if len(chain) == 0 {
		return nil, refuse(wire.CodeNoAccount)
	}
	return chain, nil
}

// NewEntry is one verified directory entry, or several, that follow Count
// others.
type NewEntry struct {
	Name      string
	Count     int      // entries before these
	Entries   [][]byte // at least one; what follows describes the last
	Inbox     wire.MailboxID
	InboxPass wire.PassHash // zero keeps the pass of an inbox that stays
	Devices   [][32]byte
	Packages  Packages
	// DropPackages removes all key packages that were waiting: they are under
	// an identity key that is no longer the account's.
	DropPackages bool
}

// ErrMoved says that the chain is no longer the one that was verified.
var ErrMoved = errors.New("the chain has moved on")

// PutEntry appends to a chain. ErrMoved when the chain does not end where the
// entry was verified to follow; mailbox_exists when the new inbox is taken.
func (s *Store) PutEntry(e *NewEntry) error {
	moved := false
	err := s.write(func(t *tx) error {
		var count int
		var inbox []byte
		moved = false
		if _, err := t.row(`SELECT count(*) FROM directory_entry WHERE name = $1`, []any{e.Name}, &count); err != nil {
			return err
		}
		found, err := t.row(`SELECT inbox FROM account WHERE name = $1`, []any{e.Name}, &inbox)
		if err != nil {
			return err
		}
		if moved = !found || count != e.Count; moved {
			return refuse(wire.CodeBadEntry)
		}
		was := wire.MailboxID(inbox)
		if was != e.Inbox {
			if b, err := t.box(e.Inbox); err != nil || b != nil {
				return orRefuse(err, wire.CodeMailboxExists)
			}
		}
		if err := t.insertEntries(e.Name, count, e.Entries); err != nil {
			return err
		}
		if err := t.changeInbox(e, was); err != nil {
			return err
		}
		return t.changeDevices(e)
	})
	if moved {
		return ErrMoved
	}
	return err
}

// changeInbox puts the inbox of the entry in place of the one before, whose
// introductions go with it.
func (t *tx) changeInbox(e *NewEntry, was wire.MailboxID) error {
	if was != e.Inbox {
		if err := t.dropBox(was); err != nil {
			return err
		}
		if err := t.makeInbox(e.Inbox, e.InboxPass); err != nil {
			return err
		}
		return t.exec(`UPDATE account SET inbox = $1 WHERE name = $2`, e.Inbox[:], e.Name)
	}
	if e.InboxPass == (wire.PassHash{}) {
		return nil
	}
	b, err := t.box(e.Inbox)
	if err != nil || b == nil {
		return err
	}
	b.pass = e.InboxPass
	return t.exec(`UPDATE mailbox_epoch SET pass_hash = $1 WHERE mailbox = $2 AND epoch = 0`, e.InboxPass[:], e.Inbox[:])
}

// dropBox removes a mailbox with all that hangs on it.
func (t *tx) dropBox(id wire.MailboxID) error {
	delete(t.s.boxes, id)
	t.s.dirty = append(t.s.dirty, Event{Mailbox: id, Gone: true})
	return t.exec(`DELETE FROM mailbox WHERE id = $1`, id[:])
}

// changeDevices makes the devices those of the entry; key packages of a device
// that goes, go with it.
func (t *tx) changeDevices(e *NewEntry) error {
	if e.DropPackages {
		if err := t.exec(`DELETE FROM key_package WHERE name = $1`, e.Name); err != nil {
			return err
		}
	}
	args := []any{e.Name}
	for i := range e.Devices {
		args = append(args, e.Devices[i][:])
	}
	err := t.exec(`DELETE FROM device WHERE name = $1 AND device_key NOT IN (`+
		placeholders(2, len(e.Devices))+`)`, args...)
	if err != nil {
		return err
	}
	for i := range e.Devices {
		err := t.exec(`INSERT INTO device (name, device_key) VALUES ($1, $2) ON CONFLICT (name, device_key) DO NOTHING`,
			e.Name, e.Devices[i][:])
		if err != nil {
			return err
		}
	}
	return t.addPackages(e.Name, &e.Packages)
}

// HasDevice reports whether the account names the device; no_such_account.
func (s *Store) HasDevice(ctx context.Context, name string, device [32]byte) (bool, error) {
	var accounts, devices int
	err := s.reads.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM account WHERE name = $1),
		(SELECT count(*) FROM device WHERE name = $1 AND device_key = $2)`, name, device[:]).Scan(&accounts, &devices)
	if err != nil {
		return false, fault(err, s.o.Dir)
	}
	if accounts == 0 {
		return false, refuse(wire.CodeNoAccount)
	}
	return devices == 1, nil
}
