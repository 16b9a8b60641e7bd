// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"time"
)

func printBegins(name string, all []begin) {
	middle := func(of func(begin) time.Duration) string {
		var took []time.Duration
		for _, b := range all {
			took = append(took, of(b))
		}
		return fmt.Sprintf("%5d ms (%d to %d)", median(took).Milliseconds(), slices.Min(took).Milliseconds(), slices.Max(took).Milliseconds())
	}
	fmt.Printf("  %-24s first paint %s   with content %s   core ready %s", name+fmt.Sprintf(", %d×", len(all)),
		middle(func(b begin) time.Duration { return b.paint }), middle(func(b begin) time.Duration { return b.content }),
		middle(func(b begin) time.Duration { return b.ready }))
	if all[0].listed > 0 {
		fmt.Printf("   conversations listed %s", middle(func(b begin) time.Duration { return b.listed }))
	}
	fmt.Println()
}

func printHandOvers(all []handOver) {
	fmt.Printf("  hand-over between tabs, %d×\n", len(all))
	for _, row := range []struct {
		name string
		of   func(handOver) time.Duration
	}{
		{"from closing one tab until the core is ready in the next", func(h handOver) time.Duration { return h.ready }},
		{"from closing it until what is written then is sent", func(h handOver) time.Duration { return h.sent }},
		{"from the lock until it is sent", func(h handOver) time.Duration { return h.lockToSent }},
	} {
		var took []time.Duration
		for _, h := range all {
			took = append(took, row.of(h))
		}
		fmt.Printf("    %-58s %5d ms (%d to %d)\n", row.name, median(took).Milliseconds(), slices.Min(took).Milliseconds(), slices.Max(took).Milliseconds())
	}
}

// printTalks compares two pages with two native clients, one message at a time.
func printTalks(memory, files []time.Duration, pages talk) {
	fmt.Printf("  one message at a time, from sending it until …\n")
	for _, row := range []struct {
		name string
		took []time.Duration
	}{
		{"native, vaults in memory: the other client has it", memory},
		{"native, vaults in files: the other client has it", files},
		{"pages: it stands on the own screen", pages.own},
		{"pages: the other core has it", pages.arrived},
		{"pages: it is painted on the other screen", pages.shown},
	} {
		ms := func(q float64) float64 { return float64(quantile(row.took, q).Microseconds()) / 1000 }
		fmt.Printf("    %-52s p50 %7.1f ms   p90 %7.1f   p99 %7.1f   %5.1f times files (%d messages)\n", row.name, ms(0.5), ms(0.9), ms(0.99),
			float64(quantile(row.took, 0.5))/float64(quantile(files, 0.5)), len(row.took))
	}
}

func printMemory(messages int, before, after memoryOf) {
	const mib = 1 << 20
	fmt.Printf("  %-40s %12s %12s %12s %12s\n", "memory", "page", "worker's JS", "the core", "process")
	for _, row := range []struct {
		name string
		m    memoryOf
	}{{"after a start", before}, {fmt.Sprintf("after scrolling through %d messages", messages), after}} {
		fmt.Printf("  %-40s %8.1f MiB %8.1f MiB %8.1f MiB %8.1f MiB\n", row.name, row.m.page/mib, row.m.worker/mib, row.m.core/mib, row.m.process/mib)
	}
}
