// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"time"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/wire"
)

// arrivals are the times at which envelopes came, for a retention below one
// hour. The tables know hours only, and nothing here is ever stored: it exists
// so that tests from outside need not wait for hours. The writer owns it.
type arrivals struct {
	known bool // what stood in the tables at the start is in the queue
	queue []arrival
}

// arrival says that a mailbox's envelopes up to seq were there at a time.
type arrival struct {
	mailbox wire.MailboxID
	seq     wire.Seq
	at      time.Time
}

// arrived notes what a batch has appended, before it is answered: an answered
// envelope stays at least Brief from its answer on.
func (s *Store) arrived(all []Event) {
	if s.o.Brief == 0 {
		return
	}
	now := s.o.Clock()
	for i := range all {
		if !all[i].Gone {
			s.brief.queue = append(s.brief.queue, arrival{all[i].Mailbox, all[i].Envelope.Seq, now})
		}
	}
}

// PurgeBrief deletes the envelopes that came Brief ago or earlier, writes what
// it did into purge_run and empties the write-ahead log. What stood in the
// tables before the store was opened counts as having come with the first call.
// Without Brief it does nothing.
func (s *Store) PurgeBrief() error {
	if s.o.Brief == 0 {
		return nil
	}
	var removed int64
	for {
		n, more, err := s.purgeBrief()
		if err != nil {
			return err
		}
		removed += n
		if !more {
			break
		}
	}
	if removed == 0 {
		return nil
	}
	return s.outside(truncateWAL)
}

// purgeBrief deletes one chunk of what is due. more says that there is another.
func (s *Store) purgeBrief() (removed int64, more bool, err error) {
	taken := 0
	answer := make(chan error, 1)
	s.submit(&op{
		do: func(t *tx) (err error) {
			removed, taken, more, err = t.purgeBrief()
			return err
		},
		done: func(err error) {
			if err == nil {
				s.brief.queue = s.brief.queue[taken:]
			}
			answer <- err
		},
	})
	return removed, more, <-answer
}

// purgeBrief deletes for the first arrivals of the queue, which it leaves there
// until the commit: it returns how many rows went, and how many arrivals.
func (t *tx) purgeBrief() (removed int64, taken int, more bool, err error) {
	if err := t.knowEarlier(); err != nil {
		return 0, 0, false, err
	}
	limit := t.s.o.Clock().Add(-t.s.o.Brief)
	due := 0
	for due < len(t.s.brief.queue) && !t.s.brief.queue[due].at.After(limit) {
		due++
	}
	chunk := t.s.brief.queue[:min(due, purgeChunk)]
	upTo := make(map[wire.MailboxID]wire.Seq)
	for _, a := range chunk {
		upTo[a.mailbox] = max(upTo[a.mailbox], a.seq)
	}
	for id, seq := range upTo {
		n, err := t.rows(`DELETE FROM envelope WHERE mailbox = $1 AND seq <= $2`, id[:], int64(seq))
		if err != nil {
			return 0, 0, false, err
		}
		removed += n
	}
	if removed > 0 {
		err = t.recordBrief(removed)
	}
	return removed, len(chunk), due > len(chunk), err
}

// knowEarlier queues, once, what the tables held before the store was opened.
func (t *tx) knowEarlier() error {
	if t.s.brief.known {
		return nil
	}
	st, err := t.s.stmt(`SELECT mailbox, max(seq) FROM envelope GROUP BY mailbox`)
	if err != nil {
		return err
	}
	rows, err := st.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	now := t.s.o.Clock()
	for rows.Next() {
		var id []byte
		var seq wire.Seq
		if err := rows.Scan(&id, &seq); err != nil {
			return err
		}
		t.s.brief.queue = append(t.s.brief.queue, arrival{wire.MailboxID(id), seq, now})
	}
	t.s.brief.known = true
	return rows.Err()
}

func (t *tx) recordBrief(removed int64) error {
	for _, l := range t.s.limits {
		if l.Table == "envelope" {
			p := Purged{Table: l.Table, Removed: removed}
			return t.recordPurge(l, t.s.hour(), &p)
		}
	}
	return inventory.ErrSchema
}
