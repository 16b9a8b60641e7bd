// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/filevault"
	srv "clarion.chat/clarion/server"
)

// raceExit keeps a process that is built with the race detector from waiting a
// second at its end for other goroutines' reports.
const raceExit = "atexit_sleep_ms=20"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", raceExit)
	testscript.Main(m, map[string]func(){"clarion": main})
}

// TestScripts runs testdata/*.txt, each against a real server of its own. The
// scripts know SERVER, its address, and HOST, the host of its handles; beside
// testscript's commands they use those of scriptCommands.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := clariontest.NewServer(t, func(c *srv.Config) { c.Relay.Anywhere = true })
			testscript.Run(t, testscript.Params{
				Files:               []string{file},
				RequireExplicitExec: true,
				Setup: func(e *testscript.Env) error {
					e.Setenv("SERVER", server.URL)
					e.Setenv("HOST", server.Host)
					e.Setenv("TZ", "UTC")
					e.Setenv("GORACE", raceExit)
					return nil
				},
				Cmds: scriptCommands(server),
			})
		})
	}
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// scriptCommands are the scripts' own commands:
//
//	fails STATUS CODE clarion ...  the command ends with this exit status, this
//	                               code and a hint on stderr
//	hears REGEXP... -- clarion ... the command runs until its stdout fits all of
//	                               them, and ends well on an interrupt
//	grab NAME REGEXP               sets NAME to what the group matches in stdout
//	server stop|start              ends the server, or starts it again where it was
//	server clock DURATION          moves the server's clock
//	hold DIR, release DIR          opens the vault in DIR, closes it again
//	stamp DIR N                    makes the vault in DIR one of version N
//	fill FILE N HEX                writes bytes N times
//	forge FILE NEW                 signs a saved answer anew, with a key of its own
func scriptCommands(server *clariontest.Server) map[string]scriptCommand {
	held := map[string]vault.Vault{}
	all := map[string]scriptCommand{
		"hold": func(ts *testscript.TestScript, neg bool, args []string) {
			v, err := filevault.Open(ts.MkAbs(args[0]))
			ts.Check(err)
			held[args[0]] = v
			ts.Defer(func() { v.Close() })
		},
		"release": func(ts *testscript.TestScript, neg bool, args []string) {
			ts.Check(held[args[0]].Close())
		},
		"stamp": func(ts *testscript.TestScript, neg bool, args []string) {
			ts.Check(stampVault(filepath.Join(ts.MkAbs(args[0]), "vault.db"), args[1]))
		},
		"fill": func(ts *testscript.TestScript, neg bool, args []string) {
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			b, err := hex.DecodeString(args[2])
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat(b, n), 0o600))
		},
		"forge": func(ts *testscript.TestScript, neg bool, args []string) {
			ts.Check(forgeAnswer(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
		},
		"fails": func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) < 3 {
				ts.Fatalf("usage: fails STATUS CODE command...")
			}
			ts.Check(checkFailure(ts, args))
		},
		"hears": func(ts *testscript.TestScript, neg bool, args []string) {
			i := slices.Index(args, "--")
			if neg || i < 1 || i == len(args)-1 {
				ts.Fatalf("usage: hears REGEXP... -- command...")
			}
			ts.Check(runUntil(ts, args[:i], args[i+1:]))
		},
		"grab": func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) != 2 {
				ts.Fatalf("usage: grab NAME REGEXP")
			}
			re, err := regexp.Compile("(?m)" + args[1])
			ts.Check(err)
			m := re.FindStringSubmatch(ts.ReadFile("stdout"))
			if len(m) != 2 {
				ts.Fatalf("stdout has nothing that fits %s", args[1])
			}
			ts.Setenv(args[0], m[1])
		},
		"server": func(ts *testscript.TestScript, neg bool, args []string) {
			switch {
			case slices.Equal(args, []string{"stop"}):
				server.Stop()
			case slices.Equal(args, []string{"start"}):
				server.Start()
			case len(args) == 2 && args[0] == "clock":
				d, err := time.ParseDuration(args[1])
				ts.Check(err)
				server.Clock.Add(d)
			default:
				ts.Fatalf("usage: server stop|start|clock DURATION")
			}
		},
	}
	maps.Copy(all, soundCommands())
	return all
}

// checkFailure runs a command that must fail in the promised way.
func checkFailure(ts *testscript.TestScript, args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	code := args[1]
	err = ts.Exec(args[2], args[3:]...)
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return fmt.Errorf("it ended with %v, not with status %d", err, want)
	}
	if got := ended.ExitCode(); got != want {
		return fmt.Errorf("it ended with status %d, not %d", got, want)
	}
	said := ts.ReadFile("stderr")
	plain := regexp.MustCompile(`(?m)^error: ` + regexp.QuoteMeta(code) + `: \S.*\nhint: \S.*\n\z`)
	asJSON := regexp.MustCompile(`\A\{"error":\{"code":"` + regexp.QuoteMeta(code) + `","message":"[^"].*","hint":"[^"].*"\}\}\n\z`)
	if !plain.MatchString(said) && !asJSON.MatchString(said) {
		return fmt.Errorf("stderr is not the failure %s with a hint", code)
	}
	return nil
}

// runUntil runs a command until what it printed fits every expression, then
// interrupts it, which must end it with status 0.
func runUntil(ts *testscript.TestScript, expressions, args []string) error {
	var left []*regexp.Regexp
	for _, e := range expressions {
		re, err := regexp.Compile("(?m)" + e)
		if err != nil {
			return err
		}
		left = append(left, re)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clariontest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "TZ=UTC")
	cmd.Stderr = ts.Stderr()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said := ""
	for lines := bufio.NewScanner(out); len(left) > 0 && lines.Scan(); {
		said += lines.Text() + "\n"
		left = slices.DeleteFunc(left, func(re *regexp.Regexp) bool { return re.MatchString(said) })
	}
	cmd.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(out)
	fmt.Fprintf(ts.Stdout(), "%s%s", said, rest)
	if err := cmd.Wait(); err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("it ended before it printed anything that fits %v", left)
	}
	return nil
}

// stampVault writes the number that a vault's form is known by.
func stampVault(file, version string) error {
	n, err := strconv.Atoi(version)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", n))
	return errors.Join(err, db.Close())
}

// forgeAnswer does what a hostile file does: whole and rightly signed, by
// nobody.
func forgeAnswer(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	a, err := readAnswer(b)
	if err != nil {
		return err
	}
	var s holdingsShape
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	s.ServerKey, s.Signature = hex.EncodeToString(public), hex.EncodeToString(ed25519.Sign(private, a.signed))
	if b, err = json.Marshal(s); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
