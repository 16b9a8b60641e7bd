// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"clarion.chat/clarion/clariontest/chromium"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer stop()
	status, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		status = max(status, 1)
	}
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string) (status int, err error) {
	if len(args) == 0 {
		return 2, errors.New("name a program: browser FILE.wasm [ARGUMENT…]")
	}
	profile, err := os.MkdirTemp("", "clarion-browser-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, removeAll(profile)) }()
	host, err := chromium.NewHost()
	if err != nil {
		return 1, err
	}
	defer host.Close()
	b, err := chromium.Launch(ctx, profile)
	if err != nil {
		return 1, err
	}
	defer b.Kill()
	r := host.Add(args[0], arguments(args[1:]), environment(), os.Stdout)
	if _, err := b.Open(ctx, r.URL); err != nil {
		return 1, err
	}
	select {
	case <-r.Exited():
		return r.Status(), nil
	case <-b.Exited():
		return 1, fmt.Errorf("chromium ended before the program did: %s", b.Said())
	case <-ctx.Done():
		return 1, ctx.Err()
	}
}

// arguments leaves out what go test adds and a browser has no file for.
func arguments(args []string) []string {
	var kept []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-test.testlogfile=") && !strings.HasPrefix(a, "-test.gocoverdir=") {
			kept = append(kept, a)
		}
	}
	return kept
}

// environment hands on only what a test asks for: a page's program holds a few
// KiB of it.
func environment() map[string]string {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "CLARION_") {
			env[name] = value
		}
	}
	return env
}

// removeAll removes the profile. Helpers of the browser that outlive it for a
// moment may still write there.
func removeAll(profile string) error {
	var err error
	for range 50 {
		if err = os.RemoveAll(profile); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}
