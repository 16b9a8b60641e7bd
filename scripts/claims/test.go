// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// goTests lists the files of Go's tests.
func goTests(tree string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(tree, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case strings.HasSuffix(name, "_test.go"):
			all = append(all, name)
		}
		return nil
	})
	return all, err
}

// testGo builds a package's tests and runs one: what does not build is no test
// that fails. Paths are trimmed, so that what is not broken comes from Go's
// cache, wherever the copy lies.
func (b *breaker) testGo(ctx context.Context, folder, function string) (outcome, string) {
	binary := filepath.Join(b.folder, "run.test")
	if out, err := command(ctx, folder, nil, "go", "test", "-c", "-trimpath", "-o", binary, "."); err != nil {
		return neither, out + err.Error()
	}
	out, err := command(ctx, folder, nil, binary, "-test.v", "-test.run=^"+function+"$", "-test.timeout="+b.limit.String())
	switch {
	case ctx.Err() != nil || strings.Contains(out, "panic: test timed out"):
		return neither, out + "\nit did not end"
	case err == nil && strings.Contains(out, "--- PASS: "+function+" ("):
		return passed, out
	case err != nil && strings.Contains(out, "--- FAIL: "+function+" ("):
		return failed, out
	}
	return neither, out
}

// testPage runs one of the page's tests: those below web/test need no more than
// the compiled messages, those below web/e2e the page and both programs. The
// whole file runs, because its tests may go on from each other.
func (b *breaker) testPage(ctx context.Context, spec, title string) (outcome, string) {
	web, config := filepath.Join(b.tree, "web"), "."
	steps := [][]string{{"go", "run", "./scripts/web"}, {"go", "build", "-trimpath", "-o", "bin/", "./cmd/clariond", "./cmd/clarion"}}
	if strings.HasPrefix(spec, "web/test/") {
		config, steps = "test", [][]string{{"npm", "--prefix", "web", "run", "messages"}}
	}
	for _, s := range steps {
		if out, err := command(ctx, b.tree, nil, s[0], s[1:]...); err != nil {
			return neither, out + err.Error()
		}
	}
	out, err := command(ctx, web, []string{"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1", "NO_COLOR=1", "FORCE_COLOR=0"},
		"node_modules/.bin/playwright", "test", "-c", config, "--reporter=json", regexp.QuoteMeta(filepath.Base(spec)))
	return specOutcome([]byte(out), title, err)
}

// suite is what is looked at of Playwright's report.
type suite struct {
	Suites []suite
	Specs  []struct {
		Title string
		Tests []struct{ Status string }
	}
}

// specOutcome finds the test whose title begins so in a report.
func specOutcome(out []byte, title string, err error) (outcome, string) {
	var all suite
	if at := bytes.IndexByte(out, '{'); at < 0 || json.Unmarshal(out[at:], &all) != nil {
		text := "there is no report: " + string(out)
		if err != nil {
			text += err.Error()
		}
		return neither, text
	}
	status := all.find(title)
	switch status {
	case "expected":
		return passed, ""
	case "unexpected":
		return failed, ""
	}
	return neither, "the test " + title + " was " + status + ": " + string(out)
}

func (s suite) find(title string) string {
	for _, below := range s.Suites {
		if status := below.find(title); status != "not found" {
			return status
		}
	}
	for _, sp := range s.Specs {
		if strings.HasPrefix(sp.Title, title) && len(sp.Tests) == 1 {
			return sp.Tests[0].Status
		}
	}
	return "not found"
}

// command runs a program in a folder and returns what it printed.
func command(ctx context.Context, folder string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
