// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build events
	FailedBuild string
	Test        string
	Output      string
	Elapsed     float64
}

// counter follows the events of one go test.
type counter struct {
	name     string
	to       sink
	packages map[string]*tested
	builds   map[string]string // what the compiler said, by its ImportPath
	stray    strings.Builder   // lines that are no events
	failed   int
}

// sink is told of what passed and failed.
type sink interface {
	pass(n int)
	fail(name, output string)
	say(format string, args ...any)
}

// tested is one package under test.
type tested struct {
	output  map[string]*strings.Builder // of tests that run; "" is the package's own
	passed  int
	failed  int
	ended   bool
	untried bool // has no tests
}

func newCounter(name string, to sink) *counter {
	return &counter{name: name, to: to, packages: map[string]*tested{}, builds: map[string]string{}}
}

// read takes all events.
func (c *counter) read(from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &e) == nil {
			c.event(e)
		} else {
			c.stray.WriteString(line)
		}
		if err != nil {
			return
		}
	}
}

func (c *counter) event(e event) {
	if e.Action == "build-output" {
		c.builds[e.ImportPath] += e.Output
	}
	if e.Package == "" {
		return
	}
	p := c.packages[e.Package]
	if p == nil {
		p = &tested{output: map[string]*strings.Builder{}}
		c.packages[e.Package] = p
	}
	switch {
	case e.Action == "run" || e.Action == "output":
		if p.output[e.Test] == nil {
			p.output[e.Test] = &strings.Builder{}
		}
		p.output[e.Test].WriteString(e.Output)
	case e.Test == "":
		c.packageEnded(e, p)
	case e.Action == "pass":
		p.passed++
		c.to.pass(1)
		delete(p.output, e.Test)
	case e.Action == "fail":
		c.fail(e.Package, e.Test, p)
	case e.Action == "skip":
		p.output[e.Test].WriteString("skipped, which counts as failed\n")
		c.fail(e.Package, e.Test, p)
	}
}

// fail counts a test that failed.
func (c *counter) fail(name, test string, p *tested) {
	p.failed++
	c.failed++
	output := ""
	if p.output[test] != nil {
		output = p.output[test].String()
	}
	delete(p.output, test)
	c.to.fail(c.name+": "+name+" "+test, output)
}

// packageEnded takes the event that ends a package. In one that failed, tests
// that never ended failed too; when no test did, the package itself counts.
func (c *counter) packageEnded(e event, p *tested) {
	switch e.Action {
	case "pass":
		c.to.say("   ok %s: %d tests, %.1f s", e.Package, p.passed, e.Elapsed)
	case "skip":
		p.untried = true
	case "fail":
		if e.FailedBuild != "" {
			p.output[""] = &strings.Builder{}
			p.output[""].WriteString(c.builds[e.FailedBuild])
		}
		for _, test := range slices.Sorted(maps.Keys(p.output)) {
			if test != "" {
				p.output[test].WriteString("did not end\n")
				c.fail(e.Package, test, p)
			}
		}
		if p.failed == 0 {
			c.fail(e.Package, "", p)
		}
	default:
		return
	}
	p.ended = true
}

// end closes the count with how go test itself ended.
func (c *counter) end(err error, stderr string) {
	tests := 0
	for _, name := range slices.Sorted(maps.Keys(c.packages)) {
		p := c.packages[name]
		tests += p.passed + p.failed
		if !p.ended {
			c.fail(name, "(the package did not end)", p)
		}
	}
	said := strings.TrimSpace(c.stray.String() + stderr)
	switch {
	case err != nil && c.failed == 0:
		c.failed++
		c.to.fail(c.name, said+"\n"+err.Error())
	case tests == 0:
		c.failed++
		c.to.fail(c.name, said+"\nno test ran")
	}
}

// wantTests fails every package that ran none.
func (c *counter) wantTests() {
	for _, name := range slices.Sorted(maps.Keys(c.packages)) {
		if p := c.packages[name]; p.untried || (p.ended && p.passed+p.failed == 0) {
			c.fail(name, "(the package has no tests)", p)
		}
	}
}
