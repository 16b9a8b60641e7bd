// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// record is a sink that keeps what it is told.
type record struct {
	passed int
	failed []string
}

func (r *record) pass(n int)               { r.passed += n }
func (r *record) fail(name, output string) { r.failed = append(r.failed, name+"\n"+output) }
func (r *record) say(string, ...any)       {}

// count runs go test on a module of one test file and one source file, and
// counts it as a run would.
func count(t *testing.T, source, test string) *record {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n\ngo 1.26\n", "x.go": source, "x_test.go": test} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	got := &record{}
	c := newCounter("sample", got)
	c.read(strings.NewReader(string(out)))
	var stderr string
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		stderr = string(exit.Stderr)
	}
	c.end(err, stderr)
	c.wantTests()
	return got
}

const head = "package x\nimport (\"testing\"; \"os\"; \"time\")\nvar _, _ = os.Exit, time.Now\n"

func TestCountOfRealRuns(t *testing.T) {
	for name, tc := range map[string]struct {
		source, test string
		passed       int
		failed       []string // words of each failure, in order
	}{
		"passing": {"package x\n", head + `func TestA(t *testing.T) { t.Run("b", func(*testing.T) {}); t.Run("c", func(*testing.T) {}) }`, 3, nil},
		"failing": {"package x\n", head + `func TestA(t *testing.T) { t.Run("b", func(t *testing.T) { t.Error("words") }) }; func TestB(*testing.T) {}`,
			1, []string{"TestA/b\n=== RUN", "TestA\n=== RUN"}},
		"skipped":               {"package x\n", head + `func TestA(t *testing.T) { t.S` + `kip("why") }`, 0, []string{"skipped, which counts as failed"}},
		"does not build":        {"package x\nfunc f() { undefined() }\n", head, 0, []string{"undefined: undefined"}},
		"test does not build":   {"package x\n", head + "func TestA(t *testing.T) { undefined() }", 0, []string{"undefined: undefined"}},
		"does not parse":        {"packge x\n", head, 0, []string{"expected 'package'"}},
		"panics":                {"package x\n", head + `func TestA(*testing.T) {}; func TestB(*testing.T) { panic("words") }`, 1, []string{"panic: words"}},
		"exits within":          {"package x\n", head + `func TestA(*testing.T) {}; func TestB(*testing.T) { os.Exit(7) }`, 1, []string{"TestB"}},
		"exits before":          {"package x\n", head + `func TestMain(*testing.M) { os.Exit(7) }; func TestA(*testing.T) {}`, 0, []string{"exit status 7"}},
		"passes without a test": {"package x\n", head + `func TestMain(*testing.M) { os.Exit(0) }; func TestA(*testing.T) {}`, 0, []string{"no test ran", "has no tests"}},
		"has no test":           {"package x\n", "package x\n", 0, []string{"no test ran", "has no tests"}},
		"vet finds a fault":     {"package x\n", "package x\nimport (\"fmt\"; \"testing\")\nfunc TestA(*testing.T) { fmt.Printf(\"%d\", \"s\") }", 0, []string{"wrong type"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := count(t, tc.source, tc.test)
			if got.passed != tc.passed || len(got.failed) != len(tc.failed) {
				t.Fatalf("%d passed and %q failed, want %d and %q", got.passed, got.failed, tc.passed, tc.failed)
			}
			for i, words := range tc.failed {
				if !strings.Contains(got.failed[i], words) {
					t.Errorf("failure %d is %q, want %q in it", i, got.failed[i], words)
				}
			}
		})
	}
}

func TestEndStatus(t *testing.T) {
	for _, tc := range []struct {
		passed, failed, want int
		line                 string
	}{
		{3, 0, 0, "clarion: 3 passed, 0 failed"},
		{3, 1, 1, "clarion: 3 passed, 1 failed"},
		{0, 0, 1, "clarion: 0 passed, 0 failed"},
	} {
		var out strings.Builder
		r := newRun(t.Context(), &out)
		r.pass(tc.passed)
		for i := range tc.failed {
			r.fail(fmt.Sprint("test ", i), "its output")
		}
		if got := r.end(); got != tc.want || !strings.HasSuffix(out.String(), "\n"+tc.line+"\n") && out.String() != tc.line+"\n" {
			t.Errorf("ends with %d and %q, want %d and %q", got, out.String(), tc.want, tc.line)
		}
	}
}

func TestChecksFailTheRun(t *testing.T) {
	var out strings.Builder
	r := newRun(t.Context(), &out)
	r.check("true", func() (string, error) { return r.command(nil, "true") })
	r.check("false", func() (string, error) { return r.command(nil, "false") })
	r.check("absent", func() (string, error) { return r.command(nil, "no such program") })
	if got := r.end(); got != 1 || r.passed != 1 || r.failed != 2 {
		t.Errorf("%d passed, %d failed, status %d", r.passed, r.failed, got)
	}
}

func TestFuzzTargetsAreFound(t *testing.T) {
	found, err := targets("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []target{{"wire", "FuzzDecodeFrame"}, {"keydir", "FuzzVerify"}, {"inventory", "FuzzParse"}} {
		if !slices.Contains(found, want) {
			t.Errorf("%v is not among %v", want, found)
		}
	}
}

func TestDeadlineRace(t *testing.T) {
	const race = "fuzz: elapsed: 2s, execs: 404 (0/sec)\n--- FAIL: FuzzX (2.20s)\n    context deadline exceeded\nFAIL\n"
	if !deadlineRace(race) {
		t.Error("Go's own fault is not recognised")
	}
	for _, finding := range []string{
		"--- FAIL: FuzzX (0.1s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:7: wrong\n    Failing input written to testdata/fuzz/FuzzX/1\n",
		race + "    Failing input written to testdata/fuzz/FuzzX/1\n",
		race + "panic: words\n",
		race + "        x_test.go:7: context deadline exceeded\n",
		"",
	} {
		if deadlineRace(finding) {
			t.Errorf("a finding is taken for Go's own fault: %q", finding)
		}
	}
}
