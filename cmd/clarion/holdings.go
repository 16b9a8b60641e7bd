// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

type holdingsCommand struct {
	Check string `placeholder:"FILE" help:"Check the signature of an answer saved with --json, without any server."`
}

// Help explains the command.
func (holdingsCommand) Help() string {
	return `Asks the server what it holds about you: now, what it could be ordered to record from now on, and what it cannot give. The answer is signed with the server's key; a saved one can be checked by anybody.

Examples:

    $ clarion holdings --json > what-it-said.json
    $ clarion holdings --check what-it-said.json`
}

// Run carries out the command.
func (cmd *holdingsCommand) Run(ctx context.Context, inv *invocation) error {
	if cmd.Check != "" {
		return inv.checkHoldings(cmd.Check)
	}
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		h, err := c.Holdings(ctx)
		if err != nil {
			return err
		}
		if inv.json {
			return writeJSON(inv.out, shapeHoldings(h))
		}
		if _, err := fmt.Fprintf(inv.out, "What the server holds about %s, as it said at %s\n\n%s\n",
			line(h.Account), moment(time.Unix(h.At, 0)), inv.style.strong("Holds now")); err != nil {
			return err
		}
		if err := inv.printRows(h.Tables); err != nil {
			return err
		}
		if err := inv.printSentences("Could be ordered to record from now on", h.Could); err != nil {
			return err
		}
		if err := inv.printSentences("Cannot give", h.Cannot); err != nil {
			return err
		}
		_, err = fmt.Fprintf(inv.out, "\n%s\n  %s\n", inv.style.strong("Signature"), hex.EncodeToString(h.Signature[:]))
		return err
	})
}

// maxAnswer bounds a saved answer, in bytes.
const maxAnswer = 1 << 20

// checkHoldings verifies a saved answer. Whose key signed it stands in the
// output: that it is the server's is for the reader to know.
func (inv *invocation) checkHoldings(file string) error {
	unreadable := func(err error) error {
		return &client.Failure{Code: failFile, Text: "the file is no saved answer", Hint: "save one with `clarion holdings --json`", Cause: err}
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() > maxAnswer {
		return unreadable(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return unreadable(err)
	}
	var s holdingsShape
	if err := json.Unmarshal(b, &s); err != nil {
		return unreadable(err)
	}
	key, err := hex.DecodeString(s.ServerKey)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return unreadable(err)
	}
	signature, err := hex.DecodeString(s.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return unreadable(err)
	}
	at, err := time.Parse(time.RFC3339, s.At)
	if err != nil {
		return unreadable(err)
	}
	h := wire.Holdings{Account: s.Account, At: at.Unix(), Could: s.Could, Cannot: s.Cannot}
	for _, t := range s.Tables {
		h.Tables = append(h.Tables, wire.TableRows{Table: t.Table, Rows: t.Rows})
	}
	if !ed25519.Verify(key, h.SignedBytes(s.Host), signature) {
		return wire.Refuse(wire.CodeBadSignature)
	}
	if inv.json {
		return writeJSON(inv.out, map[string]string{"account": s.Account, "server_key": s.ServerKey, "signature": "ok"})
	}
	_, err = fmt.Fprintf(inv.out, "%s got this answer from the server whose key is %s.\n", line(s.Account), s.ServerKey)
	return err
}
