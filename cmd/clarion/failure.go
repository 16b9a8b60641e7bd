// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// Codes of failures that arise in the command line itself.
const (
	failUsage       = "usage"
	failFile        = "file_unreadable"
	failConfirm     = "confirmation_needed"
	failInterrupted = "interrupted"
	failOutput      = "output_closed"
	failVaultBusy   = "vault_busy"
	failVersion     = "vault_version"
	failServerKey   = "server_key_unknown"

	failVaultDamaged = "vault_damaged"
)

// The exit statuses, each a kind of thing that went wrong.
const (
	exitOther       = 1
	exitUsage       = 2 // what was typed cannot be meant
	exitMissing     = 3 // the machine lacks something
	exitUnreachable = 4
	exitRefused     = 5 // by the server, or by a rule
	exitVault       = 6 // busy, or of another version
	exitTimeout     = 7
)

// exits gives each code its exit status. A code that is not here came from a
// newer server and is its refusal.
var exits = map[string]int{
	string(wire.CodeInternal):     exitOther,
	failInterrupted:               exitOther,
	failOutput:                    exitOther,
	failVaultDamaged:              exitOther,
	failCall:                      exitOther,
	failCancelled:                 exitOther,
	failNoAnswer:                  exitTimeout,
	failUsage:                     exitUsage,
	failFile:                      exitUsage,
	failConfirm:                   exitUsage,
	"server_invalid":              exitUsage,
	"days_invalid":                exitUsage,
	string(wire.CodeNameInvalid):  exitUsage,
	string(wire.CodeKeepRange):    exitUsage,
	client.FailHandle:             exitUsage,
	client.FailLink:               exitUsage,
	client.FailWords:              exitUsage,
	client.FailName:               exitUsage,
	client.FailEmpty:              exitUsage,
	client.FailTooLong:            exitUsage,
	client.FailNotText:            exitUsage,
	client.FailMessageID:          exitUsage,
	client.FailSetting:            exitUsage,
	client.FailCheckCode:          exitUsage,
	client.FailOneself:            exitUsage,
	client.FailServerKeyText:      exitUsage,
	client.FailVault:              exitMissing,
	client.FailFull:               exitMissing, // the device's disk or the server's
	client.FailUnreachable:        exitUnreachable,
	string(wire.CodeShuttingDown): exitUnreachable,
	failVaultBusy:                 exitVault,
	failVersion:                   exitVault,
	client.FailTimeout:            exitTimeout,
}

// statusOf returns the exit status of a failure. A message that is queued and
// leaves by itself has the status of an unreachable server, whatever kept it
// here; unless that is for the person at this device to mend.
func statusOf(f *client.Failure) int {
	mend := f.Code == client.FailVault || errors.Is(f, vault.ErrFull)
	if f.Queued && !mend {
		return exitUnreachable
	}
	return exitStatus(f.Code)
}

// exitStatus returns the exit status of a code.
func exitStatus(code string) int {
	if status, known := exits[code]; known {
		return status
	}
	return exitRefused
}

func usage(text, hint string) *client.Failure {
	return &client.Failure{Code: failUsage, Text: text, Hint: hint}
}

// complain writes the one failure of a command to stderr. Its words may come
// from a server.
func (inv *invocation) complain(f *client.Failure) {
	if inv.json {
		var e struct {
			Error struct {
				Code    string `json:"code"`
				Message string `json:"message"`
				Hint    string `json:"hint"`
			} `json:"error"`
		}
		e.Error.Code, e.Error.Message, e.Error.Hint = f.Code, f.Text, f.Hint
		writeJSON(inv.err, e)
		return
	}
	fmt.Fprintf(inv.err, "error: %s: %s\n", line(f.Code), line(f.Text))
	if f.Hint != "" {
		fmt.Fprintf(inv.err, "hint: %s\n", line(f.Hint))
	}
}
