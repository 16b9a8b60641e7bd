// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"time"
)

// target is the share of the bare relay's throughput that Clarion promises.
const target = 0.8

func printFlows(relay, ours, echoed []flow) {
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, ours[i].rate/relay[i].rate)
	}
	ratio := median(ratios)
	word := "reached"
	if ratio < target {
		word = "MISSED"
	}
	fmt.Printf("  %-12s %8s %24s %12s %14s\n", "", "median", "lowest to highest", "CPU each", "on disk each")
	printFlow(bare, relay)
	printFlow(clarion, ours)
	fmt.Printf("  %-12s %8.2f %13.2f to %.2f   half of them %.2f to %.2f; the aim of %.1f is %s\n", "ratio", ratio,
		slices.Min(ratios), slices.Max(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75), target, word)
	fmt.Println("  clarion with the sender subscribed too, as people are, median of three:")
	printFlow("with echo", echoed)
}

func printFlow(name string, all []flow) {
	var rates, cpu, disk []float64
	for _, f := range all {
		rates, cpu, disk = append(rates, f.rate), append(cpu, float64(f.cpu.Microseconds())), append(disk, float64(f.disk))
	}
	fmt.Printf("  %-12s %6.0f/s %13.0f to %6.0f/s %9.0f µs %10.1f KiB\n", name, median(rates), slices.Min(rates), slices.Max(rates),
		median(cpu), median(disk)/1024)
}

func printDelays(name string, took, against []time.Duration) {
	ms := func(q float64) float64 { return float64(quantile(took, q).Microseconds()) / 1000 }
	fmt.Printf("  %-18s p50 %6.2f ms   p90 %6.2f   p99 %6.2f   (%d messages)", name, ms(0.5), ms(0.9), ms(0.99), len(took))
	if len(against) > 0 {
		share := func(q float64) float64 { return float64(quantile(took, q)) / float64(quantile(against, q)) }
		fmt.Printf("   %.2f and %.2f times the relay's", share(0.5), share(0.99))
	}
	fmt.Println()
}

func printFootprints(relay, ours footprint) {
	fmt.Printf("  %-10s %10s %10s %10s %12s\n", "", "resident", "heap", "stacks", "goroutines")
	for _, row := range []struct {
		name string
		f    footprint
	}{{bare, relay}, {clarion, ours}} {
		fmt.Printf("  %-10s %6.1f KiB %6.1f KiB %6.1f KiB %12.2f\n", row.name, row.f.resident/1024, row.f.heap/1024, row.f.stack/1024, row.f.goroutines)
	}
	if relay.resident > 0 {
		fmt.Printf("  ratio      %6.2f\n", ours.resident/relay.resident)
	}
}

func printGrowth(all []growth) {
	at := lengths()
	fmt.Printf("  %-54s %12s %12s %8s\n", "", fmt.Sprint(at[0]), fmt.Sprint(at[1]), "times")
	for _, g := range all {
		fmt.Printf("  %-54s %12s %12s %8.2f\n", g.what, g.at[0].Round(time.Microsecond), g.at[1].Round(time.Microsecond), float64(g.at[1])/float64(g.at[0]))
	}
}

// printShares prints where the core's bytes go, before brotli.
func printShares(code []share, data int) {
	const shown = 24
	total, rest := data, 0
	for i, s := range code {
		total += s.bytes
		if i >= shown {
			rest += s.bytes
		}
	}
	line := func(name string, bytes int) {
		fmt.Printf("  %9d  %4.1f %%  %s\n", bytes, 100*float64(bytes)/float64(total), name)
	}
	fmt.Printf("  where they go, before brotli:\n")
	line("data: constants, types, tables of the runtime", data)
	for _, s := range code[:min(shown, len(code))] {
		line(s.name, s.bytes)
	}
	line(fmt.Sprintf("%d others", max(0, len(code)-shown)), rest)
}
