// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// page builds the web app and tests it: its types, its lint rules, its texts
// without a browser, then everything in a real one against the real programs.
// Without the app the rest would test the one before, so it does not run.
func (r *run) page() {
	built := false
	r.check("the web app", func() (string, error) {
		out, err := r.command(nil, "go", "run", "./scripts/web")
		built = err == nil
		return out, err
	})
	if !built {
		return
	}
	r.check("svelte-check", func() (string, error) { return r.command(nil, "npm", "--prefix", "web", "run", "check") })
	r.check("eslint", func() (string, error) { return r.command(nil, "npm", "--prefix", "web", "run", "lint") })
	r.playwright("the web app's functions", "test")
	built = false
	r.check("the programs with the web app", func() (string, error) {
		out, err := r.command(nil, "go", "build", "-trimpath", "-o", "bin/", "./cmd/clariond", "./cmd/clarion")
		built = err == nil
		return out, err
	})
	if built {
		r.playwright("two browsers", ".")
	}
}

// playwright runs the specifications of one configuration below web and counts
// each. Those that were skipped, or passed only when tried again, failed.
func (r *run) playwright(name, config string) {
	if r.ctx.Err() != nil {
		return
	}
	r.begin(name)
	cmd := r.prepare([]string{"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1", "NO_COLOR=1", "FORCE_COLOR=0"}, "node_modules/.bin/playwright", "test", "-c", config, "--reporter=json")
	cmd.Dir = "web"
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	countSpecs(name, out.Bytes(), stderr.String(), err, r)
}

// report is what Playwright's JSON reporter prints, as far as it is looked at.
type report struct {
	Suites []suite
	Errors []failure
	Stats  struct{ Duration float64 }
}

type suite struct {
	Title, File string
	Suites      []suite
	Specs       []spec
}

type spec struct {
	Title string
	Line  int
	Tests []struct {
		ProjectName string
		Status      string // expected, unexpected, flaky, skipped
		Results     []struct {
			Status string
			Errors []failure
			Stdout []struct{ Text string }
			Stderr []struct{ Text string }
		}
	}
}

type failure struct{ Message, Snippet string }

// countSpecs tells the sink of each test in a report, and of a run that ended
// badly without one that says so.
func countSpecs(name string, out []byte, stderr string, err error, to sink) {
	var all report
	if at := bytes.IndexByte(out, '{'); at < 0 || json.Unmarshal(out[at:], &all) != nil {
		to.fail(name, string(out)+stderr+"\nthere is no report")
		return
	}
	passed, failed := 0, 0
	for _, s := range all.Suites {
		p, f := s.count(name, s.File, to)
		passed, failed = passed+p, failed+f
	}
	for _, e := range all.Errors {
		failed++
		to.fail(name, plainText(e.Message+"\n"+e.Snippet))
	}
	switch {
	case passed+failed == 0:
		to.fail(name, stderr+"\nno test ran")
	case failed == 0 && err != nil:
		to.fail(name, stderr+"\n"+err.Error())
	}
	to.say("   %s: %d tests, %.1f s", name, passed+failed, all.Stats.Duration/1000)
}

// count tells of the tests in a suite and those below.
func (s suite) count(name, path string, to sink) (passed, failed int) {
	for _, below := range s.Suites {
		p, f := below.count(name, path+" › "+below.Title, to)
		passed, failed = passed+p, failed+f
	}
	for _, sp := range s.Specs {
		for _, t := range sp.Tests {
			if t.Status == "expected" {
				passed++
				to.pass(1)
				continue
			}
			failed++
			var said strings.Builder
			fmt.Fprintf(&said, "%s\n", t.Status)
			for _, result := range t.Results {
				for _, e := range result.Errors {
					fmt.Fprintf(&said, "%s\n%s\n", e.Message, e.Snippet)
				}
				for _, line := range append(result.Stdout, result.Stderr...) {
					said.WriteString(line.Text)
				}
			}
			to.fail(fmt.Sprintf("%s: %s:%d %s", name, path, sp.Line, sp.Title), plainText(said.String()))
		}
	}
	return passed, failed
}

// plainText is a text without the colours of a terminal.
func plainText(s string) string { return regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(s, "") }
