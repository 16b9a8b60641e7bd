// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	pairs  = 32
	window = 8 // messages of a pair that are not yet acknowledged
)

// flow is one round of throughput.
type flow struct {
	rate float64       // durable messages per second
	cpu  time.Duration // of the server, per message
	disk int           // bytes that the server wrote to files, per message
}

// throughput lets every pair keep its window full for a while. A message
// counts when its answer came; all must be delivered before the round is over.
func throughput(c *child, d time.Duration, echo bool) (f flow, err error) {
	all, err := makePairs(c, echo)
	if err != nil {
		return f, err
	}
	defer closePairs(all)
	before, err := c.stat()
	if err != nil {
		return f, err
	}
	begin := time.Now()
	until := begin.Add(d)
	for _, p := range all {
		p.mu.Lock()
		p.left = func() bool { return time.Now().Before(until) }
		for range window {
			p.put()
		}
		p.mu.Unlock()
	}
	var total uint64
	for _, p := range all {
		if err := p.settle(); err != nil {
			return f, err
		}
		total += p.acked
	}
	took := time.Since(begin)
	after, err := c.stat()
	if err != nil {
		return f, err
	}
	return flow{float64(total) / took.Seconds(), (after.CPU - before.CPU) / time.Duration(total), (after.Written - before.Written) / int(total)}, nil
}

func makePairs(c *child, echo bool) ([]*pair, error) {
	all := make([]*pair, pairs)
	errs := make([]error, pairs)
	var made sync.WaitGroup
	for i := range all {
		made.Go(func() { all[i], errs[i] = newPair(c, i, echo) })
	}
	made.Wait()
	all = slices.DeleteFunc(all, func(p *pair) bool { return p == nil })
	if err := errors.Join(errs...); err != nil {
		closePairs(all)
		return nil, err
	}
	return all, nil
}

func closePairs(all []*pair) {
	for _, p := range all {
		p.close()
	}
}

// latency sends 100 messages a second, over the pairs in turn, each at its
// time whether or not those before it have arrived, and returns how long each
// took from when it was due until the other side had it.
func latency(c *child, d time.Duration) ([]time.Duration, error) {
	const every = time.Second / 100
	all, err := makePairs(c, false)
	if err != nil {
		return nil, err
	}
	defer closePairs(all)
	n := int(d / every)
	due := make([]time.Time, n)
	took := make([]time.Duration, n)
	begin := time.Now().Add(every)
	for i := range due {
		due[i] = begin.Add(time.Duration(i) * every)
	}
	for i, p := range all {
		p.arrived = func(number uint64) {
			at := i + int(number-1)*pairs
			took[at] = time.Since(due[at])
		}
	}
	for i := range n {
		time.Sleep(time.Until(due[i]))
		p := all[i%pairs]
		p.mu.Lock()
		p.put()
		p.mu.Unlock()
	}
	for _, p := range all {
		if err := p.settle(); err != nil {
			return nil, err
		}
	}
	return took, nil
}
