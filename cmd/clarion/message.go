// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// maxTyped bounds what is read of a message from stdin, in bytes. It is above
// the longest message, so that the core refuses a longer one by name.
const maxTyped = 64 << 10

type sendCommand struct {
	To   string `arg:"" name:"handle|conversation" help:"A person you talk to, or a conversation's name or id."`
	Text string `arg:"" help:"The message; - reads it from stdin."`
}

// Help explains the command.
func (sendCommand) Help() string {
	return `Seals the message on this device and hands it to the server. It ends with 0 only when the message is durable there. When the server cannot be reached, or a member first has to add this device again, the message waits in the vault and is sent once by the next send, listen or flush; the exit status is then 4.

Examples:

    $ clarion send omar "Tea at four?"
    $ clarion send Harbour - < notes.txt`
}

// Run carries out the command.
func (cmd *sendCommand) Run(ctx context.Context, inv *invocation) error {
	text := cmd.Text
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(inv.in, maxTyped))
		if err != nil {
			return &client.Failure{Code: failFile, Text: "stdin cannot be read", Hint: "give the text as an argument", Cause: err}
		}
		text = string(bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r")))
	}
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, cmd.To)
		if err != nil {
			return err
		}
		m, err := c.Send(ctx, v.ID, text)
		if err != nil {
			return err
		}
		inv.stands = "the message is queued or sent; look with `clarion history`, and do not write it anew"
		flushed := c.FlushConversation(ctx, v.ID)
		if flushed == nil {
			_ = c.Flush(ctx) // another conversation's trouble is not this message's
		}
		return inv.sent(context.WithoutCancel(ctx), c, m, flushed)
	})
}

// errUnsent is for a message that was not sent though nothing refused it.
var errUnsent = errors.New("the message was neither sent nor refused")

// sent prints how far a message came, and fails unless it is durable on the
// server.
func (inv *invocation) sent(ctx context.Context, c *client.Client, m client.Message, flushed error) error {
	m, err := c.Message(ctx, m.Conversation, m.ID)
	if err != nil {
		return err
	}
	waits := m.State == client.StateQueued
	if m.State == client.StateFailed || (waits && flushed == nil) {
		return cmp.Or(flushed, errUnsent)
	}
	v, err := c.Find(ctx, m.Conversation)
	if err != nil {
		return err
	}
	if inv.json {
		err = writeJSON(inv.out, sentShape{ID: m.ID, Conversation: m.Conversation, Seq: m.Seq, Epoch: v.Epoch})
	} else {
		_, err = fmt.Fprintf(inv.out, "%s to %s (message %s)\n", stateText(m.State), line(v.Name), m.ID)
	}
	if err != nil || !waits {
		return err
	}
	return waiting(flushed, "the message")
}

// waiting says of a failure to send what becomes of what was written. A hint
// to try again would have it written twice.
func waiting(err error, what string) error {
	f := *client.AsFailure(err)
	if !f.Queued {
		f.Text += "; " + what + " stays on this device, unsent"
		return &f
	}
	f.Text += "; " + what + " is queued"
	const once = "it is sent once by the next send, listen or flush"
	switch f.Code {
	case client.FailTimeout, string(wire.CodeRateLimited), string(wire.CodeStoreDown), string(wire.CodeShuttingDown), string(wire.CodeInternal):
		f.Hint = once
	case client.FailFull:
		f.Hint = once + "; tell the operator"
		if errors.Is(err, vault.ErrFull) {
			f.Hint = "make room; " + once
		}
	case client.FailUnreachable:
		f.Hint = once + "; check the network and the server's address"
	default:
		f.Hint += "; " + once
	}
	return &f
}

type flushCommand struct{}

// Help explains the command.
func (flushCommand) Help() string {
	return `Sends the messages that wait in the vault because the server could not be reached. Each is sent once.

Example:

    $ clarion flush`
}

// Run carries out the command.
func (*flushCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		before, err := queued(ctx, c)
		if err != nil {
			return err
		}
		flushed := c.Flush(ctx)
		left, err := queued(context.WithoutCancel(ctx), c)
		if err != nil {
			return err
		}
		if inv.json {
			err = writeJSON(inv.out, flushedShape{Sent: before - left, Queued: left})
		} else {
			_, err = fmt.Fprintf(inv.out, "%d sent, %d on the way\n", before-left, left)
		}
		if flushed != nil && left > 0 {
			return waiting(flushed, "what you wrote")
		}
		return cmp.Or(flushed, err)
	})
}

// queued counts the messages that wait to be sent.
func queued(ctx context.Context, c *client.Client) (n int, err error) {
	list, err := c.Conversations(ctx)
	for _, v := range list {
		n += v.Queued
	}
	return n, err
}
