// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"clarion.chat/clarion/client"
)

type groupCommand struct {
	New    groupNewCommand    `cmd:"" help:"Make a group."`
	Add    groupAddCommand    `cmd:"" help:"Add a person to a group."`
	Remove groupRemoveCommand `cmd:"" help:"Remove a person from a group."`
}

// Help explains the commands.
func (groupCommand) Help() string {
	return `A group's name and members are known to its members only. Whoever is added reads from then on; whoever is removed reads no further.

Example:

    $ clarion group new Harbour omar eve`
}

type groupNewCommand struct {
	Name    string   `arg:"" help:"What its members call it."`
	Handles []string `arg:"" name:"handle" help:"People you talk to already."`
}

// Help explains the command.
func (groupNewCommand) Help() string {
	return `Makes a group of you and the people named.

Example:

    $ clarion group new Harbour omar eve`
}

// Run carries out the command.
func (cmd *groupNewCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.NewGroup(ctx, cmd.Name, cmd.Handles)
		if err != nil {
			return err
		}
		return inv.printGroup(v)
	})
}

type groupAddCommand struct {
	Conversation string `arg:"" help:"The group's name or id."`
	Handle       string `arg:"" help:"The person."`
}

// Help explains the command.
func (groupAddCommand) Help() string {
	return `Adds a person, who reads what is written from then on.

Example:

    $ clarion group add Harbour ivo`
}

// Run carries out the command.
func (cmd *groupAddCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.changeGroup(ctx, cmd.Conversation, func(ctx context.Context, c *client.Client, id string) error {
		return c.AddMember(ctx, id, cmd.Handle)
	})
}

type groupRemoveCommand struct {
	Conversation string `arg:"" help:"The group's name or id."`
	Handle       string `arg:"" help:"The person."`
}

// Help explains the command.
func (groupRemoveCommand) Help() string {
	return `Removes a person, who can neither read nor write what comes after.

Example:

    $ clarion group remove Harbour eve`
}

// Run carries out the command.
func (cmd *groupRemoveCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.changeGroup(ctx, cmd.Conversation, func(ctx context.Context, c *client.Client, id string) error {
		return c.RemoveMember(ctx, id, cmd.Handle)
	})
}

func (inv *invocation) changeGroup(ctx context.Context, what string, change func(context.Context, *client.Client, string) error) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, what)
		if err != nil {
			return err
		}
		if err := change(ctx, c, v.ID); err != nil {
			return err
		}
		if v, err = c.Find(ctx, v.ID); err != nil {
			return err
		}
		return inv.printGroup(v)
	})
}

func (inv *invocation) printGroup(v client.Conversation) error {
	if inv.json {
		return writeJSON(inv.out, shapeConversation(v))
	}
	if _, err := fmt.Fprintf(inv.out, "%s (conversation %s)\n", inv.style.strong(line(v.Name)), short(v.ID)); err != nil {
		return err
	}
	for _, h := range v.Members {
		if _, err := fmt.Fprintf(inv.out, "  %s\n", line(h.String())); err != nil {
			return err
		}
	}
	return nil
}
