// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Words of a verdict.
const (
	seenWord  = "ok"
	unseen    = "UNSEEN"
	faultWord = "FAULT"
)

// verdict is what came of breaking one fact.
type verdict struct{ word, what, detail string }

func faulty(what, detail string) verdict { return verdict{faultWord, what, detail} }

// outcome is how one run of a test went.
type outcome int

const (
	passed outcome = iota
	failed
	neither // it did not build, run or end
)

// breaker owns a copy of the tree, in which one fact at a time is broken.
type breaker struct {
	folder string // holds the copy and what is built from it
	tree   string
	limit  time.Duration
	whole  map[string]verdict // of each test on the unbroken copy: none, or the fault
}

func newBreaker(root string, entries []entry, limit time.Duration) (*breaker, error) {
	folder, err := os.MkdirTemp("", "clarion-claims-")
	if err != nil {
		return nil, err
	}
	b := &breaker{folder: folder, tree: filepath.Join(folder, "tree"), limit: limit, whole: map[string]verdict{}}
	page := false
	for _, e := range entries {
		page = page || strings.Contains(e.test, ".spec.ts: ")
	}
	if err := copyTree(root, b.tree, page); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *breaker) close() { _ = os.RemoveAll(b.folder) }

// try breaks one fact, runs its test and mends it.
func (b *breaker) try(ctx context.Context, e entry) verdict {
	if _, known := b.whole[e.test]; !known {
		b.whole[e.test] = b.unbroken(ctx, e.test)
	}
	if v := b.whole[e.test]; v.word != "" {
		return v
	}
	file := filepath.Join(b.tree, filepath.FromSlash(e.file))
	before, err := os.ReadFile(file)
	if err != nil {
		return faulty("cannot be tried", err.Error())
	}
	after, err := edited(string(before), e)
	if err == nil {
		err = os.WriteFile(file, []byte(after), 0o644)
	}
	if err != nil {
		return faulty("cannot be tried", err.Error())
	}
	how, said := b.test(ctx, e.test)
	if err := os.WriteFile(file, before, 0o644); err != nil {
		return faulty("leaves the copy broken", err.Error())
	}
	switch how {
	case failed:
		return verdict{seenWord, "fails", ""}
	case passed:
		return verdict{unseen, "passes all the same", ""}
	}
	return faulty("did not build, run or end", said)
}

// unbroken runs a test on the copy as it is.
func (b *breaker) unbroken(ctx context.Context, test string) verdict {
	how, said := b.test(ctx, test)
	if how != passed {
		return faulty("does not pass unbroken", said)
	}
	return verdict{}
}

// edited is a text in which an entry's place is changed.
func edited(text string, e entry) (string, error) {
	if strings.Count(text, e.old) != 1 {
		return "", fmt.Errorf("%s: %w: %q", e.file, errGone, e.old)
	}
	return strings.Replace(text, e.old, e.new, 1), nil
}

// test runs one test, as a claim names it, in the copy.
func (b *breaker) test(ctx context.Context, name string) (outcome, string) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	if spec, title, page := strings.Cut(name, ": "); page && strings.HasSuffix(spec, ".spec.ts") {
		return b.testPage(ctx, spec, title)
	}
	room, function, ok := strings.Cut(name, ".")
	if !ok {
		return neither, "no test is named " + name
	}
	folder, err := findTest(b.tree, room, function)
	if err != nil {
		return neither, err.Error()
	}
	return b.testGo(ctx, folder, function)
}

// errNoTest is a test that no file of the tree has.
var errNoTest = errors.New("the tree has no such test")

// findTest returns the folder of a test of Go: its package is named by its last
// word or by its folder's.
func findTest(tree, room, function string) (string, error) {
	var found string
	files, err := goTests(tree)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		folder, text := filepath.Dir(file), "\n"+string(b)
		named := filepath.Base(folder) == room || strings.Contains(text, "\npackage "+room+"\n") || strings.Contains(text, "\npackage "+room+"_test\n")
		if named && strings.Contains(text, "\nfunc "+function+"(t *testing.T) {") {
			found = folder
		}
	}
	if found == "" {
		return "", fmt.Errorf("%s.%s: %w", room, function, errNoTest)
	}
	return found, nil
}
