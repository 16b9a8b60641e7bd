// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type settingCommand struct {
	Name  string  `arg:"" help:"Its name."`
	Value *string `arg:"" optional:"" help:"What to set it to; an empty value forgets it."`
}

// Help explains the command.
func (settingCommand) Help() string {
	return `Shows or keeps a named setting of this device, to which the apps that use this vault give a meaning. It is sent nowhere.

Examples:

    $ clarion setting appearance dark
    $ clarion setting appearance`
}

// Run carries out the command.
func (cmd *settingCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		if cmd.Value != nil {
			if err := c.SetSetting(ctx, cmd.Name, *cmd.Value); err != nil {
				return err
			}
		}
		value, err := c.Setting(ctx, cmd.Name)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, settingShape{Name: cmd.Name, Value: value})
		}
		if value == "" {
			return nil
		}
		_, err = fmt.Fprintln(inv.out, line(value))
		return err
	})
}
