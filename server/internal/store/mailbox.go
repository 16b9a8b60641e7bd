// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"

	"clarion.chat/clarion/wire"
)

// box is the writer's copy of a mailbox's state.
type box struct {
	inbox  bool
	closed bool // since a restore: it only reads
	epoch  wire.Epoch
	head   wire.Seq
	keep   int
	forget int64
	pass   wire.PassHash // of the current epoch

	forgetStored int64 // forget as it stands in the table
	moved        bool  // head or forget is not in the table yet
}

// maxBoxes bounds the writer's memory: about 10 MiB.
const maxBoxes = 1 << 16

// box returns a mailbox's state, or nil when there is no such mailbox. Every
// change of it must also reach the table: head and forget by settle, all else
// in the same operation.
func (t *tx) box(id wire.MailboxID) (*box, error) {
	if b, ok := t.s.boxes[id]; ok {
		return b, nil
	}
	b := new(box)
	var pass []byte
	found, err := t.row(`SELECT m.inbox, m.closed, m.epoch, m.head, m.keep, m.forget_hour, e.pass_hash
		FROM mailbox m JOIN mailbox_epoch e ON e.mailbox = m.id AND e.epoch = m.epoch WHERE m.id = $1`,
		[]any{id[:]}, &b.inbox, &b.closed, &b.epoch, &b.head, &b.keep, &b.forget, &pass)
	if err != nil || !found {
		return nil, err
	}
	copy(b.pass[:], pass)
	b.forgetStored = b.forget
	return b, t.remember(id, b)
}

func (t *tx) remember(id wire.MailboxID, b *box) error {
	if len(t.s.boxes) >= maxBoxes {
		// What is forgotten is read from the table next time.
		if err := t.settle(); err != nil {
			return err
		}
		for other := range t.s.boxes { // any: the map's order is random
			delete(t.s.boxes, other)
			break
		}
	}
	t.s.boxes[id] = b
	return nil
}

// move notes that a mailbox's head or forget has moved, for settle.
func (t *tx) move(id wire.MailboxID, b *box) {
	if !b.moved {
		b.moved = true
		t.s.moved = append(t.s.moved, movedBox{id, b})
	}
}

type movedBox struct {
	id wire.MailboxID
	b  *box
}

// settle writes the heads that appends have moved, once for each mailbox. It
// runs before whatever else may read the table, and before the commit.
func (t *tx) settle() error {
	for _, m := range t.s.moved {
		var err error
		if m.b.forget == m.b.forgetStored { // spares the index of forget_hour
			err = t.exec(`UPDATE mailbox SET head = $1 WHERE id = $2`, int64(m.b.head), m.id[:])
		} else {
			err = t.exec(`UPDATE mailbox SET head = $1, forget_hour = $2 WHERE id = $3`, int64(m.b.head), m.b.forget, m.id[:])
		}
		if err != nil {
			return err
		}
		m.b.moved, m.b.forgetStored = false, m.b.forget
	}
	clear(t.s.moved)
	t.s.moved = t.s.moved[:0]
	return nil
}

// isPass compares in constant time.
func isPass(pass wire.Pass, hash wire.PassHash) bool {
	h := pass.Hash()
	return subtle.ConstantTimeCompare(h[:], hash[:]) == 1
}

// forgetDays is when a mailbox goes after its last use: a day past the longest
// keep, so that all its envelopes have gone before.
const forgetDays = wire.MaxKeep + 1

// stay returns the hour after which an envelope that arrives now is deleted.
func (s *Store) stay(keep int) int64 {
	hours := keep * 24
	if s.o.Retention > 0 {
		hours = min(hours, s.o.Retention)
	}
	if s.o.Brief > 0 {
		hours = 1 // what PurgeBrief cannot delete any more, Purge does
	}
	return s.hour() + int64(hours) + 1
}

// CreateMailbox makes a mailbox. CodeMailboxExists when one is there under
// another pass; making the same again changes nothing.
func (s *Store) CreateMailbox(m *wire.CreateMailbox) error {
	if m.Keep < wire.MinKeep || m.Keep > s.o.Keep {
		return refuse(wire.CodeKeepRange)
	}
	if uint64(m.Epoch) >= maxSQL {
		return refuse(wire.CodeMalformed)
	}
	return s.write(func(t *tx) error {
		b, err := t.box(m.Mailbox)
		if err != nil {
			return err
		}
		if b != nil {
			same := !b.inbox && b.epoch == m.Epoch && subtle.ConstantTimeCompare(b.pass[:], m.Pass[:]) == 1
			if !same {
				return refuse(wire.CodeMailboxExists)
			}
			return nil
		}
		return t.makeBox(m.Mailbox, m.Pass, box{epoch: m.Epoch, keep: int(m.Keep), forget: s.days(forgetDays)})
	})
}

// makeBox writes a mailbox that is known not to exist, and its first epoch.
func (t *tx) makeBox(id wire.MailboxID, pass wire.PassHash, b box) error {
	b.pass, b.forgetStored = pass, b.forget
	err := t.exec(`INSERT INTO mailbox (id, inbox, closed, epoch, head, keep, forget_hour) VALUES ($1, $2, 0, $3, 0, $4, $5)`,
		id[:], bit(b.inbox), int64(b.epoch), b.keep, b.forget)
	if err != nil {
		return err
	}
	err = t.exec(`INSERT INTO mailbox_epoch (mailbox, epoch, pass_hash, first_seq, last_seq, forget_hour)
		VALUES ($1, $2, $3, 1, 0, $4)`, id[:], int64(b.epoch), pass[:], never)
	if err != nil {
		return err
	}
	return t.remember(id, &b)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checkAppend refuses what no state of the mailbox could accept.
func (s *Store) checkAppend(a *wire.Append) error {
	commit := a.EnvelopeKind == wire.KindCommit
	switch {
	case a.EnvelopeKind != wire.KindMessage && !commit:
		return refuse(wire.CodeMalformed)
	case commit == (a.Next == wire.PassHash{}):
		return refuse(wire.CodeMalformed)
	case !commit && a.Keep != 0, a.Keep > s.o.Keep:
		return refuse(wire.CodeKeepRange)
	case uint64(a.Epoch) >= maxSQL-1:
		return refuse(wire.CodeMalformed)
	case !wire.IsSizeClass(len(a.Body)):
		return refuse(wire.CodeNotPadded)
	}
	return nil
}

// Append puts an envelope at the end of a mailbox and calls done once it is
// durable, or refused. done is called by the writer and must not block. The
// rules are those of wire.Append.
func (s *Store) Append(a *wire.Append, done func(wire.Seq, error)) {
	if err := s.checkAppend(a); err != nil {
		done(0, err)
		return
	}
	var seq wire.Seq
	s.submit(&op{
		appends: true,
		do: func(t *tx) (err error) {
			seq, err = t.append(a)
			return err
		},
		done: func(err error) { done(seq, err) },
	})
}

func (t *tx) append(a *wire.Append) (wire.Seq, error) {
	b, err := t.box(a.Mailbox)
	if err != nil {
		return 0, err
	}
	if b == nil {
		return 0, refuse(wire.CodeNoMailbox)
	}
	if b.inbox {
		return 0, refuse(wire.CodeWrongPass)
	}
	current := isPass(a.Pass, b.pass)
	last := b.head // how far the pass may see
	if !current {
		if last, err = t.endOfPass(a.Mailbox, a.Pass); err != nil {
			return 0, err
		}
	}
	e := wire.Envelope{ID: a.ID, Epoch: a.Epoch, EnvelopeKind: a.EnvelopeKind, Next: a.Next, Body: a.Body}
	if current && !b.closed && a.Epoch == b.epoch && a.EnvelopeKind == wire.KindMessage {
		// Nearly every append: the index of ids itself finds the rare repeat.
		if seq, err := t.put(a.Mailbox, b, &e); seq != 0 || err != nil {
			return seq, err
		}
	}
	seq, err := t.repeated(a.Mailbox, &e, last)
	switch {
	case seq != 0 || err != nil:
		return seq, err
	case b.closed: // whatever the pass: the next mailbox is where all go on
		return 0, refuse(wire.CodeMailboxClosed)
	case !current:
		return 0, standing(wire.CodeStalePass, b)
	case a.Epoch != b.epoch:
		return 0, standing(wire.CodeStaleEpoch, b)
	}
	if a.EnvelopeKind == wire.KindCommit {
		if err := t.endEpoch(a, b); err != nil {
			return 0, err
		}
	}
	return t.put(a.Mailbox, b, &e)
}

// standing is a refusal that tells where the mailbox stands.
func standing(code wire.Code, b *box) error {
	r := wire.Refuse(code)
	r.Epoch, r.Seq = b.epoch, b.head
	return r
}

// endOfPass returns the seq of the commit that ended the pass's epoch, or
// wrong_pass for a pass never seen. The table is searched by the hash: what
// its timing could tell is about hashes of random 32 bytes, not about passes.
func (t *tx) endOfPass(id wire.MailboxID, pass wire.Pass) (wire.Seq, error) {
	h := pass.Hash()
	var last wire.Seq
	found, err := t.row(`SELECT last_seq FROM mailbox_epoch WHERE mailbox = $1 AND pass_hash = $2`,
		[]any{id[:], h[:]}, &last)
	if err == nil && !found {
		err = refuse(wire.CodeWrongPass)
	}
	return last, err
}

// repeated looks an envelope up by its id, among those up to last. It returns
// its seq when it is the same envelope, 0 when there is none, and id_reused
// when it is another.
func (t *tx) repeated(id wire.MailboxID, e *wire.Envelope, last wire.Seq) (wire.Seq, error) {
	var was wire.Envelope
	var next []byte
	found, err := t.row(`SELECT seq, epoch, kind, next, body FROM envelope WHERE mailbox = $1 AND id = $2`,
		[]any{id[:], e.ID[:]}, &was.Seq, &was.Epoch, &was.EnvelopeKind, &next, &was.Body)
	if err != nil || !found || was.Seq > last {
		return 0, err
	}
	copy(was.Next[:], next)
	was.ID = e.ID
	if was.Hash() != e.Hash() {
		return 0, refuse(wire.CodeIDReused)
	}
	return was.Seq, nil
}

// endEpoch makes Next the pass of the next epoch.
func (t *tx) endEpoch(a *wire.Append, b *box) error {
	var one int
	known, err := t.row(`SELECT 1 FROM mailbox_epoch WHERE mailbox = $1 AND pass_hash = $2`,
		[]any{a.Mailbox[:], a.Next[:]}, &one)
	if err != nil {
		return err
	}
	if known { // two epochs under one pass could not be told apart
		return refuse(wire.CodeMalformed)
	}
	err = t.exec(`UPDATE mailbox_epoch SET last_seq = $1, forget_hour = $2 WHERE mailbox = $3 AND epoch = $4`,
		int64(b.head+1), t.s.stay(wire.MaxKeep), a.Mailbox[:], int64(b.epoch))
	if err != nil {
		return err
	}
	err = t.exec(`INSERT INTO mailbox_epoch (mailbox, epoch, pass_hash, first_seq, last_seq, forget_hour)
		VALUES ($1, $2, $3, $4, 0, $5)`, a.Mailbox[:], int64(b.epoch+1), a.Next[:], int64(b.head+2), never)
	if err != nil {
		return err
	}
	keep := b.keep
	if a.Keep != 0 {
		keep = int(a.Keep)
	}
	err = t.exec(`UPDATE mailbox SET epoch = $1, keep = $2 WHERE id = $3`, int64(b.epoch+1), keep, a.Mailbox[:])
	b.epoch, b.pass, b.keep = b.epoch+1, a.Next, keep
	return err
}

// put writes the envelope that follows and moves the mailbox's head. It writes
// nothing and returns 0 when the mailbox holds an envelope of that id.
func (t *tx) put(id wire.MailboxID, b *box, e *wire.Envelope) (wire.Seq, error) {
	next := e.Next[:]
	if e.EnvelopeKind != wire.KindCommit {
		next = []byte{}
	}
	n, err := t.rows(`INSERT INTO envelope (mailbox, seq, id, epoch, kind, next, body, expires_hour)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (mailbox, id) DO NOTHING`,
		id[:], int64(b.head+1), e.ID[:], int64(e.Epoch), int(e.EnvelopeKind), next, e.Body, t.s.stay(b.keep))
	if err != nil || n == 0 {
		return 0, err
	}
	b.head++
	e.Seq = b.head
	if !b.inbox {
		b.forget = t.s.days(forgetDays)
	}
	t.move(id, b)
	t.s.dirty = append(t.s.dirty, Event{Mailbox: id, Envelope: *e})
	return e.Seq, nil
}

// Grant is what a pass opens.
type Grant struct {
	Epoch   wire.Epoch // the epoch of the pass
	Current bool       // whether it is the mailbox's current one
	Last    wire.Seq   // how far the pass reads at present
	Inbox   bool
	Closed  bool // by a restore: it only reads
}

// Grant tells what a pass opens: CodeNoMailbox, CodeWrongPass.
func (s *Store) Grant(ctx context.Context, id wire.MailboxID, pass wire.Pass) (Grant, error) {
	h := pass.Hash()
	var g Grant
	var now wire.Epoch
	var head, last wire.Seq
	var forget int64
	var epoch sql.NullInt64
	var hash []byte
	err := s.reads.QueryRowContext(ctx, `SELECT m.inbox, m.closed, m.epoch, m.head, m.forget_hour, e.epoch, coalesce(e.last_seq, 0), e.pass_hash
		FROM mailbox m LEFT JOIN mailbox_epoch e ON e.mailbox = m.id AND e.pass_hash = $1 WHERE m.id = $2`,
		h[:], id[:]).Scan(&g.Inbox, &g.Closed, &now, &head, &forget, &epoch, &last, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return g, refuse(wire.CodeNoMailbox)
	}
	if err != nil {
		return g, fault(err, s.o.Dir)
	}
	if !epoch.Valid || subtle.ConstantTimeCompare(hash, h[:]) != 1 {
		return g, refuse(wire.CodeWrongPass)
	}
	g.Epoch, g.Current, g.Last = wire.Epoch(epoch.Int64), last == 0, head
	if !g.Current {
		g.Last = last
	} else if !g.Inbox && forget < s.days(forgetDays)-24 {
		s.touch(id)
	}
	return g, nil
}

// touch marks a mailbox as used, which keeps it another while. Nobody waits
// for it: it is marked again with the next read when this one is lost.
func (s *Store) touch(id wire.MailboxID) {
	o := &op{done: func(error) {}, do: func(t *tx) error {
		b, err := t.box(id)
		if err != nil || b == nil || b.inbox {
			return err
		}
		b.forget = s.days(forgetDays)
		t.move(id, b)
		return nil
	}}
	select {
	case s.ops <- o:
	default:
	}
}

// Read returns up to limit envelopes after a seq, as far as the pass reads and
// up to about maxBytes of bodies (at least one). First is where an unbroken run
// up to the end begins, for whoever has to know: a reader it leaves something
// out for. Codes of Grant.
func (s *Store) Read(ctx context.Context, id wire.MailboxID, pass wire.Pass, after wire.Seq, limit, maxBytes int) (*wire.Envelopes, error) {
	g, err := s.Grant(ctx, id, pass)
	if err != nil {
		return nil, err
	}
	e := &wire.Envelopes{Head: g.Last, Epoch: g.Epoch, Current: g.Current}
	var first sql.NullInt64
	err = s.reads.QueryRowContext(ctx, `SELECT min(seq) FROM envelope WHERE mailbox = $1`, id[:]).Scan(&first)
	if err != nil {
		return nil, fault(err, s.o.Dir)
	}
	e.First = g.Last + 1
	if first.Valid {
		e.First = min(e.First, wire.Seq(first.Int64))
	}
	if after >= g.Last || uint64(after) >= maxSQL {
		return e, nil
	}
	e.Envelopes, e.More, err = s.between(ctx, id, after, g.Last, limit, maxBytes)
	if err == nil && holed(e, after) {
		e.First, err = s.unbroken(ctx, id, g.Last)
	}
	return e, err
}

// holed reports whether what a reader gets leaves something out. A mailbox
// whose keep was shortened deletes later envelopes before earlier ones.
func holed(e *wire.Envelopes, after wire.Seq) bool {
	for i := range e.Envelopes {
		if e.Envelopes[i].Seq != after+1 {
			return true
		}
		after++
	}
	return !e.More && after != e.Head
}

// unbroken is the first seq from which on, up to last, every envelope is held.
func (s *Store) unbroken(ctx context.Context, id wire.MailboxID, last wire.Seq) (wire.Seq, error) {
	var first, newest sql.NullInt64
	err := s.reads.QueryRowContext(ctx, `SELECT max(CASE WHEN p.seq IS NULL THEN e.seq END), max(e.seq) FROM envelope e
		LEFT JOIN envelope p ON p.mailbox = e.mailbox AND p.seq = e.seq - 1 WHERE e.mailbox = $1 AND e.seq <= $2`,
		id[:], int64(last)).Scan(&first, &newest)
	if err != nil {
		return 0, fault(err, s.o.Dir)
	}
	if wire.Seq(newest.Int64) != last {
		return last + 1, nil
	}
	return wire.Seq(first.Int64), nil
}

// between reads envelopes with after < seq ≤ last.
func (s *Store) between(ctx context.Context, id wire.MailboxID, after, last wire.Seq, limit, maxBytes int) ([]wire.Envelope, bool, error) {
	rows, err := s.reads.QueryContext(ctx, `SELECT seq, id, epoch, kind, next, body FROM envelope
		WHERE mailbox = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
		id[:], int64(after), int64(last), limit+1)
	if err != nil {
		return nil, false, fault(err, s.o.Dir)
	}
	defer rows.Close()
	var all []wire.Envelope
	total := 0
	for rows.Next() {
		var e wire.Envelope
		var eid, next sql.RawBytes
		if err := rows.Scan(&e.Seq, &eid, &e.Epoch, &e.EnvelopeKind, &next, &e.Body); err != nil {
			return nil, false, fault(err, s.o.Dir)
		}
		copy(e.ID[:], eid)
		copy(e.Next[:], next)
		total += len(e.Body)
		if len(all) == limit || (len(all) > 0 && total > maxBytes) {
			return all, true, nil
		}
		all = append(all, e)
	}
	return all, false, fault(rows.Err(), s.o.Dir)
}
