// SPDX-License-Identifier: AGPL-3.0-or-later

package need

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Program is a program that is needed.
type Program struct {
	Name     string
	Places   string   // where it may stand, off the PATH: a pattern
	Packages []string // Debian's
	Why      string
	Least    string // version, "20" or "20.19"; empty for any
	Optional bool   // without it less is done, and nothing fails
}

// Node is what builds the web app: Vite 8 runs from 20.19 on.
func Node() []Program {
	return []Program{
		{Name: "node", Packages: []string{"nodejs"}, Why: "building the web app", Least: "20.19"},
		{Name: "npm", Packages: []string{"npm"}, Why: "building the web app"},
	}
}

// Met reports whether all that must be there is. As root it installs what is
// missing; else say is told the line that does. Programs end with 3 then.
func Met(ctx context.Context, programs []Program, say func(format string, args ...any)) bool {
	missing := without(ctx, programs)
	if len(missing) == 0 {
		return true
	}
	var packages []string
	for _, m := range missing {
		for _, p := range m.Packages {
			if !slices.Contains(packages, p) {
				packages = append(packages, p)
			}
		}
	}
	if apt, err := exec.LookPath("apt-get"); err == nil && os.Geteuid() == 0 {
		say("installing %s", strings.Join(packages, ", "))
		for _, args := range [][]string{{"update"}, append([]string{"install", "-y", "--no-install-recommends"}, packages...)} {
			cmd := exec.CommandContext(ctx, apt, args...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if out, err := cmd.CombinedOutput(); err != nil {
				say("apt-get %s: %v\n%s", args[0], err, out)
			}
		}
		missing = without(ctx, programs)
	}
	enough := true
	for _, m := range missing {
		what := m.Name
		if m.Least != "" {
			what += " " + m.Least + " or later"
		}
		if m.Optional {
			say("note: %s is missing; without it there is no %s", what, m.Why)
			continue
		}
		enough = false
		say("error: missing_requirement: %s is missing; it is needed for %s", what, m.Why)
		if m.Name == "node" {
			say("hint: where Debian's nodejs is older, https://nodejs.org has a newer one")
		}
	}
	if !enough {
		say("hint: sudo apt-get install -y %s", strings.Join(packages, " "))
	}
	return enough
}

// without returns those that are not there, or too old.
func without(ctx context.Context, programs []Program) []Program {
	var all []Program
	for _, p := range programs {
		if !p.present() {
			all = append(all, p)
			continue
		}
		if p.Least == "" {
			continue
		}
		if out, err := exec.CommandContext(ctx, p.Name, "--version").Output(); err != nil || older(string(out), p.Least) {
			all = append(all, p)
		}
	}
	return all
}

// present reports whether the program is on the PATH or in its places.
func (p Program) present() bool {
	if _, err := exec.LookPath(p.Name); err == nil {
		return true
	}
	if p.Places == "" {
		return false
	}
	found, err := filepath.Glob(filepath.Join(p.Places, p.Name))
	return err == nil && len(found) > 0
}

// older reports whether a version as a program prints it comes before another.
// What has no number is older than anything.
func older(version, least string) bool {
	have := numbers(version)
	for i, want := range numbers(least) {
		switch {
		case i >= len(have) || have[i] < want:
			return true
		case have[i] > want:
			return false
		}
	}
	return false
}

// numbers reads the first version that stands in a text: 20.19.2 is 20, 19, 2.
func numbers(text string) []int {
	var all []int
	for part := range strings.SplitSeq(regexp.MustCompile(`\d+(\.\d+)*`).FindString(text), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return all
		}
		all = append(all, n)
	}
	return all
}
