// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"slices"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

type inviteCommand struct {
	Days int `default:"7" help:"Days until it expires, 1 to 30."`
}

// Help explains the command.
func (inviteCommand) Help() string {
	return `Prints a link for one person. Whoever opens it can check that it is you; you see that the person came by your link. It works once. The secret stands after the #, which no browser sends to a server: hand the link over as you would a key.

Example:

    $ clarion invite
    https://chat.example.org/i#...`
}

// Run carries out the command.
func (cmd *inviteCommand) Run(ctx context.Context, inv *invocation) error {
	if cmd.Days < wire.MinKeep || cmd.Days > wire.MaxKeep {
		return usage(fmt.Sprintf("an invite lasts %d to %d days", wire.MinKeep, wire.MaxKeep), "choose a number in that range")
	}
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		i, err := c.Invite(ctx, cmd.Days)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, inviteShape{Link: i.Link, Expires: stamp(i.Expires)})
		}
		if _, err := fmt.Fprintln(inv.out, i.Link); err != nil {
			return err
		}
		fmt.Fprintf(inv.err, "For one person, once, until %s.\n", moment(i.Expires))
		return nil
	})
}

type acceptCommand struct {
	Who string `arg:"" name:"link|handle" help:"An invite link, a person who asked, or a person to ask."`
}

// Help explains the command.
func (acceptCommand) Help() string {
	return `Opens a conversation. With a link its maker is checked. With the handle of somebody who asked, the request is accepted. Any other handle gets a request from you, and decides.

Examples:

    $ clarion accept 'https://chat.example.org/i#...'
    $ clarion accept omar`
}

// Run carries out the command.
func (cmd *acceptCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Accept(ctx, cmd.Who)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, shapeConversation(v))
		}
		_, err = fmt.Fprintf(inv.out, "You can write to %s (conversation %s).\n", line(v.Name), short(v.ID))
		return err
	})
}

type blockCommand struct {
	Handle string `arg:"" help:"The person."`
}

// Help explains the command.
func (blockCommand) Help() string {
	return `Refuses a person's requests and messages from now on. They are not told. accept undoes it.

Example:

    $ clarion block eve`
}

// Run carries out the command.
func (cmd *blockCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		if err := c.Block(ctx, cmd.Handle); err != nil {
			return err
		}
		me, err := c.WhoAmI(ctx)
		if err != nil {
			return err
		}
		h, err := wire.ParseHandle(cmd.Handle, me.Handle.Host)
		if err != nil {
			return err
		}
		list, err := c.Contacts(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(p client.Contact) bool { return p.Handle == h })
		if i < 0 {
			return &client.Failure{Code: client.FailNoContact, Text: "the contact is not in the vault"}
		}
		if inv.json {
			return writeJSON(inv.out, shapeContact(list[i]))
		}
		_, err = fmt.Fprintf(inv.out, "%s is blocked. `clarion accept %s` undoes it.\n", line(h.String()), line(cmd.Handle))
		return err
	})
}

type contactsCommand struct{}

// Help explains the command.
func (contactsCommand) Help() string {
	return `Lists the people you know: accepted, requested (waiting for you to accept or block), or blocked; and how each was checked.
With --json "checked" is null for whom you did not check; "came_by":"link" says that they opened your link, "changed":true that their
keys are others now and were not checked since.

Example:

    $ clarion contacts`
}

// Run carries out the command.
func (*contactsCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		list, err := c.Contacts(ctx)
		if err != nil {
			return err
		}
		if inv.json {
			for _, p := range list {
				if err := writeJSON(inv.out, shapeContact(p)); err != nil {
					return err
				}
			}
			return nil
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(inv.out, "You know nobody yet. `clarion invite` makes a link for one person.")
			return err
		}
		rows := make([][]string, len(list))
		for i, p := range list {
			rows[i] = []string{p.Handle.String(), string(p.State), howChecked(p.Checked)}
		}
		return table(inv.out, rows, func(row, column int, cell string) string {
			if column == 2 {
				return inv.style.checkedPaint(list[row].Checked, cell)
			}
			return cell
		})
	})
}

// short is enough of a conversation's id to name it on a command line.
func short(id string) string { return id[:min(len(id), 8)] }
