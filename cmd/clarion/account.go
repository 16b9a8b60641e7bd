// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

type registerCommand struct {
	Server url  `required:"" help:"The server's address, http(s)://host[:port]."`
	Name   name `required:"" help:"The name before the @."`
	Invite code `help:"The server's registration invite, if it asks for one."`
	Words  file `help:"Use these 24 words instead of new ones; - reads stdin."`
}

// Help explains the command.
func (registerCommand) Help() string {
	return `Makes your keys on this device, an account on the server, and the recovery sheet: 24 words that exist nowhere else. No phone number, no e-mail, no password.

Example:

    $ clarion register --server http://localhost:8440 --name ada

When the words could not be printed, the vault keeps them; the same command again prints them, once.`
}

// Run carries out the command.
func (cmd *registerCommand) Run(ctx context.Context, inv *invocation) error {
	if err := inv.printable(); err != nil {
		return err
	}
	words, err := inv.wordsFrom(cmd.Words)
	if err != nil {
		return err
	}
	return inv.create(ctx, func(ctx context.Context, c *client.Client) error {
		sheet, err := c.Register(ctx, client.RegisterParams{Server: string(cmd.Server), Name: string(cmd.Name), Invite: string(cmd.Invite), Words: words, KeepSheet: true})
		if err != nil {
			if sheet = cmd.unprinted(ctx, c, err); sheet == nil {
				return err
			}
		}
		me, err := c.WhoAmI(ctx)
		if err != nil {
			return err
		}
		inv.stands = "the account exists, and the vault keeps the words: `clarion register` with the same server and name prints them"
		if inv.json {
			err = writeJSON(inv.out, registeredShape{Handle: me.Handle.String(), Words: sheet, Fingerprint: me.Fingerprint})
		} else {
			err = inv.printSheet(me, sheet)
		}
		if err != nil {
			return err
		}
		return c.ForgetSheet(context.WithoutCancel(ctx))
	})
}

// unprinted returns the words that an earlier register of the same name on the
// same server made and could not print; nil for none. refused is what this
// register met.
func (cmd *registerCommand) unprinted(ctx context.Context, c *client.Client, refused error) []string {
	if client.AsFailure(refused).Code != client.FailRegistered {
		return nil
	}
	server := strings.TrimSuffix(string(cmd.Server), "/")
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	me, err := c.WhoAmI(ctx)
	if err != nil || me.Handle.Name != string(cmd.Name) || !strings.EqualFold(server, me.Server) {
		return nil
	}
	sheet, err := c.Sheet(ctx)
	if err != nil {
		return nil
	}
	return sheet
}

type restoreCommand struct {
	Server url  `required:"" help:"The server's address, http(s)://host[:port]."`
	Name   name `required:"" help:"The name before the @."`
	Words  file `required:"" help:"A file with the 24 words; - reads stdin."`
}

// Help explains the command.
func (restoreCommand) Help() string {
	return `Brings the account back into an empty vault: the same handle, contacts and settings under new keys. Your contacts are told that the device is new, and one of them adds it to each conversation when online. Messages from before stay where they were. Numbers and line breaks between the words do no harm.

Example:

    $ clarion restore --server http://localhost:8440 --name ada --words sheet.txt`
}

// Run carries out the command.
func (cmd *restoreCommand) Run(ctx context.Context, inv *invocation) error {
	words, err := inv.wordsFrom(cmd.Words)
	if err != nil {
		return err
	}
	return inv.create(ctx, func(ctx context.Context, c *client.Client) error {
		if err := c.Restore(ctx, client.RestoreParams{Server: string(cmd.Server), Name: string(cmd.Name), Words: words}); err != nil {
			return err
		}
		me, err := c.WhoAmI(ctx)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, restoredShape{Handle: me.Handle.String(), Fingerprint: me.Fingerprint})
		}
		_, err = fmt.Fprintf(inv.out, "%s is back on this device.\n\nConversations go on when one of their members has added this device;\n"+
			"`clarion listen` waits for that.\n", line(me.Handle.String()))
		return err
	})
}

type whoamiCommand struct{}

// Help explains the command.
func (whoamiCommand) Help() string {
	return `Shows your handle, your server with the key it signs its answers with, and the fingerprints of your identity key and of this device.

Example:

    $ clarion whoami`
}

// Run carries out the command.
func (*whoamiCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		me, err := c.WhoAmI(ctx)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, meShape{
				Handle: me.Handle.String(), Server: me.Server, Fingerprint: me.Fingerprint, Device: me.Device, ServerKey: me.ServerKey, Registered: stamp(me.Registered),
			})
		}
		return inv.printPairs([][]string{
			{"handle", me.Handle.String()},
			{"server", me.Server},
			{"fingerprint", me.Fingerprint},
			{"device", me.Device},
			{"server's key", me.ServerKey},
			{"registered", moment(me.Registered)},
		})
	})
}

type deleteEverythingCommand struct {
	Yes bool `help:"Do it. Nothing brings the account back."`
}

// Help explains the command.
func (deleteEverythingCommand) Help() string {
	return `Leaves your conversations, deletes what the server holds about you, then the vault on this device, and says what it cannot reach. The name is never given again, and the recovery sheet opens nothing any more.

Example:

    $ clarion delete-everything --yes`
}

// Run carries out the command.
func (cmd *deleteEverythingCommand) Run(ctx context.Context, inv *invocation) error {
	if !cmd.Yes {
		return &client.Failure{
			Code: failConfirm,
			Text: "this would delete your account on the server and the vault on this device, with keys, contacts and messages; nothing was deleted",
			Hint: "to do it, add --yes; nothing brings the account back, and its name is never given again",
		}
	}
	var account string
	var gone *wire.Deleted
	err := inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		me, err := c.WhoAmI(ctx)
		if err != nil {
			return err
		}
		account = me.Handle.String()
		gone, err = c.DeleteEverything(ctx)
		return err
	})
	if gone == nil {
		return err
	}
	if err := removeVault(inv.home); err != nil {
		return err
	}
	if inv.json {
		return writeJSON(inv.out, deletedShape{Account: account, Tables: shapeTables(gone.Tables), Beyond: sentences(gone.Beyond)})
	}
	if _, err := fmt.Fprintf(inv.out, "%s is deleted, on the server and here.\n\n%s\n", line(account), inv.style.strong("Removed on the server")); err != nil {
		return err
	}
	if err := inv.printRows(gone.Tables); err != nil {
		return err
	}
	return inv.printSentences("Out of its reach", gone.Beyond)
}

// printPairs writes names and values, aligned.
func (inv *invocation) printPairs(rows [][]string) error {
	return table(inv.out, rows, func(_, column int, cell string) string {
		if column == 0 {
			return inv.style.dim(cell)
		}
		return cell
	})
}

func (inv *invocation) printRows(tables []wire.TableRows) error {
	if len(tables) == 0 {
		_, err := io.WriteString(inv.out, "  nothing\n")
		return err
	}
	rows := make([][]string, len(tables))
	for i, t := range tables {
		rows[i] = []string{fmt.Sprintf("%8d", t.Rows), t.Table}
	}
	return table(inv.out, rows, nil)
}

func (inv *invocation) printSentences(title string, list []string) error {
	if _, err := fmt.Fprintf(inv.out, "\n%s\n", inv.style.strong(title)); err != nil {
		return err
	}
	for _, s := range list {
		if _, err := fmt.Fprintf(inv.out, "  - %s\n", line(s)); err != nil {
			return err
		}
	}
	return nil
}
