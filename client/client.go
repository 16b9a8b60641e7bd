// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// Client is one device of one person. Its fields below the line belong to the
// loop; nothing else reads or writes them.
type Client struct {
	vault  vault.Vault
	dialer Dialer
	clock  func() time.Time
	rand   io.Reader

	commands chan func()
	pace     *pace
	wake     chan struct{} // sessions have events, or ended
	events   chan Event
	outgoing chan Event // from the loop to the forwarder
	done     chan struct{}

	// ---- the loop's own ----
	self        *self // nil: no account in this vault
	convs       map[conversationID]*conversation
	contacts    map[wire.Handle]*contact
	doors       doors
	listening   bool
	online      bool
	retryAt     time.Time // when listening and offline: next attempt
	retries     int
	marksAt     time.Time // when marks are due, zero for none
	upkeepAt    time.Time
	blobOnly    bool      // what is due at upkeepAt is the recovery blob alone
	askAt       time.Time // when the way back is asked for again, zero for never
	unheardAt   time.Time // before that, nobody looks after people never heard from
	liveCounter uint64
	liveSeen    map[[32]byte]uint64 // newest live counter by device
	typingAt    map[conversationID]time.Time
	skewTold    bool
	askedAt     map[conversationID]time.Time // when a readable Welcome was asked for
	leftAt      map[conversationID]time.Time // when it was heard that somebody left
	brokenAt    map[conversationID]time.Time // when a commit that nobody can process was met
	calls       map[callID]*call
	crossed     map[callID]*call // own calls of this run that gave way to the other side's
	signals     []outSignal      // to send once the present step is kept
	pruneCalls  bool
	redoAt      map[conversationID]time.Time // before that, what a restored server lost is not tried again
}

// New makes a client and starts nothing.
func New(o Options) *Client {
	c := &Client{
		vault: o.Vault, dialer: o.Dialer, clock: o.Clock, rand: o.Rand,
		commands: make(chan func()),
		pace:     newPace(),
		wake:     make(chan struct{}, 1),
		events:   make(chan Event, 16),
		outgoing: make(chan Event),
		done:     make(chan struct{}),
		liveSeen: map[[32]byte]uint64{},
		typingAt: map[conversationID]time.Time{},
		askedAt:  map[conversationID]time.Time{},
		leftAt:   map[conversationID]time.Time{},
		brokenAt: map[conversationID]time.Time{},
		calls:    map[callID]*call{},
		crossed:  map[callID]*call{},
		redoAt:   map[conversationID]time.Time{},
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if c.rand == nil {
		c.rand = rand.Reader
	}
	return c
}

// Events is the one way events leave. Read it while Run runs: the queue behind
// it grows until they are read. It is closed when Run returns.
func (c *Client) Events() <-chan Event { return c.events }

// Run loads the vault and serves the public methods until ctx ends. It owns
// the loop and the goroutine that hands events out; the readers of its
// connections end with it.
func (c *Client) Run(ctx context.Context) error {
	defer close(c.done)
	forwarded := make(chan struct{})
	go c.forward(ctx, forwarded)
	defer func() { close(c.outgoing); <-forwarded }()
	defer c.doors.closeAll()
	if err := c.load(ctx); err != nil {
		return err
	}
	if err := c.loadCalls(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(c.untilNext())
		select {
		case <-ctx.Done():
			return nil
		case f := <-c.commands:
			f()
		case <-c.wake:
			c.takeEvents(ctx)
		case <-timer.C:
			c.takeTimers(ctx)
		}
	}
}

// forward hands events out in order without ever holding up the loop.
func (c *Client) forward(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	defer close(c.events)
	var queue []Event
	in := c.outgoing
	for in != nil || len(queue) > 0 {
		var out chan<- Event
		var first Event
		if len(queue) > 0 {
			out, first = c.events, queue[0]
		}
		var stop <-chan struct{}
		if in == nil { // the loop has ended: give what is left only to a reader that is there
			select {
			case out <- first:
				queue = queue[1:]
				continue
			default:
				stop = ctx.Done()
			}
		}
		select {
		case e, ok := <-in:
			if !ok {
				in = nil
				continue
			}
			queue = append(queue, e)
		case out <- first:
			queue = queue[1:]
		case <-stop:
			return
		}
	}
}

// errStopped is what a method returns when the loop does not run.
var errStopped = errors.New("the client has stopped")

// do runs f in the loop and waits for it.
func (c *Client) do(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	command := func() { result <- f() }
	select {
	case c.commands <- command:
		return <-result
	default:
	}
	end := c.pace.behind()
	select { // once: whoever tries again stands behind those who came later
	case c.commands <- command:
		end() // the loop is in f now; f obeys ctx by itself
		return <-result
	case <-c.done:
		end()
		return errStopped
	case <-ctx.Done():
		end()
		return fail(FailTimeout, ctx.Err())
	}
}

// withAccount is do for what needs an account.
func (c *Client) withAccount(ctx context.Context, f func() error) error {
	return c.do(ctx, func() error {
		if c.self != nil && c.self.Stage == stageReplaced {
			return fail(FailDeviceReplaced, nil)
		}
		if c.self == nil || c.self.Stage != stageReady {
			return fail(FailNotRegistered, nil)
		}
		return f()
	})
}

func (c *Client) now() time.Time { return c.clock() }

// change gathers what one step writes and tells: all is committed in one
// transaction, and only then the events leave.
type change struct {
	records []vault.Change
	events  []Event
}

func (ch *change) put(key string, v wire.Value) {
	ch.records = append(ch.records, vault.Change{Key: key, Value: wire.MustMarshal(v)})
}

func (ch *change) putBytes(key string, b []byte) {
	ch.records = append(ch.records, vault.Change{Key: key, Value: b})
}

func (ch *change) drop(key string) {
	ch.records = append(ch.records, vault.Change{Key: key})
}

func (ch *change) tell(e Event) { ch.events = append(ch.events, e) }

// commit makes a step durable and tells its events. When the vault fails the
// loop's state is read again from it, so memory never runs ahead of the disk.
func (c *Client) commit(ctx context.Context, ch *change) error {
	c.keepLines(ch)
	if len(ch.records) > 0 {
		// A caller that gives up must not leave the state half known.
		if err := c.vault.Commit(context.WithoutCancel(ctx), ch.records); err != nil {
			c.doors.closeAll()
			if again := c.load(context.WithoutCancel(ctx)); again != nil {
				c.self, c.convs, c.contacts = nil, nil, nil
			}
			return fail(FailVault, err)
		}
	}
	for _, e := range ch.events {
		c.tell(e)
	}
	ch.records, ch.events = nil, nil
	return nil
}

// tell hands an event to the forwarder, which always takes it.
func (c *Client) tell(e Event) { c.outgoing <- e }

// problem makes a Problem event for a code of this package or the server's.
func (c *Client) problem(conv string, seq uint64, f *Failure) Problem {
	return Problem{At: c.now(), Conversation: conv, Seq: seq, Code: f.Code, Text: f.Text, Hint: f.Hint}
}

func (c *Client) random(b []byte) error {
	_, err := io.ReadFull(c.rand, b)
	return err
}
