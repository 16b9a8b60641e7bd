// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// target is one fuzz target.
type target struct{ folder, name string }

// targets lists the fuzz targets below root, their folders from there, by
// reading the sources: asking go test would compile every package once more.
func targets(root string) ([]target, error) {
	head := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)
	var all []target
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range head.FindAllSubmatch(b, -1) {
			all = append(all, target{filepath.ToSlash(folder), string(m[1])})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.folder+" "+a.name, b.folder+" "+b.name) })
	return all, err
}

// fuzz runs each fuzz target for a while. A finding leaves its input in the
// package's testdata, from where every later go test tries it again.
func (r *run) fuzz(each time.Duration) {
	all, err := targets(".")
	if err == nil && len(all) == 0 {
		err = errors.New("there is no fuzz target")
	}
	if err != nil {
		r.fail("fuzz", err.Error())
		return
	}
	for _, t := range all {
		r.check("fuzz "+t.folder+" "+t.name, func() (string, error) {
			out, err := r.fuzzOne(t, each)
			for range 3 {
				if err == nil || !deadlineRace(out) {
					break
				}
				r.say("   again: go test took the end of the time for a failure")
				out, err = r.fuzzOne(t, each)
			}
			return out, err
		})
	}
}

func (r *run) fuzzOne(t target, each time.Duration) (string, error) {
	out, err := r.command(nil, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), "./"+t.folder)
	if err == nil && (strings.Contains(out, "no fuzz tests") || !strings.Contains(out, "PASS")) {
		err = errors.New("the target did not run")
	}
	return out, err
}

// deadlineRace reports whether a run failed by nothing but Go's own fault that
// -fuzztime's end is sometimes reported as one (go.dev/issue/75804, mended in
// Go 1.27). A true finding names its input or a line of source.
func deadlineRace(out string) bool {
	return strings.Contains(out, "\n    context deadline exceeded\n") && !strings.Contains(out, "ailing input") &&
		!strings.Contains(out, "panic") && !strings.Contains(out, ".go:")
}
