// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// silence is the longest time without a line.
const silence = 5 * time.Second

// run is one run of everything: the count, and what is shown of it.
type run struct {
	ctx  context.Context
	stop func() // ends the goroutine that breaks silences, and waits for it

	mu     sync.Mutex // guards what follows, and writing to out
	out    io.Writer
	last   time.Time // of the last line
	doing  string    // what a line after silence names
	since  time.Time // of doing
	passed int
	failed int
	names  []string // of what failed
}

func newRun(ctx context.Context, out io.Writer) *run {
	r := &run{ctx: ctx, out: out, last: time.Now()}
	done, ended := make(chan struct{}), make(chan struct{})
	r.stop = sync.OnceFunc(func() {
		close(done)
		<-ended
	})
	go func() {
		defer close(ended)
		r.breakSilence(done)
	}()
	return r
}

// breakSilence says every few seconds what goes on, until done is closed.
func (r *run) breakSilence(done <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			r.mu.Lock()
			if time.Since(r.last) >= silence {
				r.line("  … %s: %d s; %d passed, %d failed so far", r.doing, int(time.Since(r.since).Seconds()), r.passed, r.failed)
			}
			r.mu.Unlock()
		}
	}
}

// line prints one line; r.mu is held.
func (r *run) line(format string, args ...any) {
	fmt.Fprintf(r.out, format+"\n", args...)
	r.last = time.Now()
}

// begin names what goes on from now on.
func (r *run) begin(doing string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doing, r.since = doing, time.Now()
	r.line("== %s", doing)
}

func (r *run) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(format, args...)
}

func (r *run) pass(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passed += n
}

// fail counts one failure and shows its output.
func (r *run) fail(name, output string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	r.names = append(r.names, name)
	r.line("FAILED %s", name)
	if output = strings.TrimRight(output, "\n"); output != "" {
		r.line("%s", "    "+strings.ReplaceAll(output, "\n", "\n    "))
	}
}

// check runs something that passes or fails as a whole.
func (r *run) check(name string, f func() (output string, err error)) {
	if r.ctx.Err() != nil {
		return
	}
	r.begin(name)
	output, err := f()
	if err != nil {
		r.fail(name, output+"\n"+err.Error())
		return
	}
	r.pass(1)
}

// command runs a program with additions to the environment and returns all it
// printed. It is an error unless the program ends with 0.
func (r *run) command(env []string, name string, args ...string) (string, error) {
	out, err := r.prepare(env, name, args...).CombinedOutput()
	return string(out), err
}

// prepare makes a command that is interrupted with the run, so that it can end
// what it started itself.
func (r *run) prepare(env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (r *run) gofmt() (string, error) {
	out, err := r.command(nil, "gofmt", "-l", ".")
	if err == nil && strings.TrimSpace(out) != "" {
		err = errors.New("these files are not formatted: run gofmt -w on them")
	}
	return out, err
}

// staticcheck builds the tool of tools/go.mod, which costs a minute once and
// nothing afterwards, and runs it.
func (r *run) staticcheck() (string, error) {
	if out, err := r.command(nil, "go", "build", "-C", "tools", "-o", "../bin/staticcheck", "honnef.co/go/tools/cmd/staticcheck"); err != nil {
		return out, err
	}
	return r.command(nil, "bin/staticcheck", "./...")
}

// wasmRunner is what go test runs WebAssembly with. The program's arguments and
// environment must fit in a few KiB, so it gets an environment of its own.
// Node 20 has the browser's WebSocket behind an option; later ones have it.
func (r *run) wasmRunner() string {
	root, err := r.command(nil, "go", "env", "GOROOT")
	if err != nil {
		r.fail("go env GOROOT", root+err.Error())
	}
	quoted := []string{"env", "-i", "NODE_OPTIONS=--experimental-websocket"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "CI"} {
		if value, ok := os.LookupEnv(name); ok {
			quoted = append(quoted, "'"+name+"="+value+"'")
		}
	}
	return strings.Join(append(quoted, "'"+strings.TrimSpace(root)+"/lib/wasm/go_js_wasm_exec'"), " ")
}

// goTest runs go test and counts each test by what it reports. Of every, each
// package must have tests.
func (r *run) goTest(name string, every bool, env []string, args ...string) {
	if r.ctx.Err() != nil {
		return
	}
	r.begin(name)
	cmd := r.prepare(env, "go", append([]string{"test", "-json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.fail(name, err.Error())
		return
	}
	c := newCounter(name, r)
	c.read(out)
	err = cmd.Wait()
	c.end(err, stderr.String())
	if every {
		c.wantTests()
	}
}
