// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"time"

	"clarion.chat/clarion/server"
)

// inviteCommand makes a registration code.
type inviteCommand struct {
	Days        int  `default:"7" help:"Until the code expires, 1 to 90."`
	ClockOffset span `name:"clock-offset" hidden:"" help:"Shift the clock."`
}

// Help is shown by invite --help.
func (inviteCommand) Help() string {
	return `The code is printed once; the data folder keeps only its hash. It lets one person register where
registration = invite. The server may be running.

Example:
  clariond invite --days 3
  clarion register --server URL --name ada --invite CODE`
}

// Run prints a code.
func (i *inviteCommand) Run(inv *invocation) error {
	if i.Days < 1 || i.Days > server.MaxInviteDays {
		return usage(fmt.Sprintf("a code lasts 1 to %d days, not %d", server.MaxInviteDays, i.Days), "choose a number in that range")
	}
	code, expires, err := server.NewCode(inv.data, i.Days, time.Now().Add(time.Duration(i.ClockOffset)))
	if err != nil {
		return err
	}
	if inv.json {
		writeJSON(inv.out, struct {
			Code    string    `json:"code"`
			Expires time.Time `json:"expires"`
		}{code, expires})
		return nil
	}
	fmt.Fprintln(inv.out, code)
	fmt.Fprintf(inv.err, "for one person, until %s; it is not shown again\n", expires.Format("2006-01-02 15:04 MST"))
	return nil
}
