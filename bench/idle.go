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
// or each in a room of its own, and compares the server before and after.
func idle(c *child, n int) (f footprint, err error) {
	before, err := c.stat()
	if err != nil {
		return f, err
	}
	const dialers = 16
	lines := make([]*line, n)
	errs := make([]error, dialers)
	var dialed sync.WaitGroup
	for d := range dialers {
		dialed.Go(func() {
			for i := d; i < n && errs[d] == nil; i += dialers {
				lines[i], errs[d] = idleLine(c, i)
			}
		})
	}
	dialed.Wait()
	defer func() {
		for _, l := range lines {
			if l != nil {
				_ = l.socket.NetConn().Close()
			}
		}
	}()
	if err := errors.Join(errs...); err != nil {
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

func idleLine(c *child, number int) (*line, error) {
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
	b := newBox()
	if _, err = door.ask(b.create()); err == nil {
		_, err = door.ask(b.subscribe())
	}
	return door.line, err
}
