// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"
)

// program is the command line as a value, so that tests run and close it.
type program struct {
	out, err io.Writer

	mu     sync.Mutex
	closed bool
	stop   context.CancelFunc
}

func newProgram(out, err io.Writer) *program { return &program{out: out, err: err} }

// invocation is what every command gets.
type invocation struct {
	ctx  context.Context
	c    *config
	data string
	json bool
	out  io.Writer
	err  io.Writer
}

// commands is the whole command line. Its order is the order of the help.
type commands struct {
	Data   *string `placeholder:"DIR" help:"Folder that holds everything. Default: data in the config file, else ./data."`
	Config *string `placeholder:"FILE" help:"File of settings, key = value."`
	JSON   bool    `name:"json" help:"Print JSON. Errors are one line of JSON on stderr."`

	Serve     serveCommand     `cmd:"" help:"Run the server."`
	Invite    inviteCommand    `cmd:"" help:"Make a code with which one person may register."`
	Backup    backupCommand    `cmd:"" help:"Write one consistent file; the server may be running."`
	Restore   restoreCommand   `cmd:"" help:"Put a backup in place of the data; the server must not be running."`
	Inventory inventoryCommand `cmd:"" help:"List what this server holds: columns, files, logs, memory."`
}

const description = `A Clarion server. It keeps sealed envelopes and passes them on; it cannot read them.

Exit status: 0 done, 1 other, 2 usage, 3 something is missing (port, disk, permission), 5 refused, 6 the data folder is busy or of another version.`

// Run carries out one command and returns its exit status. When ctx ends or
// Close is called, so does the command.
func (p *program) Run(ctx context.Context, args []string) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p.mu.Lock()
	p.stop = stop
	if p.closed {
		stop()
	}
	p.mu.Unlock()
	inv := &invocation{ctx: ctx, json: wantsJSON(args), out: p.out, err: p.err}
	err := inv.run(args)
	if err == nil {
		return 0
	}
	f := failureOf(err)
	complain(p.err, inv.json, f)
	return f.status
}

// Close ends the command that runs, as a signal does.
func (p *program) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.stop != nil {
		p.stop()
	}
}

func (inv *invocation) run(args []string) error {
	var flags commands
	helped := false
	parser, err := kong.New(&flags, kong.Name("clariond"), kong.Description(description),
		kong.Writers(inv.out, inv.err), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, Compact: true, WrapUpperBound: 100}))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if helped { // --help was printed; that parsing goes on means nothing
		return nil
	}
	if err != nil {
		return unusable(err)
	}
	if err := given(map[string]*string{"data": flags.Data, "config": flags.Config}); err != nil {
		return err
	}
	if inv.c, err = readConfig(or(flags.Config, "")); err != nil {
		return err
	}
	inv.data = or(flags.Data, first(inv.c.Data, defaultData))
	return parsed.Run(inv)
}

// given refuses flags that are typed and say nothing: --data "" is a slip, as of
// a script's empty variable, and no wish for the default.
func given(flags map[string]*string) error {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if text := flags[name]; text != nil && *text == "" {
			return usage("--"+name+" is given and empty", "leave it out for the default, or say which")
		}
	}
	return nil
}

// or returns what a flag says, or the other text when it is not given.
func or(flag *string, other string) string {
	if flag != nil {
		return *flag
	}
	return other
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// unusable turns what the parser says into a failure with the right help.
func unusable(err error) *failure {
	hint := "run `clariond --help`"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil {
		if node := p.Context.Selected(); node != nil {
			hint = "run `" + node.FullPath() + " --help`"
		}
	}
	return usage(err.Error(), hint)
}

// wantsJSON finds --json also where parsing failed, so that the failure has
// the form that was asked for.
func wantsJSON(args []string) bool { return slices.Contains(args, "--json") }

// span is a length of time on the command line: a number of seconds, a number
// with a unit (30m, 1.5h), or days (2d).
type span time.Duration

// UnmarshalText reads the value; kong calls it.
func (s *span) UnmarshalText(b []byte) error {
	text := string(b)
	wrong := errors.New("not a length of time: write seconds, or a unit as in 2h or 3d")
	unit := time.Second
	number := text
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		unit, number = 24*time.Hour, days
	}
	if n, err := strconv.ParseFloat(number, 64); err == nil {
		const most = 200 * 365 * 24 * time.Hour
		if product := n * float64(unit); product > -float64(most) && product < float64(most) {
			*s = span(product)
			return nil
		}
		return wrong
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return wrong
	}
	*s = span(d)
	return nil
}
