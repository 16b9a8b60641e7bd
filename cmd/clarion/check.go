// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"

	"clarion.chat/clarion/client"
)

// What is wrong with a scanned code, as a failure's code.
const failDiffers = "check_differs"

type checkCommand struct {
	Handle  string `arg:"" help:"A contact, or somebody in a conversation with you."`
	Digits  bool   `xor:"do" help:"Show what to compare. This is what check does when nothing else is asked."`
	OK      bool   `name:"ok" xor:"do" help:"You compared the digits that check showed, and they are the same."`
	Scanned string `xor:"do" placeholder:"CODE" help:"Compare a code that the other device shows."`
	Undo    bool   `xor:"do" help:"Take the check back."`
}

// Help explains the command.
func (checkCommand) Help() string {
	return `Makes sure that a person is who their handle says. Both of you run check and compare the sixty digits over another way, such as a call or a meeting: they are the same on both sides only when each device knows the other's true key. Then each runs check --ok. In place of the digits one can compare the other's code.

Examples:

    $ clarion check omar
    $ clarion check omar --ok
    $ clarion check omar --scanned CLARION:AEAAA...`
}

// Run carries out the command.
func (cmd *checkCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		switch {
		case cmd.OK:
			p, err := c.Check(ctx, cmd.Handle, client.CheckedDigits)
			return inv.printContact(p, err)
		case cmd.Undo:
			p, err := c.Uncheck(ctx, cmd.Handle)
			return inv.printContact(p, err)
		case cmd.Scanned != "":
			return inv.checkScanned(ctx, c, cmd.Handle, cmd.Scanned)
		}
		s, err := c.SafetyDigits(ctx, cmd.Handle)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, safetyShape{Handle: s.Handle.String(), Digits: s.Digits, Code: s.Code})
		}
		_, err = fmt.Fprintf(inv.out, "Compare with %s:\n\n%s\n\nor scan, on their device:\n\n%s\n", line(s.Handle.String()), inFives(s.Digits), s.Code)
		return err
	})
}

// inFives writes the digits in three lines of four groups.
func inFives(digits string) string {
	var b strings.Builder
	for i := 0; i+5 <= len(digits); i += 5 {
		switch {
		case i > 0 && i%20 == 0:
			b.WriteString("\n  ")
		default:
			b.WriteString("  ")
		}
		b.WriteString(digits[i : i+5])
	}
	return b.String()
}

func (inv *invocation) checkScanned(ctx context.Context, c *client.Client, handle, code string) error {
	s, err := c.CheckScanned(ctx, handle, code)
	if err != nil {
		return err
	}
	f := &client.Failure{Code: failDiffers}
	switch s.Differs {
	case "":
		if inv.json {
			return writeJSON(inv.out, scannedShape{Handle: s.Handle.String(), Match: true})
		}
		_, err := fmt.Fprintf(inv.out, "%s is checked: the code is theirs.\n", line(s.Handle.String()))
		return err
	case client.ScannedOtherPerson:
		f.Text, f.Hint = "this is the code of "+line(s.Handle.String())+", or one made for somebody else than you", "have the person open the check of you, and scan again"
	case client.ScannedOtherKey:
		f.Text, f.Hint = "their device has another key than the one known here", "do not write anything that matters; tell the person, by another way, and the operator"
	case client.ScannedOwnKey:
		f.Text, f.Hint = "their device knows another key of you", "somebody may stand between you; tell the person, by another way, and the operator"
	}
	return f
}

func (inv *invocation) printContact(p client.Contact, err error) error {
	if err != nil {
		return err
	}
	if inv.json {
		return writeJSON(inv.out, shapeContact(p))
	}
	_, err = fmt.Fprintf(inv.out, "%s: %s\n", line(p.Handle.String()), howChecked(p.Checked))
	return err
}

type acknowledgeCommand struct {
	Handle string `arg:"" help:"The person whose identity changed."`
}

// Help explains the command.
func (acknowledgeCommand) Help() string {
	return `A person whom you had checked has another identity key, perhaps because they came back by their recovery sheet, perhaps because it is somebody else. Nothing is sent to them until you check them again, or say with this that you write all the same. What waited goes with the next send, listen or flush.

Example:

    $ clarion acknowledge omar`
}

// Run carries out the command.
func (cmd *acknowledgeCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		p, err := c.Acknowledge(ctx, cmd.Handle)
		return inv.printContact(p, err)
	})
}
