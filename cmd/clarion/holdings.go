// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault/filevault"
	"clarion.chat/clarion/wire"
)

type holdingsCommand struct {
	Conversation string `arg:"" optional:"" help:"A conversation, to ask about it in place of you."`

	Check string `placeholder:"FILE" help:"Check the signature of an answer saved with --json, without any server."`
	Key   string `placeholder:"HEX" help:"The server's key, compared with the operator by another way; without it, the one this vault has seen."`
}

// Help explains the command.
func (holdingsCommand) Help() string {
	return `Asks the server what it holds about you: now, what it could be ordered to record from now on, and what it cannot give. The answer is signed with the server's key, and must be with the one that this device met the server with. A saved answer can be checked by anybody who has that key: the vault of any account there, or whoever gives it with --key (clarion whoami shows it).

Examples:

    $ clarion holdings --json > what-it-said.json
    $ clarion holdings Harbour
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
		if cmd.Conversation != "" {
			return inv.conversationHoldings(ctx, c, cmd.Conversation)
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
		return inv.printTenses(h.Could, h.Cannot, h.Signature)
	})
}

// printTenses prints what follows the rows of any answer.
func (inv *invocation) printTenses(could, cannot []string, signature wire.Signature) error {
	if err := inv.printSentences("Could be ordered to record from now on", could); err != nil {
		return err
	}
	if err := inv.printSentences("Cannot give", cannot); err != nil {
		return err
	}
	_, err := fmt.Fprintf(inv.out, "\n%s\n  %s\n", inv.style.strong("Signature"), hex.EncodeToString(signature[:]))
	return err
}

// conversationHoldings asks about one conversation. The account has no part in
// the question.
func (inv *invocation) conversationHoldings(ctx context.Context, c *client.Client, what string) error {
	v, err := c.Find(ctx, what)
	if err != nil {
		return err
	}
	h, err := c.ConversationHoldings(ctx, v.ID)
	if err != nil {
		return err
	}
	if inv.json {
		return writeJSON(inv.out, shapeMailboxHoldings(h))
	}
	if _, err := fmt.Fprintf(inv.out, "What the server holds of %s, as it said at %s\n\n%s\n",
		line(v.Name), moment(time.Unix(h.At, 0)), inv.style.strong("Holds now")); err != nil {
		return err
	}
	if err := inv.printRows(h.Tables); err != nil {
		return err
	}
	for _, s := range h.Sizes {
		if _, err := fmt.Fprintf(inv.out, "  %d of %d bytes, sealed\n", s.Rows, s.Size); err != nil {
			return err
		}
	}
	if h.FirstGone != 0 {
		if _, err := fmt.Fprintf(inv.out, "  the first is deleted after %s, the last after %s\n", moment(hour(h.FirstGone)), moment(hour(h.LastGone))); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(inv.out, "  what is written now stays for %s\n", days(int(h.Keep))); err != nil {
		return err
	}
	return inv.printTenses(h.Could, h.Cannot, h.Signature)
}

// hour is the time of a stored hour.
func hour(h int64) time.Time { return time.Unix(h*3600, 0) }

// maxAnswer bounds a saved answer, in bytes.
const maxAnswer = 1 << 20

// savedAnswer is an answer about holdings read back from its JSON.
type savedAnswer struct {
	about     string // the account, or the mailbox by its hash; signed
	signed    []byte
	host      string
	key       [32]byte // the one it names for its own
	signature []byte
}

// readAnswer reads what `clarion holdings --json` printed. Errors:
// file_unreadable.
func readAnswer(b []byte) (*savedAnswer, error) {
	var s savedShape
	if err := strictJSON(b, &s); err != nil {
		return nil, noAnswer(err)
	}
	if (s.Mailbox == "") == (s.Account == "") {
		return nil, noAnswer(nil) // about both, or about nothing
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
	if s.Mailbox != "" {
		var h *wire.MailboxHoldings
		if h, err = s.mailboxHoldings(at.Unix()); err == nil {
			_, err = wire.Marshal(h) // past the limits no server signs
		}
		if err != nil {
			return nil, noAnswer(err)
		}
		a.about, a.signed = "mailbox "+hex.EncodeToString(h.Mailbox[:]), h.SignedBytes(a.host)
		return a, nil
	}
	h := &wire.Holdings{Account: s.Account, At: at.Unix(), Tables: tablesOf(s.Tables), Could: s.Could, Cannot: s.Cannot}
	if _, err := wire.Marshal(h); err != nil {
		return nil, noAnswer(err)
	}
	a.about, a.signed = s.Account, h.SignedBytes(a.host)
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
	if errors.Is(err, fs.ErrNotExist) {
		return &client.Failure{Code: failFile, Text: "the file does not exist", Hint: "check its name and folder", Cause: err}
	}
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
	if !ed25519.Verify(a.key[:], a.signed, a.signature) {
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
		return writeJSON(inv.out, checkedAnswerShape{Account: a.about, Host: a.host, ServerKey: hex.EncodeToString(key[:]), Key: how, Signature: "ok"})
	}
	whose := "that this vault has seen"
	if how == keyGiven {
		whose = "that you gave"
	}
	_, err = fmt.Fprintf(inv.out, "%s got this answer from the server of %s: it is signed with the key %s.\n", line(a.about), line(a.host), whose)
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
