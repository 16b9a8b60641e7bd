// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type keepCommand struct {
	Conversation string `arg:"" help:"Its id, name or handle."`
	Days         *count `arg:"" optional:"" help:"Days to keep what is written from now on, 1 to 30."`
}

// Help explains the command.
func (keepCommand) Help() string {
	return `Shows or sets for how many days the server keeps what is written in a conversation. Any member may set it, and all see who did; what is there already stays as long as it was to stay. Whoever sleeps longer than that misses what was written.

Examples:

    $ clarion keep Harbour
    $ clarion keep Harbour 7`
}

// Run carries out the command.
func (cmd *keepCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, cmd.Conversation)
		if err != nil {
			return err
		}
		if cmd.Days != nil {
			if err := c.SetKeep(ctx, v.ID, int(*cmd.Days)); err != nil {
				return err
			}
			if v, err = c.Find(ctx, v.ID); err != nil {
				return err
			}
		}
		if inv.json {
			return writeJSON(inv.out, keepShape{Conversation: v.ID, Days: v.Keep})
		}
		_, err = fmt.Fprintf(inv.out, "The server keeps what is written in %s for %s.\n", line(v.Name), days(v.Keep))
		return err
	})
}

// days writes a number of them.
func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
