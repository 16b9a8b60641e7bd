// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"errors"

	"clarion.chat/clarion/wire"
)

// maxBatch is how many operations one transaction takes at most.
const maxBatch = 256

// op is one change. do runs in the writer's transaction: it makes all its
// checks before its first write, so an operation that is refused has changed
// nothing and the others of its batch stand. It may run twice (when another
// operation of its batch failed) and therefore sets its results afresh. done
// is called once, by the writer, after the commit; it must not block.
type op struct {
	do   func(*tx) error
	done func(error)
	// appends says that do reads no mailbox's head but by tx.box.
	appends bool
	// alone is work that must not run inside a transaction.
	alone func(*sql.Conn) error
	err   error
}

// tx is the writer's open transaction.
type tx struct{ s *Store }

// Event is an envelope that was appended, or a mailbox that is gone.
type Event struct {
	Mailbox  wire.MailboxID
	Gone     bool
	Envelope wire.Envelope // zero when Gone
}

// Run is the writer. It blocks until ctx is done and every operation that was
// taken is answered. It is called once.
func (s *Store) Run(ctx context.Context) error {
	batch := make([]*op, 0, maxBatch)
	for {
		select {
		case o := <-s.ops:
			batch = s.fill(append(batch[:0], o))
			s.commit(batch)
			clear(batch)
		case <-ctx.Done():
			return s.drain()
		}
	}
}

// drain answers what was taken before the end and refuses the rest.
func (s *Store) drain() error {
	s.gate.Lock()
	s.closed = true
	s.gate.Unlock()
	sent := make(chan struct{})
	go func() {
		s.sending.Wait()
		close(sent)
	}()
	for {
		select {
		case o := <-s.ops:
			s.commit([]*op{o})
		case <-sent:
			for len(s.ops) > 0 {
				s.commit([]*op{<-s.ops})
			}
			return nil
		}
	}
}

// fill takes the operations that wait, up to the batch's bound.
func (s *Store) fill(batch []*op) []*op {
	for len(batch) < maxBatch {
		select {
		case o := <-s.ops:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// submit hands an operation to the writer. After the writer's end it is
// refused with shutting_down.
func (s *Store) submit(o *op) {
	s.gate.Lock()
	if s.closed {
		s.gate.Unlock()
		o.done(refuse(wire.CodeShuttingDown))
		return
	}
	s.sending.Add(1)
	s.gate.Unlock()
	s.ops <- o
	s.sending.Done()
}

// write runs do in the writer and waits until it is durable.
func (s *Store) write(do func(*tx) error) error {
	answer := make(chan error, 1)
	s.submit(&op{do: do, done: func(err error) { answer <- err }})
	return <-answer
}

// outside runs f on the writer's connection between two transactions.
func (s *Store) outside(f func(*sql.Conn) error) error {
	answer := make(chan error, 1)
	s.submit(&op{alone: f, done: func(err error) { answer <- err }})
	return <-answer
}

// commit carries a batch out and answers it.
func (s *Store) commit(batch []*op) {
	for i := 0; i < len(batch); {
		if batch[i].alone != nil {
			batch[i].err = fault(batch[i].alone(s.conn), s.o.Dir)
			s.boxes = make(map[wire.MailboxID]*box)
			i++
			continue
		}
		end := i
		for end < len(batch) && batch[end].alone == nil {
			end++
		}
		s.transact(batch[i:end])
		i = end
	}
	s.arrived(s.dirty)
	for _, o := range batch {
		o.done(o.err)
	}
	if len(s.dirty) > 0 {
		s.o.Committed(s.dirty)
		s.dirty = nil
	}
}

// transact runs operations in one transaction. When one fails otherwise than
// by a refusal, all is rolled back and each gets a transaction of its own.
func (s *Store) transact(ops []*op) {
	before := len(s.dirty)
	err := s.attempt(ops)
	if err == nil {
		return
	}
	s.undo(before)
	if len(ops) == 1 {
		ops[0].err = fault(err, s.o.Dir)
		return
	}
	for _, o := range ops {
		before := len(s.dirty)
		if err := s.attempt([]*op{o}); err != nil {
			s.undo(before)
			o.err = fault(err, s.o.Dir)
		}
	}
}

// attempt returns an error when the transaction did not come to stand, and has
// rolled it back then.
func (s *Store) attempt(ops []*op) error {
	// Both databases begin by the driver; what SQLite needs to take its lock at
	// once stands in source.
	transaction, err := s.conn.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := s.carryOut(ops); err != nil {
		_ = transaction.Rollback() // SQLite may have done so by itself
		return err
	}
	return transaction.Commit()
}

func (s *Store) carryOut(ops []*op) error {
	t := &tx{s}
	for _, o := range ops {
		if !o.appends {
			if err := t.settle(); err != nil {
				return err
			}
		}
		o.err = o.do(t)
		var r *wire.Refusal
		if o.err != nil && !errors.As(o.err, &r) {
			return o.err
		}
	}
	return t.settle()
}

// undo forgets all that the failed transaction may have left in memory.
func (s *Store) undo(events int) {
	s.boxes = make(map[wire.MailboxID]*box)
	s.moved = nil
	s.dirty = s.dirty[:events]
}

// stmt returns the writer's prepared statement for a text.
func (s *Store) stmt(query string) (*sql.Stmt, error) {
	if st, ok := s.stmts[query]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	s.stmts[query] = st
	return st, nil
}

func (s *Store) exec(query string, args ...any) error {
	_, err := s.execRows(query, args...)
	return err
}

func (s *Store) execRows(query string, args ...any) (int64, error) {
	st, err := s.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := st.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// exec runs a statement of the transaction.
func (t *tx) exec(query string, args ...any) error { return t.s.exec(query, args...) }

// rows runs a statement and returns how many rows it changed.
func (t *tx) rows(query string, args ...any) (int64, error) { return t.s.execRows(query, args...) }

// row reads one row into dest; found is false when there is none.
func (t *tx) row(query string, args []any, dest ...any) (found bool, err error) {
	st, err := t.s.stmt(query)
	if err != nil {
		return false, err
	}
	err = st.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
