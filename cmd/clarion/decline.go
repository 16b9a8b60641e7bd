// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type declineCommand struct {
	Handle string `arg:"" help:"Who asked."`
}

// Help explains the command.
func (declineCommand) Help() string {
	return `Lets a contact request drop without blocking. They are not told, and may ask again.

Example:

    $ clarion decline lin`
}

// Run carries out the command.
func (cmd *declineCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		if err := c.Decline(ctx, cmd.Handle); err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, declinedShape{Handle: cmd.Handle, Declined: true})
		}
		_, err := fmt.Fprintf(inv.out, "The request of %s is gone.\n", line(cmd.Handle))
		return err
	})
}

type unblockCommand struct {
	Handle string `arg:"" help:"The person."`
}

// Help explains the command.
func (unblockCommand) Help() string {
	return `Takes a block back. Whoever you had a conversation with is a contact again; anybody else may ask.

Example:

    $ clarion unblock eve`
}

// Run carries out the command.
func (cmd *unblockCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		if err := c.Unblock(ctx, cmd.Handle); err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, unblockedShape{Handle: cmd.Handle})
		}
		_, err := fmt.Fprintf(inv.out, "%s is not blocked any more.\n", line(cmd.Handle))
		return err
	})
}
