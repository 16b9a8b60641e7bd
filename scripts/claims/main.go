// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	fact := flag.String("fact", "", "break only the facts that match this `pattern`")
	limit := flag.Duration("limit", 5*time.Minute, "for one run of a test")
	total := flag.Duration("total", time.Hour, "for all")
	flag.Parse()
	pattern, err := regexp.Compile(*fact)
	if err != nil || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *total)
	defer cancel()
	var chosen []entry
	for _, e := range table() {
		if pattern.MatchString(e.fact) {
			chosen = append(chosen, e)
		}
	}
	if !run(ctx, ".", chosen, *limit, func(format string, args ...any) { fmt.Printf(format+"\n", args...) }) {
		stop()
		os.Exit(1)
	}
}

// run breaks each entry's fact in a copy of the tree at root, and reports
// whether all were seen.
func run(ctx context.Context, root string, entries []entry, limit time.Duration, say func(string, ...any)) bool {
	b, err := newBreaker(root, entries, limit)
	if err != nil {
		say("FAULT   the tree cannot be copied: %v", err)
		return false
	}
	defer b.close()
	seen := 0
	for _, e := range entries {
		began := time.Now()
		v := b.try(ctx, e)
		say("%-7s %s: %s broken, %s %s (%.0f s)", v.word, e.fact, e.file, e.test, v.what, time.Since(began).Seconds())
		if v.detail != "" {
			say("%s", v.detail)
		}
		if v.word == seenWord {
			seen++
		}
	}
	say("claims: %d broken, %d seen", len(entries), seen)
	return seen == len(entries) && seen > 0
}
