// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// requirement is a program that the tests need beside Go.
type requirement struct {
	program  string
	packages []string // Debian's
	why      string
	least    int // major version, 0 for any
	optional bool
}

func needed() []requirement {
	return []requirement{
		{program: "gcc", packages: []string{"gcc", "libc6-dev"}, why: "the race detector"},
		{program: "node", packages: []string{"nodejs"}, why: "the core's tests as WebAssembly", least: 20},
		{program: "brotli", packages: []string{"brotli"}, why: "measuring the core's size", optional: true},
	}
}

// requirements reports whether all that must be there is. As root it installs
// what is missing; else it prints the line that does.
func (r *run) requirements() bool {
	r.begin("requirements")
	missing := r.missing()
	if len(missing) == 0 {
		return true
	}
	var packages []string
	for _, m := range missing {
		packages = append(packages, m.packages...)
	}
	if apt, err := exec.LookPath("apt-get"); err == nil && os.Geteuid() == 0 {
		for _, args := range [][]string{{"update"}, append([]string{"install", "-y", "--no-install-recommends"}, packages...)} {
			if out, err := r.command([]string{"DEBIAN_FRONTEND=noninteractive"}, apt, args...); err != nil {
				r.say("apt-get %s: %v\n%s", args[0], err, out)
			}
		}
		missing = r.missing()
	}
	enough := true
	for _, m := range missing {
		what := m.program
		if m.least > 0 {
			what += " " + strconv.Itoa(m.least) + " or later"
		}
		if m.optional {
			r.say("note: %s is missing; without it there is no %s", what, m.why)
			continue
		}
		enough = false
		r.say("error: missing_requirement: %s is missing; it is needed for %s", what, m.why)
	}
	if !enough {
		r.say("hint: sudo apt-get install -y %s", strings.Join(packages, " "))
	}
	return enough
}

// missing returns the requirements that are not met.
func (r *run) missing() []requirement {
	var all []requirement
	for _, m := range needed() {
		if _, err := exec.LookPath(m.program); err != nil {
			all = append(all, m)
			continue
		}
		if m.least == 0 {
			continue
		}
		if out, err := r.command(nil, m.program, "--version"); err != nil || major(out) < m.least {
			all = append(all, m)
		}
	}
	return all
}

// major reads the first number of a version, 0 when there is none.
func major(version string) int {
	n, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(version))
	if err != nil {
		return 0
	}
	return n
}
