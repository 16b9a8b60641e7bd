// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !js

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest/chromium"
)

// page is a browser over one profile and one origin, with the tests of this
// package as the program that it runs.
type page struct {
	t       *testing.T
	ctx     context.Context
	host    *chromium.Host
	browser *chromium.Browser
	profile string
	program string
}

func newPage(t *testing.T, program string) *page {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	host, err := chromium.NewHost()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	p := &page{t: t, ctx: ctx, host: host, profile: t.TempDir(), program: program}
	p.launch()
	t.Cleanup(func() {
		if err := p.browser.Close(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("the browser: %v", err)
		}
	})
	return p
}

func (p *page) launch() {
	p.t.Helper()
	var err error
	if p.browser, err = chromium.Launch(p.ctx, p.profile); err != nil {
		p.t.Fatal(err)
	}
}

// lines gathers what a run prints.
type lines struct {
	mu   sync.Mutex
	all  bytes.Buffer
	more chan struct{} // one token after each write
}

func newLines() *lines { return &lines{more: make(chan struct{}, 1)} }

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(b)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// whole returns the lines that ended.
func (l *lines) whole() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(l.all.String(), "\n")
	return all[:len(all)-1]
}

// start lets a page run a task of the tests, or all of them when it is empty.
func (p *page) start(task string, args ...string) (*chromium.Page, *chromium.Run, *lines) {
	p.t.Helper()
	out := newLines()
	run := p.host.Add(p.program, args, map[string]string{"CLARION_TASK": task}, out)
	at, err := p.browser.Open(p.ctx, run.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	return at, run, out
}

// wait waits until a run has exited or printed count lines, and returns them.
func (p *page) wait(run *chromium.Run, out *lines, count int) []string {
	p.t.Helper()
	for {
		if all := out.whole(); count > 0 && len(all) >= count {
			return all
		}
		select {
		case <-out.more:
		case <-run.Exited():
			if run.Status() != 0 {
				p.t.Fatalf("a page failed:\n%s", strings.Join(out.whole(), "\n"))
			}
			return out.whole()
		case <-p.browser.Exited():
			p.t.Fatalf("the browser ended: %s", p.browser.Said())
		case <-p.ctx.Done():
			p.t.Fatalf("nothing more came; so far\n%s\n%s", strings.Join(out.whole(), "\n"), p.browser.Said())
		}
	}
}

// number runs a task to its end and returns the number it prints.
func (p *page) number(task string) int {
	p.t.Helper()
	at, run, out := p.start(task)
	all := p.wait(run, out, 0)
	if err := at.Close(p.ctx); err != nil {
		p.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.Join(all, "\n"))
	if err != nil {
		p.t.Fatalf("%s: %q", task, all)
	}
	return n
}

// TestInChromium runs this package's own tests, and those that need a browser,
// in one.
func TestInChromium(t *testing.T) {
	p := newPage(t, buildTests(t))
	_, run, out := p.start("", "-test.v")
	all := strings.Join(p.wait(run, out, 0), "\n")
	for _, name := range []string{"TestIndexedDBVault", "TestPassphrase", "TestTakenAway", "TestAwait"} {
		if !strings.Contains(all, "--- PASS: "+name+" ") {
			t.Errorf("%s did not pass\n%s", name, all)
		}
	}
}

func buildTests(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "test.wasm")
	goTool(t, forWasm, "test", "-tags", "chromium", "-c", "-o", program, "./cmd/clarion-wasm")
	return program
}

// TestKilledWhileCommitting ends a page that commits, in every way that a page
// ends: its worker is terminated, the tab is closed, its process crashes, the
// browser is killed. Each commit must be there whole or not at all, and none
// that was acknowledged may be missing.
func TestKilledWhileCommitting(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := newPage(t, buildTests(t))
	ends := []struct {
		how string
		end func(at *chromium.Page) error
	}{
		{"worker terminated", func(at *chromium.Page) error { return at.Terminate(p.ctx) }},
		{"tab closed", func(at *chromium.Page) error { return at.Close(p.ctx) }},
		{"page crashed", func(at *chromium.Page) error { return at.Crash(p.ctx) }},
		{"browser killed", func(*chromium.Page) error {
			p.browser.Kill()
			p.launch()
			return nil
		}},
	}
	next := 0
	for round := range 3 * len(ends) {
		end := ends[round%len(ends)]
		at, run, out := p.start("commit crash " + strconv.Itoa(next))
		p.wait(run, out, 1+random.IntN(30))
		if err := end.end(at); err != nil {
			t.Fatalf("%s: %v", end.how, err)
		}
		got := p.number("whole crash")
		all := out.whole() // only now: the last line may have come late
		acknowledged, err := strconv.Atoi(all[len(all)-1])
		if err != nil {
			t.Fatalf("%s: the page said %q", end.how, all)
		}
		// The one in flight may have been made without its answer.
		if got != acknowledged && got != acknowledged+1 {
			t.Fatalf("round %d, %s: generation %d holds, acknowledged was %d", round, end.how, got, acknowledged)
		}
		t.Logf("%s: %d acknowledged, %d holds", end.how, acknowledged, got)
		next = got + 1
	}
}

// TestNoRoom gives the origin a small quota, then a large one.
func TestNoRoom(t *testing.T) {
	p := newPage(t, buildTests(t))
	quota := func(size int) {
		t.Helper()
		at, err := p.browser.Open(p.ctx, p.host.URL+"/empty")
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]any{"origin": p.host.URL, "quotaSize": size}
		if err := p.browser.Call(p.ctx, at.Session, "Storage.overrideQuotaForOrigin", params, nil); err != nil {
			t.Fatal(err)
		}
	}
	quota(12 << 20)
	if made := p.number("fill room"); made < 1 || made > 12 {
		t.Errorf("%d MiB found room in 12", made)
	}
	quota(1 << 30)
	if made := p.number("fill room"); made != 64 {
		t.Errorf("%d MiB found room in 1024", made)
	}
}

// TestEvicted clears what the browser keeps for the origin under an open core.
func TestEvicted(t *testing.T) {
	p := newPage(t, buildTests(t))
	at, run, out := p.start("core evicted")
	if first := p.wait(run, out, 1); !strings.HasPrefix(first[0], "open ") || !strings.HasSuffix(first[0], "this vault holds no account") {
		t.Fatalf("the core says %q", first)
	}
	params := map[string]any{"origin": p.host.URL, "storageTypes": "indexeddb"}
	if err := p.browser.Call(p.ctx, at.Session, "Storage.clearDataForOrigin", params, nil); err != nil {
		t.Fatal(err)
	}
	all := p.wait(run, out, 0)
	if got := fmt.Sprint(all[1:]); got != "[vault_gone vault_gone vault_gone]" {
		t.Errorf("then it says %s", got)
	}
}
