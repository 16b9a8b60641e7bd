// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"time"
)

// A server or a network that hangs keeps the loop in one wait, and with it what
// a person wants meanwhile, though most of that needs nobody: to write a text
// into the vault, to read a history. So whoever stands behind the loop hurries
// it, and a wait that has lasted longer than answers have lately taken is given
// up as lost. What was asked is asked again over the next connection, as after
// any loss.
const (
	hurryAfter   = 500 * time.Millisecond // behind the loop, before and between hurrying it
	leastAnswer  = 3 * time.Second        // is waited for an answer even so
	leastGreeted = 5 * time.Second        // and for a new connection
)

// errHurried ends a connection that others could not wait for.
var errHurried = errors.New("no answer, and others wait")

// pace is how long the loop waits for an answer while others wait for the loop.
// It belongs to the loop but for the channel.
type pace struct {
	hurry  chan struct{} // somebody waits
	answer time.Duration // zero: leastAnswer
}

func newPace() *pace { return &pace{hurry: make(chan struct{}, 1)} }

// press says that somebody waits.
func (p *pace) press() {
	select {
	case p.hurry <- struct{}{}:
	default:
	}
}

// behind presses from time to time until it is ended. It has a goroutine.
func (p *pace) behind() (end func()) {
	done := make(chan struct{})
	go func() {
		every := time.NewTicker(hurryAfter)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				p.press()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// patient reports whether a wait since begin may go on.
func (p *pace) patient(begin time.Time) bool { return time.Since(begin) < max(p.answer, leastAnswer) }

// took learns from an answer: a slow line is waited for longer.
func (p *pace) took(d time.Duration) { p.answer = min(4*d, answerTimeout) }

// lost learns from a wait that was given up: the next one lasts longer, since
// this line may be that slow.
func (p *pace) lost() { p.answer = min(2*max(p.answer, leastAnswer), answerTimeout) }

// within derives a context for opening a connection: it ends once somebody
// waits and the connection took leastGreeted. Call end when it is open or not.
func (p *pace) within(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	begin, over := time.Now(), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-p.hurry:
				if time.Since(begin) >= leastGreeted {
					cancel()
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { cancel(); <-over }
}
