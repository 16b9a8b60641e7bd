// SPDX-License-Identifier: AGPL-3.0-or-later

package chromium

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// stageTime is how long a test's pages may take together.
const stageTime = 4 * time.Minute

// closeTime is how long a browser may take to end by itself.
const closeTime = 15 * time.Second

// BuildTests compiles the tests of the browser's core, which are also the
// program that plays parts in tests outside of it, and returns the file.
func BuildTests(folder string) (program string, err error) {
	program = filepath.Join(folder, "test.wasm")
	cmd := exec.Command("go", "test", "-tags", "chromium", "-c", "-o", program, "clarion.chat/clarion/cmd/clarion-wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the core's tests: %w\n%s", err, out)
	}
	return program, nil
}

// Stage is a browser over one profile and one origin, for one test.
type Stage struct {
	T       testing.TB
	Context context.Context // ends when the test has waited long enough
	Host    *Host
	Browser *Browser
	Profile string
	Program string // what pages run
}

// NewStage starts a browser that lives until the test ends.
func NewStage(t testing.TB, program string) *Stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stageTime)
	t.Cleanup(cancel)
	host, err := NewHost()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	s := &Stage{T: t, Context: ctx, Host: host, Profile: t.TempDir(), Program: program}
	s.Launch()
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		if err := s.Browser.Close(ending); err != nil {
			t.Errorf("the browser: %v", err)
		}
	})
	return s
}

// Launch starts the browser on the profile, once the one before has ended.
func (s *Stage) Launch() {
	s.T.Helper()
	var err error // and not with the test's context, which ends before the test is cleaned up
	if s.Browser, err = Launch(context.WithoutCancel(s.Context), s.Profile); err != nil {
		s.T.Fatal(err)
	}
}

// Start opens a page that plays a part: its variable CLARION_TASK is task.
func (s *Stage) Start(task string, args ...string) (*Page, *Run, *Lines) {
	s.T.Helper()
	out := &Lines{more: make(chan struct{}, 1)}
	run := s.Host.Add(s.Program, args, map[string]string{"CLARION_TASK": task}, out)
	at, err := s.Browser.Open(s.Context, run.URL)
	if err != nil {
		s.T.Fatal(err)
	}
	return at, run, out
}

// Wait waits until a run has printed count lines, or, with 0, exited, and
// returns all whole lines. A run that fails fails the test.
func (s *Stage) Wait(run *Run, out *Lines, count int) []string {
	s.T.Helper()
	for {
		if all := out.Whole(); count > 0 && len(all) >= count {
			return all
		}
		select {
		case <-out.more:
		case <-run.Exited():
			if run.Status() != 0 {
				s.T.Fatalf("a page failed:\n%s", strings.Join(out.Whole(), "\n"))
			}
			return out.Whole()
		case <-s.Browser.Exited():
			s.T.Fatalf("the browser ended: %s", s.Browser.Said())
		case <-s.Context.Done():
			s.T.Fatalf("nothing more came; so far\n%s\n%s", strings.Join(out.Whole(), "\n"), s.Browser.Said())
		}
	}
}

// Lines gathers what a run prints.
type Lines struct {
	mu   sync.Mutex
	all  bytes.Buffer
	more chan struct{} // holds one token after each write
}

// Write implements io.Writer.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(b)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Whole returns the lines that have ended.
func (l *Lines) Whole() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(l.all.String(), "\n")
	return all[:len(all)-1]
}
