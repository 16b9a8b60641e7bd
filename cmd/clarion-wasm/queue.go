// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"sync"
)

// errFull ends a queue whose reader fell too far behind.
var errFull = errors.New("more arrived than this client holds")

// queue brings byte strings from callbacks, which must not wait, to a
// goroutine, which may. It is bounded by bytes and ends rather than drop one.
type queue struct {
	limit int           // bytes held at most
	ready chan struct{} // holds one token while there may be something to take
	done  chan struct{} // closed by the end

	mu    sync.Mutex // guards what follows
	items [][]byte
	held  int
	err   error // why it ended
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// put adds an item and never waits. Past the limit it ends the queue.
func (q *queue) put(item []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	if q.held+len(item) > q.limit {
		q.endLocked(errFull)
		return errFull
	}
	q.items = append(q.items, item)
	q.held += len(item)
	q.wake()
	return nil
}

// end lets take return err once all that was put is taken. The first end
// counts.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.endLocked(err)
}

func (q *queue) endLocked(err error) {
	if q.err == nil {
		q.err = err
		close(q.done)
	}
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take waits for the next item, in the order of put.
func (q *queue) take(ctx context.Context) ([]byte, error) {
	for {
		item, found, err := q.next()
		if found {
			return item, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-q.ready:
		case <-q.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (q *queue) next() (item []byte, found bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil, false, q.err
	}
	item = q.items[0]
	q.items = q.items[1:]
	q.held -= len(item)
	if len(q.items) > 0 {
		q.wake()
	}
	return item, true, nil
}
