// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type marksCommand struct {
	Set string `arg:"" optional:"" enum:"on,off," default:"" help:"on or off; without it the present setting is printed."`
}

// Help explains the command.
func (marksCommand) Help() string {
	return `Says whether this device tells others that their messages arrived and were read. Without marks you still see theirs.

Examples:

    $ clarion marks
    $ clarion marks off`
}

// Run carries out the command.
func (cmd *marksCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		if cmd.Set != "" {
			if err := c.SetMarks(ctx, cmd.Set == "on"); err != nil {
				return err
			}
		}
		on, err := c.Marks(ctx)
		if err != nil {
			return err
		}
		state := "off"
		if on {
			state = "on"
		}
		if inv.json {
			return writeJSON(inv.out, map[string]string{"marks": state})
		}
		_, err = fmt.Fprintln(inv.out, state)
		return err
	})
}
