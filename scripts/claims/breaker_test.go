// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small is a tree with one package, one test that looks at it, one that does
// not, one that fails by itself and one that hangs when the fact is broken.
func small(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/small\n\ngo 1.24\n",
		"a/a.go": "package a\n\nfunc Two() int { return 2 }\n",
		"a/a_test.go": `package a

import "testing"

func TestTwo(t *testing.T) {
	if Two() != 2 {
		t.Error("not two")
	}
}

func TestNothing(t *testing.T) {}

func TestFails(t *testing.T) { t.Error("always") }

func TestHangs(t *testing.T) {
	for Two() != 2 {
	}
}
`,
		"bin/built": "what was built stays behind",
	} {
		place := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// TestBreaking: a break that its test sees is ok; one that it does not see, one
// that is no break and one that cannot be tried are told apart, and the tree
// stays as it is.
func TestBreaking(t *testing.T) {
	tree := small(t)
	entries := []entry{
		{"seen", "a/a.go", "return 2", "return 3", "a.TestTwo"},
		{"unseen", "a/a.go", "return 2", "return 3", "a.TestNothing"},
		{"no break", "a/a.go", "return 2", "return 1 + 1", "a.TestTwo"},
		{"gone", "a/a.go", "return 7", "return 3", "a.TestTwo"},
		{"no Go", "a/a.go", "return 2", "return \"\"", "a.TestTwo"},
		{"fails", "a/a.go", "return 2", "return 3", "a.TestFails"},
		{"hangs", "a/a.go", "return 2", "return 3", "a.TestHangs"},
		{"no test", "a/a.go", "return 2", "return 3", "a.TestGone"},
		{"no file", "a/b.go", "return 2", "return 3", "a.TestTwo"},
	}
	want := map[string]string{"seen": seenWord, "unseen": unseen, "no break": unseen, "gone": faultWord, "no Go": faultWord, "fails": faultWord,
		"hangs": faultWord, "no test": faultWord, "no file": faultWord}
	b, err := newBreaker(tree, entries, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if _, err := os.Stat(filepath.Join(b.tree, "bin")); err == nil {
		t.Error("what was built was copied too")
	}
	for _, e := range entries {
		b.limit = 20 * time.Second
		if e.fact == "hangs" {
			b.limit = 3 * time.Second
		}
		if v := b.try(t.Context(), e); v.word != want[e.fact] {
			t.Errorf("%s: %s %s, want %s\n%s", e.fact, v.word, v.what, want[e.fact], v.detail)
		}
	}
	for _, place := range []string{tree, b.tree} {
		if text, err := os.ReadFile(filepath.Join(place, "a", "a.go")); err != nil || !strings.Contains(string(text), "return 2 }") {
			t.Errorf("afterwards the file is %q (%v)", text, err)
		}
	}
}

// TestRunIsAsGoodAsItsWorst: one break that nobody saw, or none at all, and the
// run as a whole did not pass; each entry has its line.
func TestRunIsAsGoodAsItsWorst(t *testing.T) {
	tree := small(t)
	good := entry{"seen", "a/a.go", "return 2", "return 3", "a.TestTwo"}
	bad := entry{"unseen", "a/a.go", "return 2", "return 3", "a.TestNothing"}
	for _, c := range []struct {
		entries []entry
		passes  bool
		last    string
	}{
		{[]entry{good}, true, "claims: 1 broken, 1 seen"},
		{[]entry{bad, good}, false, "claims: 2 broken, 1 seen"},
		{nil, false, "claims: 0 broken, 0 seen"},
	} {
		var lines []string
		passes := run(t.Context(), tree, c.entries, 20*time.Second, func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) })
		if passes != c.passes || len(lines) != len(c.entries)+1 || lines[len(lines)-1] != c.last {
			t.Errorf("of %d entries the run passes: %v, saying %q", len(c.entries), passes, lines)
		}
	}
}

// TestSpecOutcome reads what Playwright reports.
func TestSpecOutcome(t *testing.T) {
	report := `some words {"suites":[{"title":"x","suites":[{"specs":[{"title":"it works well","tests":[{"status":"%s"}]}]}]}]}`
	for status, want := range map[string]outcome{"expected": passed, "unexpected": failed, "flaky": neither, "skipped": neither} {
		if got, said := specOutcome(fmt.Appendf(nil, report, status), "it works", nil); got != want {
			t.Errorf("%s counts as %d (%s)", status, got, said)
		}
	}
	for _, out := range []string{"", "no report", fmt.Sprintf(report, "expected")} {
		if got, _ := specOutcome([]byte(out), "another", nil); got != neither {
			t.Errorf("%q counts as %d", out, got)
		}
	}
}
