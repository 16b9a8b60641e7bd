// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/wire"
)

// purgeChunk is how many rows one operation of the purge job deletes, so that
// appends wait for it only a moment.
const purgeChunk = 500

// purgeDays is how long the record of a purge is kept.
const purgeDays = 90

// Purged is what the purge job did in one table.
type Purged struct {
	Table      string
	Policy     string // the limit, as annotated in the schema
	Removed    int64
	OldestHour int64 // the earliest hour of deletion among the rows that stayed, 0 for none
}

// errWALBusy says that a reader kept the write-ahead log from being emptied.
var errWALBusy = errors.New("a reader holds the write-ahead log")

// Purge deletes what is past its limit in every table whose annotations name
// one, records what it did in purge_run, and empties the write-ahead log, so
// that the bytes are gone from the folder's files. It is safe to call again.
func (s *Store) Purge() ([]Purged, error) {
	hour := s.hour()
	var all []Purged
	for _, l := range s.limits {
		p, err := s.purgeTable(l, hour)
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	if err := s.outside(truncateWAL); err != nil {
		return all, err
	}
	return all, nil
}

func (s *Store) purgeTable(l inventory.Purge, hour int64) (Purged, error) {
	key := strings.Join(l.Key, ", ")
	// A row value for the key of several columns; both databases have it.
	chunk := fmt.Sprintf(`DELETE FROM %s WHERE (%s) IN (SELECT %s FROM %s WHERE %s <= $1 LIMIT %d)`,
		l.Table, key, key, l.Table, l.Column, purgeChunk)
	p := Purged{Table: l.Table, Policy: l.Until}
	for {
		var n int64
		err := s.write(func(t *tx) (err error) {
			n, err = t.rows(chunk, hour)
			if n > 0 {
				t.s.boxes = make(map[wire.MailboxID]*box)
			}
			return err
		})
		if err != nil {
			return p, err
		}
		p.Removed += n
		if n < purgeChunk {
			break
		}
	}
	return p, s.write(func(t *tx) error { return t.recordPurge(l, hour, &p) })
}

// recordPurge writes what was done into purge_run, and sets p's OldestHour.
func (t *tx) recordPurge(l inventory.Purge, hour int64, p *Purged) error {
	oldest := fmt.Sprintf(`SELECT coalesce(min(%s), 0) FROM %s WHERE %s < $1`, l.Column, l.Table, l.Column)
	if _, err := t.row(oldest, []any{never}, &p.OldestHour); err != nil {
		return err
	}
	return t.exec(`INSERT INTO purge_run (hour, table_name, policy, oldest_hour, removed, forget_hour)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (hour, table_name) DO UPDATE SET oldest_hour = excluded.oldest_hour,
		removed = purge_run.removed + excluded.removed`,
		hour, l.Table, l.Until, p.OldestHour, p.Removed, t.s.days(purgeDays))
}

// truncateWAL moves the write-ahead log into the database and empties it.
func truncateWAL(c *sql.Conn) error {
	var busy, pages, moved int
	err := c.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		err = errWALBusy
	}
	return err
}
