// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type draftCommand struct {
	Conversation string  `arg:"" help:"Its id, name or handle."`
	Text         *string `arg:"" optional:"" help:"What to keep; an empty text forgets it."`
}

// Help explains the command.
func (draftCommand) Help() string {
	return `Shows or keeps what you have typed in a conversation and not sent. It stays in the vault on this device.

Examples:

    $ clarion draft omar "Tea at four, or"
    $ clarion draft omar`
}

// Run carries out the command.
func (cmd *draftCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, cmd.Conversation)
		if err != nil {
			return err
		}
		if cmd.Text != nil {
			if err := c.SetDraft(ctx, v.ID, *cmd.Text); err != nil {
				return err
			}
		}
		text, err := c.Draft(ctx, v.ID)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, draftShape{Conversation: v.ID, Text: text})
		}
		if text == "" {
			return nil
		}
		_, err = fmt.Fprintln(inv.out, block(text, ""))
		return err
	})
}
