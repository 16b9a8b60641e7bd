// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"clariond": main})
}

// TestScripts runs testdata/script: each file reads as documentation of a
// command and is executed line by line.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = new(background)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve-until-ready": serveUntilReady,
			"interrupt":         interrupt,
			"take-port":         takePort,
			"damage":            damage,
			"exits":             exits,
		},
	})
}

// background is the server that a script has running.
type background struct {
	cmd    *exec.Cmd // nil when none runs
	stderr *bytes.Buffer
	end    chan error
}

// serverKey is where a script keeps its server.
type serverKey struct{}

// serveUntilReady starts clariond serve with the given arguments in the
// background and waits for its first line; $URL is the address then.
func serveUntilReady(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value(serverKey{}).(*background)
	b.stderr, b.end = new(bytes.Buffer), make(chan error, 1)
	cmd := exec.Command("clariond", append([]string{"serve", "--listen", "localhost:0"}, args...)...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), b.stderr
	pipe, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	lines := bufio.NewReader(pipe)
	line, err := lines.ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		ts.Fatalf("the server did not start: %s", b.stderr)
	}
	url, found := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !found {
		ts.Fatalf("the first line is %q", line)
	}
	ts.Setenv("URL", url)
	b.cmd = cmd
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		b.end <- cmd.Wait()
	}()
	ts.Defer(func() {
		if b.cmd == cmd {
			_ = cmd.Process.Kill()
			<-b.end
		}
	})
}

// interrupt stops the running server as a supervisor does, and expects exit 0.
func interrupt(ts *testscript.TestScript, _ bool, _ []string) {
	b := ts.Value(serverKey{}).(*background)
	ts.Check(b.cmd.Process.Signal(syscall.SIGTERM))
	b.cmd = nil
	if err := <-b.end; err != nil {
		ts.Fatalf("the server ended with %v: %s", err, b.stderr)
	}
}

// exits runs a command and compares its exit status: exits STATUS COMMAND ARG…
// Its output is compared with stdout and stderr as after exec.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var e *exec.ExitError
	if errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%s ended with %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// takePort listens at a free port until the script ends; $PORT names it.
func takePort(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "localhost:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv("PORT", port)
}

// damage overwrites the middle of a file.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	for i := len(b) / 4; i < len(b); i++ {
		b[i] ^= 0x5a
	}
	ts.Check(os.WriteFile(name, b, 0o600))
}

// TestRunAndClose runs the program as a value.
func TestRunAndClose(t *testing.T) {
	dir := t.TempDir()
	r, w := io.Pipe()
	p := newProgram(w, io.Discard)
	ended := make(chan int, 1)
	go func() {
		ended <- p.Run(context.Background(), []string{"serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0"})
		_ = w.Close()
	}()
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening "))
	resp, err := http.Get(url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || string(b) != "ok" {
		t.Fatalf("%d %q %v", resp.StatusCode, b, err)
	}
	p.Close()
	select {
	case status := <-ended:
		if status != 0 {
			t.Fatalf("exit %d", status)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Close does not end it")
	}
	if status := p.Run(context.Background(), []string{"serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0"}); status != 0 {
		t.Fatalf("after Close: %d", status)
	}
}

// TestServeAsJSON: with --json the first line says the same as an object, and
// no other follows.
func TestServeAsJSON(t *testing.T) {
	r, w := io.Pipe()
	p := newProgram(w, io.Discard)
	ended := make(chan int, 1)
	dir := filepath.Join(t.TempDir(), "data")
	go func() {
		ended <- p.Run(context.Background(), []string{"serve", "--json", "--data", dir, "--listen", "127.0.0.1:0"})
		_ = w.Close()
	}()
	lines := bufio.NewReader(r)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	rest, err := io.ReadAll(lines)
	var said map[string]string
	if err != nil || len(rest) > 0 || json.Unmarshal(line, &said) != nil || len(said) != 3 || said["data"] != dir ||
		said["listening"] != "http://"+said["host"] {
		t.Errorf("it says %q and %q, %v", line, rest, err)
	}
	if status := <-ended; status != 0 {
		t.Errorf("exit %d", status)
	}
}

// TestInventoryIsComplete holds the printed inventory to the contract.
func TestInventoryIsComplete(t *testing.T) {
	var out, errs bytes.Buffer
	if status := newProgram(&out, &errs).Run(context.Background(), []string{"inventory", "--json"}); status != 0 {
		t.Fatal(status, errs.String())
	}
	var rows []map[string]string
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, r := range rows {
		for _, key := range []string{"table", "column", "holds", "whose", "why", "until", "readers"} {
			if r[key] == "" {
				t.Errorf("%v lacks %s", r, key)
			}
		}
		if len(r) != 7 {
			t.Errorf("%v", r)
		}
		kind, _, _ := strings.Cut(r["table"], ":")
		kinds[kind] = true
		kinds[r["table"]] = true
	}
	for _, want := range []string{"file:.restore.db", "file:clarion.db.replaced", "file:.room-*", "file:.clarion-backup-*",
		"envelope", "account", "mailbox", "meta", "file", "log", "memory"} {
		if !kinds[want] {
			t.Errorf("no row of %s", want)
		}
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{"90": 90 * time.Second, "2h": 2 * time.Hour, "3d": 72 * time.Hour,
		"-1d": -24 * time.Hour, "1.5h": 90 * time.Minute, "0": 0, "-36h": -36 * time.Hour} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%q: %v %v, want %v", text, time.Duration(s), err, want)
		}
	}
	for _, text := range []string{"", "x", "1e300", "d", "NaN", "Inf", "2 weeks"} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, time.Duration(s))
		}
	}
}

// FuzzConfig hands any text to the reader of the settings: it is read, or
// refused with a line of the file.
func FuzzConfig(f *testing.F) {
	f.Add("listen = localhost:0\nkeep = 3 # days\n")
	f.Add("keep = 31")
	f.Add("= =\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(file)
		if err != nil {
			if f := failureOf(err); f.status != exitUsage || !strings.Contains(f.Text, " line ") || f.Hint == "" {
				t.Fatalf("%+v", f)
			}
			return
		}
		if c.Keep < 0 || c.Keep > 30 || c.check() != nil {
			t.Fatalf("%+v", c)
		}
	})
}
