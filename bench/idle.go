// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"sync"
)

// footprint is what one idle connection costs the server, in bytes.
type footprint struct{ resident, heap, stack, goroutines float64 }

// idle opens n connections, each with one subscription of a mailbox of its own,
// or each in a room of its own, and compares the server before and after. The
// mailboxes are made before, so that the store's caches do not count.
func idle(c *child, n int) (f footprint, err error) {
	boxes, err := makeBoxes(c, n)
	if err != nil {
		return f, err
	}
	before, err := c.stat()
	if err != nil {
		return f, err
	}
	lines := make([]*line, n)
	defer func() {
		for _, l := range lines {
			if l != nil {
				_ = l.socket.NetConn().Close()
			}
		}
	}()
	err = spread(n, func(i int) (err error) {
		lines[i], err = idleLine(c, i, boxes)
		return err
	})
	if err != nil {
		return f, err
	}
	after, err := c.stat()
	if err != nil {
		return f, err
	}
	each := func(before, after int) float64 { return float64(after-before) / float64(n) }
	return footprint{each(before.RSS, after.RSS), each(before.Heap, after.Heap), each(before.Stack, after.Stack),
		each(before.Goroutines, after.Goroutines)}, nil
}

// spread calls f with 0 to n-1 from a few goroutines.
func spread(n int, f func(i int) error) error {
	const hands = 16
	errs := make([]error, hands)
	var done sync.WaitGroup
	for h := range hands {
		done.Go(func() {
			for i := h; i < n && errs[h] == nil; i += hands {
				errs[h] = f(i)
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

// makeBoxes makes n mailboxes, from as many connections as their allowance of
// a hundred at once asks for. The relay has none.
func makeBoxes(c *child, n int) ([]box, error) {
	if c.name == bare {
		return nil, nil
	}
	const each = 90
	boxes := make([]box, n)
	return boxes, spread((n+each-1)/each, func(part int) error {
		door, err := dialDoor(c.addr, ignore, ignore, ignoreEnd)
		if err != nil {
			return err
		}
		defer door.socket.NetConn().Close()
		for i := part * each; i < min(n, (part+1)*each); i++ {
			boxes[i] = newBox()
			if _, err := door.ask(boxes[i].create()); err != nil {
				return err
			}
		}
		return nil
	})
}

func idleLine(c *child, number int, boxes []box) (*line, error) {
	if c.name == bare {
		l, err := dialLine(fmt.Sprintf("ws://%s/room/%d", c.addr, 1000+number), ignore, ignoreEnd)
		if err == nil {
			go l.socket.ReadLoop()
		}
		return l, err
	}
	door, err := dialDoor(c.addr, ignore, ignore, ignoreEnd)
	if err != nil {
		return nil, err
	}
	_, err = door.ask(boxes[number].subscribe())
	return door.line, err
}
