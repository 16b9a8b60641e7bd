// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"clarion.chat/clarion/scripts/need"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if !need.Met(ctx, need.Node(), say) {
		os.Exit(3)
	}
	if err := build(ctx, say); err != nil {
		fmt.Fprintln(os.Stderr, "error: build_failed:", err)
		os.Exit(1)
	}
}

// build does the three steps that are due.
func build(ctx context.Context, say func(string, ...any)) error {
	modules := step{name: "npm", made: []string{"web/node_modules/.package-lock.json"}, from: []string{"web/package.json", "web/package-lock.json", "web/.npmrc"}}
	err := modules.do(func() error {
		say("fetching the web app's packages")
		return run(ctx, "web", "npm", "ci", "--no-progress")
	})
	if err != nil {
		return err
	}
	// Go knows itself whether the core is as its sources.
	if err := run(ctx, ".", "go", "run", "./scripts/core"); err != nil {
		return err
	}
	page := step{name: "page", made: []string{"web/dist"}, from: []string{
		"web/src", "web/messages", "web/project.inlang/settings.json", "web/public", "web/index.html", "web/package.json", "web/package-lock.json",
		"web/vite.config.ts", "web/svelte.config.js", "web/tsconfig.json", "web/scripts/release.mjs", "web/dist-core",
	}}
	return page.do(func() error {
		say("building the page")
		return run(ctx, "web", "npm", "run", "build")
	})
}

// run runs a program and shows what it said when it failed. A warning of the
// page's build that a message is missing is a failure: the page would show
// nothing in its place.
func run(ctx context.Context, folder, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	out = regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAll(out, nil) // some tools colour whatever they are told
	if err == nil && strings.Contains(string(out), "IMPORT_IS_UNDEFINED") {
		err = errors.New("a name is imported that does not exist")
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}
