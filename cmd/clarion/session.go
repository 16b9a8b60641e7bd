// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
)

// core opens the vault and runs the client core while f runs. f reads the
// core's events, or leaves them to pile up. The core outlives a cancelled ctx
// until f has returned, so that f can still write down what it did.
func (inv *invocation) core(ctx context.Context, create bool, f func(context.Context, *client.Client) error) error {
	v, err := openVault(inv.home, create)
	if err != nil {
		return err
	}
	c := client.New(client.Options{
		Vault:  v,
		Dialer: &dial.Dialer{Proxy: http.ProxyFromEnvironment},
		Clock:  inv.now,
	})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ran := goRun(running, c)
	err = f(ctx, c)
	stop()
	for range c.Events() { // closed when the core has ended
	}
	// What ended the core early is the reason of whatever f met.
	if ended := <-ran; ended != nil {
		err = ended
	}
	// A vault that holds nothing after a failure was made in vain. While the
	// server may have the account, the vault holds the keys to complete it.
	kept, scanErr := v.Scan(context.WithoutCancel(ctx), "", "", 1)
	vain := create && err != nil && scanErr == nil && len(kept) == 0
	if closed := v.Close(); err == nil && closed != nil {
		err = closed
	}
	if vain {
		if removed := removeVault(inv.home); removed != nil {
			return removed
		}
	}
	return err
}

// goRun starts the core's loop; its end is sent once.
func goRun(ctx context.Context, c *client.Client) <-chan error {
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	return ran
}

// use is core for commands that end by themselves. What a person should know
// of what happens meanwhile goes to stderr, in words.
func (inv *invocation) use(ctx context.Context, f func(context.Context, *client.Client) error) error {
	return inv.core(ctx, false, inv.noting(f))
}

// create is use for register and restore, which make the vault.
func (inv *invocation) create(ctx context.Context, f func(context.Context, *client.Client) error) error {
	return inv.core(ctx, true, inv.noting(f))
}

func (inv *invocation) noting(f func(context.Context, *client.Client) error) func(context.Context, *client.Client) error {
	return func(ctx context.Context, c *client.Client) error {
		err := f(ctx, c)
		inv.notes(c)
		return err
	}
}

// notes writes the events that are there to stderr, for a person. Arriving
// messages wait unread for listen.
func (inv *invocation) notes(c *client.Client) {
	if inv.json {
		return
	}
	for {
		select {
		case e, open := <-c.Events():
			if !open {
				return
			}
			if note := noteOf(e); note != "" {
				fmt.Fprintln(inv.err, "note: "+note)
			}
		default:
			return
		}
	}
}

// noteOf says what a person should know of an event, apart from messages.
func noteOf(e client.Event) string {
	switch e := e.(type) {
	case client.ContactRequested:
		return fmt.Sprintf("%s would like to talk to you; `clarion accept` or `clarion block`", line(e.From.String()))
	case client.ConversationJoined:
		return fmt.Sprintf("you are now in the conversation %s", line(e.Name))
	case client.MemberAdded:
		return fmt.Sprintf("%s came into a conversation", line(e.Handle.String()))
	case client.MemberRemoved:
		return fmt.Sprintf("%s is no longer in a conversation", line(e.Handle.String()))
	case client.DeviceAdded:
		return fmt.Sprintf("%s has a new device", line(e.Handle.String()))
	case client.Problem:
		return problemText(e)
	}
	return ""
}

func problemText(p client.Problem) string {
	text := line(p.Code) + ": " + line(p.Text)
	if p.Hint != "" {
		text += " (" + line(p.Hint) + ")"
	}
	return text
}

// settleTime bounds how long the marks of what was read may hold up an end.
const settleTime = 3 * time.Second

// settle sends the marks that wait, also after a signal. Marks that do not
// leave now leave with the next command that goes online.
func settle(ctx context.Context, c *client.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	_ = c.Settle(ctx)
}
