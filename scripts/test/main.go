// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	fuzzOnly := flag.Duration("fuzz", 0, "run only the fuzz targets, each for this `time`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	r := newRun(ctx, os.Stdout)
	if !r.requirements() {
		os.Exit(3)
	}
	if *fuzzOnly > 0 {
		r.fuzz(*fuzzOnly)
	} else {
		r.page()
		r.check("gofmt", r.gofmt)
		r.check("go vet", func() (string, error) { return r.command(nil, "go", "vet", "./...") })
		r.check("go vet for the browser", func() (string, error) {
			return r.command(browser(), "go", append([]string{"vet", "-tags", "chromium"}, browserPackages()...)...)
		})
		r.check("staticcheck", r.staticcheck)
		r.check("staticcheck for the browser", func() (string, error) {
			return r.command(browser(), "bin/staticcheck", "-tags", "chromium", "./cmd/clarion-wasm/...")
		})
		r.goTest("go test -race", false, nil, "-race", "-timeout=30m", "./...")
		r.goTest("go test as wasm", true, browser(), append([]string{"-exec", r.wasmRunner()}, browserPackages()...)...)
		r.fuzz(2 * time.Second)
	}
	if ctx.Err() != nil {
		r.fail("interrupted", "")
	}
	os.Exit(r.end())
}

// browser is the environment that builds for the browser.
func browser() []string { return []string{"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0"} }

// browserPackages are the core: what runs in the browser, and what is to stay
// fit for it. Each must have tests.
func browserPackages() []string {
	return []string{"./wire", "./mls", "./keydir", "./inventory", "./exposure", "./client", "./client/vault", "./cmd/clarion-wasm"}
}

// end prints the last line and returns the exit status.
func (r *run) end() int {
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range r.names {
		fmt.Fprintln(r.out, "FAILED", name)
	}
	fmt.Fprintf(r.out, "clarion: %d passed, %d failed\n", r.passed, r.failed)
	if r.failed > 0 || r.passed == 0 {
		return 1
	}
	return 0
}
