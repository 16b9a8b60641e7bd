// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !js

package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"clarion.chat/clarion/clariontest/chromium"
)

// TestInChromium shows in a real browser what this package promises there.
func TestInChromium(t *testing.T) {
	program, err := chromium.BuildTests(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]func(*testing.T, *chromium.Stage){
		"own tests": ownTests, "killed while committing": killedWhileCommitting, "no room": noRoom, "evicted": evicted,
	} {
		t.Run(name, func(t *testing.T) { test(t, chromium.NewStage(t, program)) })
	}
}

// ownTests runs this package's own tests, and those that need a browser.
func ownTests(t *testing.T, p *chromium.Stage) {
	_, run, out := p.Start("", "-test.v")
	all := strings.Join(p.Wait(run, out, 0), "\n")
	for _, name := range []string{"TestIndexedDBVault", "TestPassphrase", "TestTakenAway", "TestAwait", "TestFence", "TestTakenInTheMiddle", "TestTwoCores"} {
		if !strings.Contains(all, "--- PASS: "+name+" ") {
			t.Errorf("%s did not pass\n%s", name, all)
		}
	}
}

// number runs a task to its end and returns the number it prints.
func number(p *chromium.Stage, task string) int {
	p.T.Helper()
	at, run, out := p.Start(task)
	all := p.Wait(run, out, 0)
	if err := at.Close(p.Context); err != nil {
		p.T.Fatal(err)
	}
	n, err := strconv.Atoi(strings.Join(all, "\n"))
	if err != nil {
		p.T.Fatalf("%s: %q", task, all)
	}
	return n
}

// killedWhileCommitting ends a page that commits, in every way that a page
// ends: its worker is terminated, the tab is closed, its process crashes, the
// browser is killed. Each commit must be there whole or not at all, and none
// that was acknowledged may be missing.
func killedWhileCommitting(t *testing.T, p *chromium.Stage) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ends := []struct {
		how string
		end func(at *chromium.Page) error
	}{
		{"worker terminated", func(at *chromium.Page) error { return at.Terminate(p.Context) }},
		{"tab closed", func(at *chromium.Page) error { return at.Close(p.Context) }},
		{"page crashed", func(at *chromium.Page) error { return at.Crash(p.Context) }},
		{"browser killed", func(*chromium.Page) error {
			p.Browser.Kill()
			p.Launch()
			return nil
		}},
	}
	next := 0
	for round := range 2 * len(ends) {
		end := ends[round%len(ends)]
		at, run, out := p.Start("commit crash " + strconv.Itoa(next))
		p.Wait(run, out, 1+random.IntN(30))
		if err := end.end(at); err != nil {
			t.Fatalf("%s: %v", end.how, err)
		}
		got := number(p, "whole crash")
		all := out.Whole() // only now: the last line may have come late
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

// noRoom gives the origin a small quota, then a large one.
func noRoom(t *testing.T, p *chromium.Stage) {
	quota := func(size int) {
		t.Helper()
		at, err := p.Browser.Open(p.Context, p.Host.URL+"/empty")
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]any{"origin": p.Host.URL, "quotaSize": size}
		if err := p.Browser.Call(p.Context, at.Session, "Storage.overrideQuotaForOrigin", params, nil); err != nil {
			t.Fatal(err)
		}
	}
	quota(12 << 20)
	if made := number(p, "fill room"); made < 1 || made > 12 {
		t.Errorf("%d MiB found room in 12", made)
	}
	quota(1 << 30)
	if made := number(p, "fill room"); made != 64 {
		t.Errorf("%d MiB found room in 1024", made)
	}
}

// evicted clears what the browser keeps for the origin under an open core.
func evicted(t *testing.T, p *chromium.Stage) {
	at, run, out := p.Start("core evicted")
	if first := p.Wait(run, out, 1); !strings.HasPrefix(first[0], "open ") || !strings.HasSuffix(first[0], "this vault holds no account") {
		t.Fatalf("the core says %q", first)
	}
	params := map[string]any{"origin": p.Host.URL, "storageTypes": "indexeddb"}
	if err := p.Browser.Call(p.Context, at.Session, "Storage.clearDataForOrigin", params, nil); err != nil {
		t.Fatal(err)
	}
	all := p.Wait(run, out, 0)
	if got := fmt.Sprint(all[1:]); got != "[vault_gone vault_gone vault_gone]" {
		t.Errorf("then it says %s", got)
	}
}
