// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// start is how long a call took to begin, until both sides had decoded a
// picture of the other.
type start struct{ offer, answer time.Duration }

// runCalls measures how calls between two pages begin, and bare connections
// between the same pages, in turns.
func (p plan) runCalls(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), browserTime)
	defer cancel()
	fmt.Printf("\nCalls with video between two browsers, in %s; load of the machine %s\n", browserVersion(), load1())
	real, err := startReal(dir)
	if err != nil {
		return err
	}
	w := &web{ctx: ctx, p: p, dir: dir, real: real}
	err = w.calls()
	for _, d := range []*desk{w.ada, w.omar} {
		if d != nil {
			d.Kill()
		}
	}
	fmt.Printf("  load of the machine at the end %s\n", load1())
	return errors.Join(err, real.stop())
}

func (w *web) calls() error {
	ada, omar, err := w.meet()
	if err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	for _, way := range []string{"direct", "udp", "tcp"} {
		var app, bare []start
		for i := range w.p.calls + 1 {
			one := func() error {
				got, err := callOnce(ada, omar, way)
				app = append(app, got)
				return err
			}
			other := func() error {
				got, err := bareOnce(ada, omar, way)
				bare = append(bare, got)
				return err
			}
			steps := []func() error{one, other}
			if i%2 == 1 {
				slices.Reverse(steps)
			}
			for _, step := range steps {
				if err := step(); err != nil {
					return fmt.Errorf("%s, call %d: %w", way, i, err)
				}
			}
		}
		printCalls(way, app[1:], bare[1:]) // the first ones compile and load
	}
	return nil
}

// by readies both for a connection of that way.
func by(ada, omar *screen, way string) error {
	return errors.Join(ada.do(nil, "by", way), omar.do(nil, "by", way))
}

// seen waits until both see each other, and tells when the later did. The way
// that the packets took must be the one that was wanted.
func seen(ada, omar *screen, way string) (stamp, error) {
	var last stamp
	for _, s := range []*screen{ada, omar} {
		var at stamp
		var used string
		if err := errors.Join(s.do(&at, "seen"), s.do(&used, "used")); err != nil {
			return 0, err
		}
		if used != way {
			return 0, fmt.Errorf("the packets go by %q, not by %q", used, way)
		}
		last = max(last, at)
	}
	return last, nil
}

// callOnce is a call of the app, as two people make it.
func callOnce(ada, omar *screen, way string) (start, error) {
	err := errors.Join(by(ada, omar, way), ada.do(nil, "press", "Call"), ada.do(nil, "video"), ada.do(nil, "preview"), ada.do(nil, "press", "Call"))
	if err != nil {
		return start{}, err
	}
	if err := omar.do(nil, "press", "Answer with video"); err != nil {
		return start{}, err
	}
	answered := now()
	last, err := seen(ada, omar, way)
	if err != nil {
		return start{}, err
	}
	var hers, his stamp
	if err := errors.Join(ada.do(&hers, "offered"), omar.do(&his, "offered")); err != nil {
		return start{}, err
	}
	err = errors.Join(ada.do(nil, "press", "Hang up"), ada.do(nil, "press", "Close"), omar.do(nil, "press", "Close"))
	return start{last.since(max(hers, his)), last.since(answered)}, err // one of the two makes the offer
}

// bareOnce is a connection with the same settings, whose descriptions and
// candidates this process carries from one page to the other.
func bareOnce(ada, omar *screen, way string) (start, error) {
	if err := errors.Join(by(ada, omar, way), ada.do(nil, "ready"), omar.do(nil, "ready")); err != nil {
		return start{}, err
	}
	if err := ada.do(nil, "offer"); err != nil {
		return start{}, err
	}
	told := make(chan error, 2)
	carry := func(from, to *screen) {
		for {
			var said []json.RawMessage
			err := from.do(&said, "next")
			if err == nil && len(said) > 0 {
				err = to.do(nil, "told", said)
			}
			if err != nil || len(said) == 0 { // it sees the other side
				told <- err
				return
			}
		}
	}
	go carry(ada, omar)
	go carry(omar, ada)
	last, err := seen(ada, omar, way)
	err = errors.Join(err, <-told, <-told)
	var offered stamp
	err = errors.Join(err, ada.do(&offered, "offered"), ada.do(nil, "over"), omar.do(nil, "over"))
	return start{offer: last.since(offered)}, err
}

func printCalls(way string, app, bare []start) {
	name := map[string]string{"direct": "direct", "udp": "by the relay over UDP", "tcp": "by the relay over TCP"}[way]
	line := func(all []start, of func(start) time.Duration) (time.Duration, string) {
		var took []time.Duration
		for _, s := range all {
			took = append(took, of(s))
		}
		m := median(took)
		return m, fmt.Sprintf("%5d ms (%d to %d)", m.Milliseconds(), slices.Min(took).Milliseconds(), slices.Max(took).Milliseconds())
	}
	offer := func(s start) time.Duration { return s.offer }
	ours, said := line(app, offer)
	theirs, saidBare := line(bare, offer)
	_, answer := line(app, func(s start) time.Duration { return s.answer })
	fmt.Printf("  %-22s offer to both pictures %s   bare %s   ratio %.2f   answer to both pictures %s   (%d each)\n",
		name, said, saidBare, float64(ours)/float64(theirs), answer, len(app))
}
