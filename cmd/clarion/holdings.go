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
	"clarion.chat/clarion/client/vault/filevault"
	"clarion.chat/clarion/wire"
)

type holdingsCommand struct {
	Check string `placeholder:"FILE" help:"Check the signature of an answer saved with --json, without any server."`
	Key   string `placeholder:"HEX" help:"The server's key, compared with the operator by another way; without it, the one this vault has seen."`
}

// Help explains the command.
func (holdingsCommand) Help() string {
	return `Asks the server what it holds about you: now, what it could be ordered to record from now on, and what it cannot give. The answer is signed with the server's key, and must be with the one that this device met the server with. A saved answer can be checked by anybody who has that key: the vault of any account there, or whoever gives it with --key (clarion whoami shows it).

Examples:

    $ clarion holdings --json > what-it-said.json
    $ clarion holdings --check what-it-said.json
    $ clarion holdings --check what-it-said.json --key 5f3a...`
}

// Run carries out the command.
func (cmd *holdingsCommand) Run(ctx context.Context, inv *invocation) error {
	if cmd.Check != "" {
		return inv.checkHoldings(ctx, cmd.Check, cmd.Key)
	}
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		if cmd.Key != "" {
			if err := c.TrustServerKey(ctx, cmd.Key); err != nil {
				return err
			}
		}
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

// savedAnswer is an answer about holdings read back from its JSON.
type savedAnswer struct {
	wire.Holdings
	host      string
	key       [32]byte // the one it names for its own
	signature []byte
}

// readAnswer reads what `clarion holdings --json` printed. Errors:
// file_unreadable.
func readAnswer(b []byte) (*savedAnswer, error) {
	var s holdingsShape
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, noAnswer(err)
	}
	key, err := client.ParseServerKey(s.ServerKey)
	if err != nil {
		return nil, noAnswer(err)
	}
	signature, err := hex.DecodeString(s.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return nil, noAnswer(err)
	}
	at, err := time.Parse(time.RFC3339, s.At)
	if err != nil {
		return nil, noAnswer(err)
	}
	a := &savedAnswer{host: s.Host, key: key, signature: signature}
	a.Account, a.At, a.Could, a.Cannot = s.Account, at.Unix(), s.Could, s.Cannot
	for _, t := range s.Tables {
		a.Tables = append(a.Tables, wire.TableRows{Table: t.Table, Rows: t.Rows})
	}
	if _, err := wire.Marshal(&a.Holdings); err != nil { // past the limits no server signs
		return nil, noAnswer(err)
	}
	return a, nil
}

func noAnswer(err error) error {
	return &client.Failure{Code: failFile, Text: "the file is no saved answer", Hint: "save one with `clarion holdings --json`", Cause: err}
}

// checkHoldings verifies a saved answer by a key that does not come with it:
// the one given, else the one that this vault has seen. When there is neither,
// a signature by the key in the file proves nothing, and that is said.
func (inv *invocation) checkHoldings(ctx context.Context, file, given string) error {
	info, err := os.Stat(file)
	if err != nil || info.Size() > maxAnswer {
		return noAnswer(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return noAnswer(err)
	}
	a, err := readAnswer(b)
	if err != nil {
		return err
	}
	key, how, err := inv.keyOf(ctx, a.host, given)
	if err != nil {
		return err
	}
	if !ed25519.Verify(a.key[:], a.SignedBytes(a.host), a.signature) {
		return &client.Failure{
			Code: string(wire.CodeBadSignature), Text: "the answer is not what was signed",
			Hint: "it was changed or damaged since; ask for it as it was saved",
		}
	}
	switch {
	case how == "":
		return &client.Failure{
			Code: failServerKey, Text: "the answer is signed with the key that stands in it, " + hex.EncodeToString(a.key[:]) + ", and nothing here says whose that is",
			Hint: "check it with the vault of an account on that server, or compare the key with the operator's by another way and give that with --key",
		}
	case key != a.key:
		return &client.Failure{
			Code: client.FailServerKey, Text: "the answer is signed with another key than the server's, " + hex.EncodeToString(key[:]),
			Hint: "it is not from that server, or the server has had more than one key: ask the operator by another way",
		}
	}
	if inv.json {
		return writeJSON(inv.out, checkedAnswerShape{Account: a.Account, Host: a.host, ServerKey: hex.EncodeToString(key[:]), Key: how, Signature: "ok"})
	}
	whose := "that this vault has seen"
	if how == keyGiven {
		whose = "that you gave"
	}
	_, err = fmt.Fprintf(inv.out, "%s got this answer from the server of %s: it is signed with the key %s.\n", line(a.Account), line(a.host), whose)
	return err
}

// How the key of a server is known.
const (
	keyGiven = "given"
	keySeen  = "seen"
)

// keyOf finds the key of the server at host; how is empty when it is not known.
func (inv *invocation) keyOf(ctx context.Context, host, given string) (key [32]byte, how string, err error) {
	if given != "" {
		key, err = client.ParseServerKey(given)
		return key, keyGiven, err
	}
	if !filevault.Exists(inv.home) {
		return key, "", nil
	}
	err = inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		me, err := c.WhoAmI(ctx)
		if err != nil || me.ServerKey == "" || me.Handle.Host != host {
			return err
		}
		how = keySeen
		key, err = client.ParseServerKey(me.ServerKey)
		return err
	})
	if err == nil {
		return key, how, nil
	}
	f := *client.AsFailure(err)
	if f.Code == client.FailNotRegistered || f.Code == client.FailDeviceReplaced {
		return key, "", nil
	}
	f.Hint += "; or give the server's key with --key"
	return key, "", &f
}
