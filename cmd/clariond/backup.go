// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"

	"clarion.chat/clarion/server"
)

// backupCommand writes a backup.
type backupCommand struct {
	File string `arg:"" placeholder:"FILE" help:"File to make; it must not exist."`
}

// Help is shown by backup --help.
func (backupCommand) Help() string {
	return `The file holds everything the data folder holds, as of one moment, the server's own key included.
Clarion does not delete it: an envelope stays in it past its limit until you do.

Example:
  clariond backup /mnt/safe/clarion-2026-11-22.db`
}

// Run writes the file.
func (b *backupCommand) Run(inv *invocation) error {
	if err := server.Backup(inv.data, b.File); err != nil {
		return err
	}
	if inv.json {
		writeJSON(inv.out, struct {
			File string `json:"file"`
		}{b.File})
		return nil
	}
	fmt.Fprintf(inv.out, "backup   %s\n", b.File)
	fmt.Fprintf(inv.out, "next     keep it safe, and delete it within 30 days: Clarion cannot\n")
	return nil
}

// restoreCommand puts a backup back.
type restoreCommand struct {
	File    string `arg:"" placeholder:"FILE" help:"A file of clariond backup."`
	Replace bool   `help:"Also over data of another host or version, which are kept beside it."`
}

// Help is shown by restore --help.
func (restoreCommand) Help() string {
	return `Puts the backup in place of what the data folder holds; a crash leaves the one or the other. The data gets
a new incarnation, by which clients know that envelopes may be missing; waiting key packages are dropped,
since contacts may have taken them; mailboxes only read from then on, and conversations move to new ones
by themselves; accounts deleted after the backup stay deleted, where the present data
still says so. Data of another host or version are replaced with --replace only, and kept as clarion.db.replaced
in the folder. The server must not be running.

Example:
  clariond restore /mnt/safe/clarion-2026-11-22.db`
}

// Run restores.
func (r *restoreCommand) Run(inv *invocation) error {
	restore := server.Restore
	if r.Replace {
		restore = server.Replace
	}
	done, err := restore(inv.data, r.File)
	if err != nil {
		return err
	}
	if inv.json {
		writeJSON(inv.out, struct {
			Host        string `json:"host"`
			KeyPackages int64  `json:"key_packages_dropped"`
			Mailboxes   int64  `json:"mailboxes_closed"`
			Accounts    int64  `json:"accounts_kept_deleted"`
			Kept        string `json:"kept,omitempty"`
		}{done.Host, done.KeyPackages, done.Mailboxes, done.Accounts, done.Kept})
		return nil
	}
	fmt.Fprintf(inv.out, "restored the data of %s, as a new incarnation\n", done.Host)
	fmt.Fprintf(inv.out, "dropped  %d key packages; devices lay down new ones when they connect\n", done.KeyPackages)
	fmt.Fprintf(inv.out, "closed   %d mailboxes; conversations move to new ones by themselves\n", done.Mailboxes)
	if done.Accounts > 0 {
		fmt.Fprintf(inv.out, "deleted  %d accounts again, which were deleted after the backup\n", done.Accounts)
	}
	if done.Kept != "" {
		fmt.Fprintf(inv.out, "kept     %s: what was there before; delete it when you are sure\n", done.Kept)
	}
	fmt.Fprintf(inv.out, "next     clariond serve\n")
	return nil
}
