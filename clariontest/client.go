// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
	"clarion.chat/clarion/client/vault"
)

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Client is a client whose loop runs until Stop. Its events are kept, in
// order, and Await takes them.
type Client struct {
	*client.Client
	t      testing.TB
	Name   string
	Vault  *vault.Memory
	server *Server
	opened Options
	cancel context.CancelFunc
	ended  chan error
	stored func() error   // closes what Stop closes
	events []client.Event // taken from the channel and not yet awaited
	Log    []client.Event // all that were taken
}

// Options of a client that differ from the usual.
type Options struct {
	Vault  *vault.Memory
	Dialer client.Dialer
	Clock  func() time.Time
	Rand   io.Reader            // nil: crypto/rand
	Watch  func([]vault.Change) // sees each commit of the vault before it is made
}

// watchedVault shows a test what is about to be written.
type watchedVault struct {
	vault.Vault
	watch func([]vault.Change)
}

// Commit implements vault.Vault.
func (w *watchedVault) Commit(ctx context.Context, changes []vault.Change) error {
	w.watch(changes)
	return w.Vault.Commit(ctx, changes)
}

// Open runs a client over a vault; an empty vault when o.Vault is nil.
func (s *Server) Open(name string, o Options) *Client {
	if o.Vault == nil {
		o.Vault = vault.NewMemory()
	}
	if o.Dialer == nil {
		o.Dialer = new(dial.Dialer)
	}
	if o.Clock == nil {
		o.Clock = s.Clock.Now
	}
	var v vault.Vault = o.Vault
	stored := func() error { return nil } // what is in memory stays open
	if s.far != nil {
		far := newBeside(s.t, s.far, o.Vault)
		v, stored = far, far.Close
	}
	if o.Watch != nil {
		v = &watchedVault{v, o.Watch}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		t: s.t, Name: name, Vault: o.Vault, server: s, opened: o, cancel: cancel, ended: make(chan error, 1), stored: stored,
		Client: client.New(client.Options{Vault: v, Dialer: o.Dialer, Clock: o.Clock, Rand: o.Rand}),
	}
	go func() { c.ended <- c.Run(ctx) }()
	s.t.Cleanup(c.Stop)
	return c
}

// Register makes an account and returns its client and the 24 words.
func (s *Server) Register(name string) (*Client, []string) {
	s.t.Helper()
	return s.RegisterWith(name, Options{})
}

// RegisterWith is Register for a client that differs from the usual.
func (s *Server) RegisterWith(name string, o Options) (*Client, []string) {
	s.t.Helper()
	c := s.Open(name, o)
	words, err := c.Register(Context(s.t), client.RegisterParams{Server: s.URL, Name: name})
	if err != nil {
		s.t.Fatalf("%s registers: %v", name, err)
	}
	return c, words
}

// Stop ends the client's loop and waits for it; its vault stays.
func (c *Client) Stop() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.cancel = nil
	if err := <-c.ended; err != nil {
		c.t.Errorf("%s ended with %v", c.Name, err)
	}
	if err := c.stored(); err != nil {
		c.t.Errorf("%s's vault: %v", c.Name, err)
	}
	for e := range c.Events() { // what was told before the end
		c.events, c.Log = append(c.events, e), append(c.Log, e)
	}
}

// Reopen stops the client and runs another over the same vault.
func (c *Client) Reopen() *Client { return c.ReopenOn(c.Vault) }

// ReopenOn stops the client and runs another over another vault, otherwise
// like this one.
func (c *Client) ReopenOn(v *vault.Memory) *Client {
	c.Stop()
	o := c.opened
	o.Vault = v
	return c.server.Open(c.Name, o)
}

// Context is one that ends when a test has waited long enough.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Online listens and fails the test when the first attempt does.
func (c *Client) Online() *Client {
	c.t.Helper()
	if err := c.Listen(Context(c.t)); err != nil {
		c.t.Fatalf("%s goes online: %v", c.Name, err)
	}
	return c
}

// Await waits for an event of type E that fits, and returns it. Earlier events
// that do not fit stay for later calls.
func Await[E client.Event](c *Client, what string, fits func(E) bool) E {
	c.t.Helper()
	for i, e := range c.events {
		if typed, ok := e.(E); ok && (fits == nil || fits(typed)) {
			c.events = append(c.events[:i:i], c.events[i+1:]...)
			return typed
		}
	}
	limit := time.NewTimer(Patience)
	defer limit.Stop()
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				c.t.Fatalf("%s ended before %s", c.Name, what)
			}
			c.Log = append(c.Log, e)
			if typed, ok := e.(E); ok && (fits == nil || fits(typed)) {
				return typed
			}
			c.events = append(c.events, e)
		case <-limit.C:
			c.t.Fatalf("%s waited in vain for %s; seen instead: %s", c.Name, what, c.seen())
		}
	}
}

func (c *Client) seen() string {
	out := ""
	for _, e := range c.events {
		out += fmt.Sprintf("\n  %T %+v", e, e)
	}
	return out
}

// AwaitText waits for a message with this text.
func (c *Client) AwaitText(text string) client.Message {
	c.t.Helper()
	e := Await(c, fmt.Sprintf("the message %q", text), func(e client.MessageArrived) bool { return e.Message.Text == text })
	return e.Message
}

// AwaitState waits until a message is as far as state.
func (c *Client) AwaitState(id string, state client.MessageState) client.MessageStateChanged {
	c.t.Helper()
	return Await(c, "message "+id+" to be "+string(state), func(e client.MessageStateChanged) bool { return e.ID == id && e.State == state })
}

// AwaitProblem waits for a problem with this code.
func (c *Client) AwaitProblem(code string) client.Problem {
	c.t.Helper()
	return Await(c, "the problem "+code, func(e client.Problem) bool { return e.Code == code })
}

// Say sends a text and waits until it is on the server.
func (c *Client) Say(conversation, text string) client.Message {
	c.t.Helper()
	ctx := Context(c.t)
	m, err := c.Send(ctx, conversation, text)
	if err == nil {
		err = c.Flush(ctx)
	}
	if err == nil {
		m, err = c.Message(ctx, conversation, m.ID)
	}
	if err != nil {
		c.t.Fatalf("%s says %q: %v", c.Name, text, err)
	}
	return m
}

// Meet lets b open a's invite link; both are online afterwards. It returns the
// conversation's id.
func Meet(a, b *Client) string {
	a.t.Helper()
	ctx := Context(a.t)
	a.Online()
	inv, err := a.Invite(ctx, 1)
	if err != nil {
		a.t.Fatalf("%s invites: %v", a.Name, err)
	}
	conv, err := b.Accept(ctx, inv.Link)
	if err != nil {
		a.t.Fatalf("%s accepts: %v", b.Name, err)
	}
	b.Online()
	Await(a, "the conversation", func(e client.ConversationJoined) bool { return e.Conversation == conv.ID })
	return conv.ID
}

// FailsWith fails the test unless err has this code.
func FailsWith(t testing.TB, err error, code string) {
	t.Helper()
	var f *client.Failure
	if err == nil {
		t.Fatalf("no error where %s was due", code)
	}
	if f = client.AsFailure(err); f.Code != code {
		t.Fatalf("the error is %v, not %s (%v)", f, code, errors.Unwrap(f))
	}
}
