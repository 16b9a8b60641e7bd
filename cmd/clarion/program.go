// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// program is the command line as a value, so that tests run it in process.
type program struct {
	getenv func(string) string
}

// invocation is what every command gets: the global flags and the streams.
type invocation struct {
	program
	home   string
	json   bool
	offset time.Duration
	in     io.Reader
	out    io.Writer
	err    io.Writer
	style  style
	stands string // what holds though nothing more can be printed, as a hint

	vault  vault.Vault    // while the core runs; the core's but for what kept.go keeps
	unsaid []client.Event // for the next listen
}

// commands is the whole command line. Its order is the order of the help.
type commands struct {
	Home        dir     `help:"Folder of the vault. Default: $$CLARION_HOME, else clarion in $$XDG_DATA_HOME or ~/.local/share."`
	JSON        bool    `name:"json" help:"Print JSON: an object, or a line for each of many. Errors are one line of JSON on stderr."`
	ClockOffset seconds `name:"clock-offset" hidden:"" help:"Shift this device's clock."`

	Register         registerCommand         `cmd:"" help:"Make an account on a server."`
	Restore          restoreCommand          `cmd:"" help:"Bring an account back from its recovery sheet."`
	Whoami           whoamiCommand           `cmd:"" help:"Show this vault's account."`
	Invite           inviteCommand           `cmd:"" help:"Make a link for one person to reach you."`
	Accept           acceptCommand           `cmd:"" help:"Open a link, accept a request, or ask somebody."`
	Block            blockCommand            `cmd:"" help:"Refuse a person."`
	Unblock          unblockCommand          `cmd:"" help:"Take a block back."`
	Decline          declineCommand          `cmd:"" help:"Let a contact request drop."`
	Devices          devicesCommand          `cmd:"" help:"List your devices as the directory shows them."`
	Check            checkCommand            `cmd:"" help:"Make sure that a person is who they say."`
	Acknowledge      acknowledgeCommand      `cmd:"" help:"Write to a person whose identity changed."`
	Contacts         contactsCommand         `cmd:"" help:"List the people you know."`
	Send             sendCommand             `cmd:"" help:"Write a message."`
	Draft            draftCommand            `cmd:"" help:"Keep what you have not sent yet."`
	Flush            flushCommand            `cmd:"" help:"Send what waits."`
	Listen           listenCommand           `cmd:"" help:"Print what arrives."`
	Chat             chatCommand             `cmd:"" help:"Talk in one conversation."`
	Call             callCommand             `cmd:"" help:"Call a person."`
	Answer           answerCommand           `cmd:"" help:"Answer a call, or wait for one."`
	Calls            callsCommand            `cmd:"" help:"List past calls."`
	Conversations    conversationsCommand    `cmd:"" help:"List your conversations."`
	History          historyCommand          `cmd:"" help:"Print a conversation's messages."`
	Group            groupCommand            `cmd:"" help:"Make and change groups."`
	Keep             keepCommand             `cmd:"" help:"Say how long the server keeps what is written."`
	Leave            leaveCommand            `cmd:"" help:"Leave a conversation."`
	Setting          settingCommand          `cmd:"" help:"Keep a setting of this device."`
	Marks            marksCommand            `cmd:"" help:"Send delivered and read marks, or do not."`
	Holdings         holdingsCommand         `cmd:"" help:"Ask the server what it holds about you."`
	DeleteEverything deleteEverythingCommand `cmd:"" help:"Delete the account, here and on the server."`
	Version          versionCommand          `cmd:"" help:"Print the version."`
}

const description = `Sealed conversations from a terminal. Your keys, contacts and messages stay in a vault on this device; the server passes on what it cannot read.

Exit status: 0 done, 1 other, 2 usage, 3 something is missing, 4 the server cannot be reached or a message waits, 5 refused, 6 the vault is busy or of another version, 7 time ran out.`

// Run carries out one command and returns its exit status. It writes data to
// stdout and at most one failure to stderr; it starts nothing that outlives it
// but a reader blocked in stdin. When ctx ends, so does the command.
func (p program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{to: stdout}
	inv := &invocation{program: p, json: wantsJSON(args), in: stdin, out: out, err: stderr}
	inv.style = newStyle(stdout, p.getenv)
	err := inv.unwritten(out, inv.run(ctx, args))
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &client.Failure{Code: failInterrupted, Text: "stopped before it was done", Hint: "what was written before is kept"}
	}
	f := client.AsFailure(err)
	if f.Hint == "" && f.Code == string(wire.CodeInternal) {
		f.Hint = "try again; if it stays, report it with this sentence"
	}
	inv.complain(f)
	return statusOf(f)
}

func (inv *invocation) run(ctx context.Context, args []string) error {
	var flags commands
	helped := false
	parser, err := kong.New(&flags, kong.Name("clarion"), kong.Description(description),
		kong.Writers(inv.out, inv.err), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, Compact: true, WrapUpperBound: 90}))
	if err != nil {
		return err
	}
	for _, a := range args {
		if !utf8.ValidString(a) { // before the parser makes something else of it
			return &client.Failure{Code: client.FailNotText, Text: "an argument is not UTF-8 text", Hint: "convert it first"}
		}
	}
	parsed, err := parser.Parse(args)
	if helped { // --help was printed; that parsing goes on means nothing
		return nil
	}
	if err != nil {
		return unusable(err)
	}
	inv.json = flags.JSON
	inv.offset = time.Duration(flags.ClockOffset)
	inv.home, err = inv.vaultFolder(string(flags.Home))
	if err != nil {
		return err
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run(inv)
}

// unusable turns what the parser says into a failure with the right help.
func unusable(err error) *client.Failure {
	hint := "run `clarion --help`"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil {
		if node := p.Context.Selected(); node != nil {
			hint = "run `" + node.FullPath() + " --help`"
		}
	}
	if strings.Contains(err.Error(), "unknown flag") {
		hint += "; a text that begins with - goes after --"
	}
	return usage(err.Error(), hint)
}

// wantsJSON finds --json also where parsing failed, so that the failure has
// the form that was asked for.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json")
}

func (inv *invocation) vaultFolder(flag string) (string, error) {
	for _, dir := range []string{flag, inv.getenv("CLARION_HOME")} {
		if dir != "" {
			return filepath.Clean(dir), nil
		}
	}
	if data := inv.getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "clarion"), nil
	}
	if home := inv.getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "clarion"), nil
	}
	return "", usage("there is no home folder to keep the vault in", "name a folder with --home DIR")
}

// now is the device's clock as the client shall see it.
func (inv *invocation) now() time.Time { return time.Now().Add(inv.offset) }

// The names of these types stand in the help for what a flag takes.
type (
	dir   string
	url   string
	code  string
	file  string
	name  string
	count int
)

// seconds is a length of time on the command line: a number of seconds, or a
// number with a unit, such as 1.5h.
type seconds time.Duration

// UnmarshalText reads the value; kong calls it.
func (s *seconds) UnmarshalText(b []byte) error {
	const most = 1 << 31 // seconds; far from where a Duration overflows
	if n, err := strconv.ParseFloat(string(b), 64); err == nil {
		if !(n > -most && n < most) {
			return errors.New("not a length of time")
		}
		*s = seconds(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(string(b))
	if err != nil {
		return errors.New("not a length of time: write seconds, or a unit as in 1.5h")
	}
	*s = seconds(d)
	return nil
}
