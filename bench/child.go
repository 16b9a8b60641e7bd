// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"clarion.chat/clarion/server"
)

// The two servers that are measured.
const (
	bare    = "bare relay"
	clarion = "clarion"
)

// serveChild is the child's side: it serves and answers the lines of its
// standard input until that ends.
//
//	stat          → one line of JSON, after the garbage was collected
//	profile FILE  → begins a profile of the processor
//	stop          → ends it
func serveChild(name, dir string) error {
	ports, err := server.Listen("127.0.0.1:0", relayOf(name))
	if err != nil {
		return err
	}
	defer ports.Close()
	l, at := ports.Web(nil), fmt.Sprintf("127.0.0.1:%d", ports.Port())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	mux := http.NewServeMux()
	ended := make(chan error, 1)
	if name == bare {
		r, err := openRelay(dir)
		if err != nil {
			return err
		}
		mux.Handle("GET /room/{room}", r)
		go func() { ended <- r.run(ctx) }()
	} else {
		srv, err := server.Open(server.Config{DataDir: dir, NewHost: at, Ports: ports, Relay: server.Relay{Anywhere: true}})
		if err != nil {
			return err
		}
		defer srv.Close()
		l = srv.Web()
		mux.Handle("/", srv.Handler())
		go func() { ended <- srv.Run(ctx) }()
	}
	h := &http.Server{Handler: mux}
	go func() { _ = h.Serve(l) }()
	fmt.Println(at)
	err = obey(os.Stdin, os.Stdout, ended)
	cancel()
	_ = h.Close()
	return err
}

// relayOf is where a server relays calls: ours at its own port.
func relayOf(name string) string {
	if name == bare {
		return server.RelayOff
	}
	return ""
}

// obey carries out the lines until there are no more, or the server ends.
func obey(in io.Reader, out io.Writer, ended <-chan error) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	for {
		select {
		case err := <-ended:
			return errors.Join(errors.New("the server ended by itself"), err)
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "stat":
				if err := json.NewEncoder(out).Encode(measureSelf()); err != nil {
					return err
				}
			case "profile":
				f, err := os.Create(rest)
				if err == nil {
					err = pprof.StartCPUProfile(f)
				}
				if err != nil {
					return err
				}
			case "stop":
				pprof.StopCPUProfile()
			}
		}
	}
}

// stat is what a child says of itself; sizes in bytes.
type stat struct {
	RSS, Heap, Stack, Goroutines int
	Written                      int           // to files
	CPU                          time.Duration // since its start, all cores
}

func measureSelf() stat {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	s := stat{CPU: time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), Goroutines: runtime.NumGoroutine()}
	for range 4 { // each halves the stacks that have grown; an idle server does so in minutes
		debug.FreeOSMemory()
	}
	all := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(all)
	s.Heap, s.Stack = int(all[0].Value.Uint64()), int(all[1].Value.Uint64())
	s.RSS, s.Written = residentMemory(), writtenBytes()
	return s
}

// residentMemory is 0 where there is no /proc.
func residentMemory() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// writtenBytes is 0 where there is no /proc.
func writtenBytes() int {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if number, found := strings.CutPrefix(line, "write_bytes: "); found {
			n, _ := strconv.Atoi(strings.TrimSpace(number))
			return n
		}
	}
	return 0
}

// child is the parent's side.
type child struct {
	name string
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// startChild runs a server in a process and a folder of its own.
func startChild(name, dir string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
	if err := os.RemoveAll(data); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: exec.Command(self, "-child", name, "-dir", data)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", name, err), c.stop())
	}
	c.addr = strings.TrimSpace(line)
	return c, nil
}

// stop ends the child and waits for it.
func (c *child) stop() error {
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%s ended with %w", c.name, err)
	}
	return nil
}

func (c *child) stat() (s stat, err error) {
	if _, err = io.WriteString(c.in, "stat\n"); err != nil {
		return s, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return s, fmt.Errorf("%s does not answer: %w", c.name, err)
	}
	return s, json.Unmarshal(line, &s)
}

// profile begins a profile in the file, or does nothing without a name.
func (c *child) profile(file string) error {
	if file == "" {
		return nil
	}
	_, err := fmt.Fprintf(c.in, "profile %s\n", file)
	return err
}

func (c *child) stopProfile(file string) error {
	if file == "" {
		return nil
	}
	_, err := io.WriteString(c.in, "stop\n")
	return err
}
