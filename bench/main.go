// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// plan says how long each part takes.
type plan struct {
	rounds     int           // of throughput, each for both servers
	round      time.Duration // of throughput
	delays     int           // rounds of latency
	delay      time.Duration // of a round of latency
	idle       int           // connections
	people     time.Duration
	costs      bool
	core       bool
	profile    string // folder for profiles of the processor, or empty
	throughput bool   // nothing else
	coreOnly   bool   // nothing but the core's size

	relayed     time.Duration // of calls' packets
	allocations int           // of the relay
	relayOnly   bool          // nothing else

	calls     int  // of each kind and way
	callsOnly bool // nothing else

	browser     bool // the web app too
	browserOnly bool // nothing else
	starts      int  // of the web app, each on a first visit and on a later one
	words       int  // messages between two pages
	handOvers   int  // between tabs
	history     int  // messages of the long conversation
}

func main() {
	long := plan{rounds: 25, round: 1500 * time.Millisecond, delays: 3, delay: 5 * time.Second, idle: 5000, people: 8 * time.Second, costs: true, core: true,
		browser: true, starts: 7, words: 150, handOvers: 7, history: 10_000, calls: 7, relayed: 8 * time.Second, allocations: 400}
	short := plan{rounds: 7, round: time.Second, delays: 1, delay: 3 * time.Second, idle: 500, people: 3 * time.Second,
		starts: 2, words: 20, handOvers: 2, history: 500, calls: 2, relayed: 2 * time.Second, allocations: 100}
	name := flag.String("child", "", "serve as this server (used by the program itself)")
	dir := flag.String("dir", "bin", "folder for the data of the measurement, on the disk that is to be measured")
	quick := flag.Bool("short", false, "30 seconds instead of ten minutes: fewer rounds, no costs by length, no size of the core, no browser")
	only := flag.Bool("throughput", false, "measure throughput alone")
	size := flag.Bool("core", false, "measure the browser's core alone")
	web := flag.Bool("browser", false, "measure the web app alone, as it lies in web/dist; with -short in a minute")
	turn := flag.Bool("relay", false, "measure the relay for calls alone")
	call := flag.Bool("calls", false, "measure how calls of the web app begin alone, beside bare connections")
	profile := flag.String("profile", "", "write profiles of both servers' processor time into this folder")
	flag.Parse()
	if *name != "" {
		exit(serveChild(*name, *dir))
	}
	p := long
	if *quick {
		p = short
	}
	p.throughput, p.profile, p.coreOnly, p.browserOnly, p.relayOnly, p.callsOnly = *only, *profile, *size, *web, *turn, *call
	all := !p.throughput && !p.coreOnly && !p.browserOnly && !p.relayOnly && !p.callsOnly
	if p.coreOnly || p.core && all {
		if _, err := exec.LookPath("node"); err != nil {
			fmt.Fprintln(os.Stderr, "error: missing_requirement: node is needed to pack the browser's core\nhint: apt-get install nodejs, or go run ./bench -short")
			os.Exit(3)
		}
	}
	if p.browserOnly || p.callsOnly || p.browser && all {
		if err := browserNeeds(); err != nil {
			fmt.Fprintln(os.Stderr, "error: missing_requirement:", err)
			os.Exit(3)
		}
	}
	exit(inFolder(*dir, p.run))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// inFolder runs f with a new folder that is removed afterwards.
func inFolder(parent string, f func(dir string) error) error {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(parent, "bench-*")
	if err != nil {
		return err
	}
	dir, err = filepath.Abs(dir)
	return errors.Join(err, f(dir), os.RemoveAll(dir))
}

// run measures and prints.
func (p plan) run(dir string) error {
	fmt.Printf("%s, %s/%s, %d cores; data in %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), filepath.Dir(dir))
	switch {
	case p.coreOnly:
		return p.runCore(dir)
	case p.browserOnly:
		return p.runBrowser(dir)
	case p.relayOnly:
		return p.runTURN(dir)
	case p.callsOnly:
		return p.runCalls(dir)
	}
	steps := []func(plan, string) error{plan.runThroughput}
	if !p.throughput {
		steps = append(steps, plan.runLatency, plan.runIdle, plan.runPeople, plan.runTURN)
		if p.costs {
			steps = append(steps, plan.runCosts)
		}
		if p.core {
			steps = append(steps, plan.runCore)
		}
		if p.browser {
			steps = append(steps, plan.runBrowser, plan.runCalls)
		}
	}
	for _, step := range steps {
		if err := step(p, dir); err != nil {
			return err
		}
	}
	return nil
}

// both starts the two servers, runs f, and stops them.
func both(dir string, f func(relay, ours *child) error) error {
	relay, err := startChild(bare, dir)
	if err != nil {
		return err
	}
	ours, err := startChild(clarion, dir)
	if err != nil {
		return errors.Join(err, relay.stop())
	}
	return errors.Join(f(relay, ours), relay.stop(), ours.stop())
}

// turns runs f for both, and the other way round the next time, so that
// neither always comes after the other.
func turns(i int, relay, ours *child, f func(c *child) error) error {
	order := []*child{relay, ours}
	if i%2 == 1 {
		slices.Reverse(order)
	}
	for _, c := range order {
		if err := f(c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (p plan) runThroughput(dir string) error {
	fmt.Printf("\nDurable messages of 1 KiB between %d pairs, %d in flight each; %d rounds of %s for each, by turns\n", pairs, window, p.rounds, p.round)
	return both(dir, func(relay, ours *child) error {
		err := turns(0, relay, ours, func(c *child) error { // not counted
			_, err := throughput(c, p.round, false)
			return err
		})
		if err != nil {
			return err
		}
		got := map[string][]flow{}
		for i := range p.rounds {
			err := turns(i, relay, ours, func(c *child) error {
				f, err := p.profiled(c, i == p.rounds-1, func() (flow, error) { return throughput(c, p.round, false) })
				got[c.name] = append(got[c.name], f)
				return err
			})
			if err != nil {
				return err
			}
			r, o := got[bare][i], got[clarion][i]
			fmt.Printf("  round %2d   relay %6.0f/s   clarion %6.0f/s   ratio %.2f\n", i+1, r.rate, o.rate, o.rate/r.rate)
		}
		var echoed []flow
		for range 3 {
			f, err := throughput(ours, p.round, true)
			if err != nil {
				return err
			}
			echoed = append(echoed, f)
		}
		printFlows(got[bare], got[clarion], echoed)
		return nil
	})
}

// profiled profiles a server during f, when profiles are wanted.
func (p plan) profiled(c *child, now bool, f func() (flow, error)) (flow, error) {
	file := ""
	if p.profile != "" && now {
		file = filepath.Join(p.profile, c.name+".prof")
	}
	if err := c.profile(file); err != nil {
		return flow{}, err
	}
	result, err := f()
	return result, errors.Join(err, c.stopProfile(file))
}

func (p plan) runLatency(dir string) error {
	fmt.Printf("\nAppend to delivery at 100 messages a second; %d rounds of %s for each, by turns\n", p.delays, p.delay)
	return both(dir, func(relay, ours *child) error {
		got := map[string][]time.Duration{}
		for i := range p.delays {
			err := turns(i, relay, ours, func(c *child) error {
				took, err := latency(c, p.delay)
				got[c.name] = append(got[c.name], took...)
				return err
			})
			if err != nil {
				return err
			}
		}
		printDelays(bare, got[bare], nil)
		printDelays(clarion, got[clarion], got[bare])
		return nil
	})
}

func (p plan) runIdle(dir string) error {
	fmt.Printf("\nMemory of an idle connection, of %d; in Clarion each with one subscription of its own mailbox\n", p.idle)
	return both(dir, func(relay, ours *child) error {
		r, err := idle(relay, p.idle)
		if err != nil {
			return err
		}
		o, err := idle(ours, p.idle)
		if err != nil {
			return err
		}
		printFootprints(r, o)
		return nil
	})
}

func (p plan) runPeople(dir string) error {
	fmt.Printf("\nSend to shown, real clients: %d conversations, together 100 messages a second, %s\n", couples, p.people)
	ours, err := startChild(clarion, dir)
	if err != nil {
		return err
	}
	took, err := shown(ours.addr, "m", p.people, memoryVaults)
	if err == nil {
		printDelays("vaults in memory", took, nil)
		took, err = shown(ours.addr, "f", p.people, fileVaults(filepath.Join(dir, "vaults")))
	}
	if err == nil {
		printDelays("vaults in files", took, nil)
	}
	return errors.Join(err, ours.stop())
}

func (p plan) runCosts(dir string) error {
	fmt.Printf("\nCost by length, median\n")
	ours, err := startChild(clarion, dir)
	if err != nil {
		return err
	}
	mailbox, err := mailboxCosts(ours.addr)
	if err == nil {
		var history []growth
		history, err = historyCosts(ours.addr, dir)
		printGrowth(append(mailbox, history...))
	}
	return errors.Join(err, ours.stop())
}

func (p plan) runCore(dir string) error {
	fmt.Printf("\nThe browser's core\n")
	plain, packed, err := coreSize(dir)
	if err != nil {
		return err
	}
	fmt.Printf("  %d bytes, %d after brotli 11; the limit is %d, %.0f %% of it is used\n",
		plain, packed, coreLimit, 100*float64(packed)/coreLimit)
	code, data, err := coreShares(dir)
	if err != nil {
		return err
	}
	printShares(code, data)
	return nil
}
