// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type leaveCommand struct {
	Conversation string `arg:"" help:"Its id, name or handle."`
	Forget       bool   `help:"Delete what this device holds of a conversation that you have left or were removed from."`
}

// Help explains the command.
func (leaveCommand) Help() string {
	return `Ends your part in a conversation for good. Its history stays on this device until --forget. The members are told, and one of their clients takes you out. When the server cannot be reached you have left all the same, and they are told by the next send, listen or flush; the exit status is then 4. A conversation of two ends for both; accept begins another.

Examples:

    $ clarion leave Harbour
    $ clarion leave Harbour --forget`
}

// Run carries out the command.
func (cmd *leaveCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, cmd.Conversation)
		if err != nil {
			return err
		}
		did := "forgot"
		var told error
		if cmd.Forget {
			err = c.Forget(ctx, v.ID)
		} else {
			did = "left"
			_ = c.FlushConversation(ctx, v.ID) // what was written before goes first, if it can
			if err = c.Leave(ctx, v.ID); err == nil {
				told = c.FlushConversation(ctx, v.ID)
			}
		}
		if err != nil {
			return err
		}
		if inv.json {
			err = writeJSON(inv.out, leftShape{Conversation: v.ID, Left: !cmd.Forget, Forgotten: cmd.Forget})
		} else {
			_, err = fmt.Fprintf(inv.out, "You %s %s (conversation %s).\n", did, line(v.Name), short(v.ID))
		}
		if told != nil && err == nil {
			f := *client.AsFailure(told)
			f.Text += "; you have left, and the members are told later"
			return &f
		}
		return err
	})
}
