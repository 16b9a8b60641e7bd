// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
	"clarion.chat/clarion/client/vault"
)

// core opens the vault and runs the client core while f runs. f reads the
// core's events, or leaves them to pile up: what f left goes to unsaid, if
// there is one, and is kept for the next listen. The core outlives a cancelled
// ctx until f has returned, so that f can still write down what it did.
func (inv *invocation) core(ctx context.Context, create bool, f func(context.Context, *client.Client) error, unsaid func(client.Event)) error {
	v, err := openVault(inv.home, create)
	if err != nil {
		return err
	}
	inv.vault = v
	c := client.New(client.Options{
		Vault:  v,
		Dialer: &dial.Dialer{Proxy: http.ProxyFromEnvironment},
		Clock:  inv.now,
	})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ran := goRun(running, c)
	err = f(ctx, c)
	stop()
	for e := range c.Events() { // closed when the core has ended
		if unsaid != nil {
			unsaid(e)
		}
		inv.later(e)
	}
	// What ended the core early is the reason of whatever f met.
	if ended := <-ran; ended != nil {
		err = ended
	}
	return inv.endVault(context.WithoutCancel(ctx), v, create && err != nil, err)
}

// later keeps an event for the next listen, if it is one to keep.
func (inv *invocation) later(e client.Event) {
	if keeps(e) {
		inv.unsaid = append(inv.unsaid, e)
	}
}

// endVault writes down what was left unsaid and closes the vault. One that
// holds nothing after making an account failed was made in vain and goes;
// while the server may have the account, it holds the keys to complete it.
func (inv *invocation) endVault(ctx context.Context, v vault.Vault, failed bool, err error) error {
	vain := false
	if failed {
		kept, scanErr := v.Scan(ctx, "", "", 1)
		vain = scanErr == nil && len(kept) == 0
	} else if missed := keep(ctx, v, inv.unsaid); err == nil && missed != nil {
		err = vaultFailure(missed)
	}
	if closed := v.Close(); err == nil && closed != nil {
		err = vaultFailure(closed)
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
// of what happened meanwhile goes to stderr, in words; arriving messages wait
// unread for listen.
func (inv *invocation) use(ctx context.Context, f func(context.Context, *client.Client) error) error {
	return inv.core(ctx, false, f, inv.note)
}

// create is use for register and restore, which make the vault.
func (inv *invocation) create(ctx context.Context, f func(context.Context, *client.Client) error) error {
	return inv.core(ctx, true, f, inv.note)
}

func (inv *invocation) note(e client.Event) {
	if text := noteOf(e); text != "" && !inv.json {
		fmt.Fprintln(inv.err, "note: "+text)
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
		if e.Left {
			return fmt.Sprintf("%s has left a conversation", line(e.Handle.String()))
		}
		return fmt.Sprintf("%s is no longer in a conversation", line(e.Handle.String()))
	case client.DeviceAdded:
		return fmt.Sprintf("%s has a new device", line(e.Handle.String()))
	case client.KeepChanged:
		return fmt.Sprintf("%s set how long the server keeps a conversation: %s", line(e.By.String()), days(e.Days))
	case client.IdentityChanged:
		return identityText(e)
	case client.Problem:
		return problemText(e)
	}
	return ""
}

func identityText(e client.IdentityChanged) string {
	text := line(e.Handle.String()) + " has another identity key than before"
	if e.Held {
		text += "; nothing is sent to them until `clarion check` or `clarion acknowledge`"
	}
	return text
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
