// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// requirement is a program that the tests need beside Go.
type requirement struct {
	program  string
	places   string   // where it may stand, off the PATH: a pattern
	packages []string // Debian's
	why      string
	least    int // major version, 0 for any
	optional bool
}

func needed() []requirement {
	return []requirement{
		{program: "gcc", packages: []string{"gcc", "libc6-dev"}, why: "the race detector"},
		{program: "node", packages: []string{"nodejs"}, why: "the core's tests as WebAssembly", least: 20},
		{program: "chromium", packages: []string{"chromium"}, why: "the vault in a browser's IndexedDB, and the web app"},
		{program: "postgres", places: "/usr/lib/postgresql/*/bin", packages: []string{"postgresql-15"}, why: "the store's SQL on PostgreSQL"},
		{program: "initdb", places: "/usr/lib/postgresql/*/bin", packages: []string{"postgresql-15"}, why: "the store's SQL on PostgreSQL"},
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
		for _, p := range m.packages {
			if !slices.Contains(packages, p) {
				packages = append(packages, p)
			}
		}
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
		if !m.present() {
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

// present reports whether the program is on the PATH or in its places.
func (m requirement) present() bool {
	if _, err := exec.LookPath(m.program); err == nil {
		return true
	}
	if m.places == "" {
		return false
	}
	found, err := filepath.Glob(filepath.Join(m.places, m.program))
	return err == nil && len(found) > 0
}

// major reads the first number of a version, 0 when there is none.
func major(version string) int {
	n, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(version))
	if err != nil {
		return 0
	}
	return n
}
