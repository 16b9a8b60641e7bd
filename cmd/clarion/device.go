// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"

	"clarion.chat/clarion/client"
)

// deviceShape is a line of `devices --json`.
type deviceShape struct {
	Device string  `json:"device"`
	This   bool    `json:"this"`
	Since  string  `json:"since"`
	Until  *string `json:"until"` // null: not known here
}

type devicesCommand struct{}

// Help explains the command.
func (devicesCommand) Help() string {
	return `Lists your devices as the directory shows them to everybody. One that is not yours was added by somebody who has your keys: restore from the recovery sheet, which ends it.

Example:

    $ clarion devices`
}

// Run carries out the command.
func (*devicesCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		list, err := c.Devices(ctx)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list))
		for i, d := range list {
			shape := deviceShape{Device: d.Fingerprint, This: d.This, Since: stamp(d.Since)}
			mine, until := "another device", ""
			if d.This {
				mine = "this device"
			}
			if !d.Until.IsZero() {
				s := stamp(d.Until)
				shape.Until, until = &s, "certified until "+moment(d.Until)
			}
			if inv.json {
				if err := writeJSON(inv.out, shape); err != nil {
					return err
				}
			}
			rows[i] = []string{short(d.Fingerprint), mine, "since " + moment(d.Since), until}
		}
		if inv.json {
			return nil
		}
		return table(inv.out, rows, func(_, _ int, cell string) string { return cell })
	})
}
