// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"clarion.chat/clarion/client"
)

// clariond is the server as it ships, a process of its own that can be killed.
type clariond struct {
	t      *testing.T
	binary string
	dir    string
	addr   string
	run    *exec.Cmd
}

// buildClariond builds the server's program.
func buildClariond(t *testing.T) *clariond {
	t.Helper()
	d := &clariond{t: t, dir: filepath.Join(t.TempDir(), "data"), binary: filepath.Join(t.TempDir(), "clariond")}
	build := exec.Command("go", "build", "-o", d.binary, "clarion.chat/clarion/cmd/clariond")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building clariond: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = l.Addr().String()
	l.Close()
	t.Cleanup(d.kill)
	return d
}

// start runs the program and returns once it says that it listens.
func (d *clariond) start() {
	d.t.Helper()
	d.run = exec.Command(d.binary, "serve", "--data", d.dir, "--listen", d.addr)
	d.run.Stderr = os.Stderr
	out, err := d.run.StdoutPipe()
	if err == nil {
		err = d.run.Start()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "listening ") {
		d.t.Fatalf("clariond says %q (%v)", line, err)
	}
}

// kill is SIGKILL: nothing is finished, nothing is closed.
func (d *clariond) kill() {
	if d.run == nil {
		return
	}
	_ = d.run.Process.Kill()
	_ = d.run.Wait()
	d.run = nil
}

// TestCrash kills the server in the middle of bursts from three people and
// starts it again on the same data. Whatever was reported sent is there, once,
// in one order for all; what was written while it was down goes out once.
func TestCrash(t *testing.T) {
	chance := Chance(t)
	kills, burst := 6, 60
	if Long() {
		kills, burst = 100, 200
	}
	d := buildClariond(t)
	d.start()
	s := &Server{t: t, URL: "http://" + d.addr, Host: d.addr, Clock: new(Clock)}
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	all := []*Client{ada.Online(), omar, lin}
	for round := range kills {
		bursts(t, d, all, g.ID, round, burst, int64(1+chance.IntN(2*burst)))
		for _, c := range all { // written while the server is down
			if _, err := c.Send(Context(t), g.ID, fmt.Sprintf("%s offline %d", c.Name, round)); err != nil {
				t.Fatalf("%s writes offline: %v", c.Name, err)
			}
		}
		d.start()
		for _, c := range all {
			c.Online()
			if err := c.Flush(Context(t)); err != nil {
				t.Fatalf("%s after the crash: %v", c.Name, err)
			}
		}
	}
	checkCrash(t, all, g.ID, kills*(burst+1))
}

// bursts lets everybody write at once and kills the server after some messages
// were reported sent.
func bursts(t *testing.T, d *clariond, all []*Client, conv string, round, burst int, after int64) {
	t.Helper()
	var sent atomic.Int64
	kill := make(chan struct{})
	var once sync.Once
	var writers sync.WaitGroup
	for _, c := range all {
		writers.Go(func() {
			for i := range burst {
				if _, err := c.Send(Context(t), conv, fmt.Sprintf("%s %d.%d", c.Name, round, i)); err != nil {
					t.Errorf("%s writes: %v", c.Name, err)
				}
				if sent.Add(1) == after {
					once.Do(func() { close(kill) })
				}
			}
		})
	}
	go func() {
		writers.Wait()
		once.Do(func() { close(kill) })
	}()
	<-kill
	d.kill()
	writers.Wait()
}

// checkCrash waits until everybody holds everything and compares.
func checkCrash(t *testing.T, all []*Client, conv string, each int) {
	t.Helper()
	for _, c := range all {
		for i := 0; i < each*(len(all)-1); i++ {
			Await(c, fmt.Sprintf("message %d", i), func(e client.MessageArrived) bool { return e.Message.Conversation == conv })
		}
		for range each {
			Await(c, "an own message to be sent", func(e client.MessageStateChanged) bool { return e.State == client.StateSent })
		}
	}
	want := sameHistory(t, conv, all...)
	if len(want) != each*len(all) {
		t.Errorf("%d messages, not %d", len(want), each*len(all))
	}
	for _, c := range all {
		if codes := c.problems(); len(codes) > 0 {
			t.Errorf("%s was told of %v", c.Name, codes)
		}
		mine := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !strings.HasPrefix(s, c.Name+" ") })
		at := 0
		for round := 0; at < len(mine); round++ {
			for i := 0; at < len(mine) && mine[at] == fmt.Sprintf("%s %d.%d", c.Name, round, i); i++ {
				at++
			}
			if at < len(mine) && mine[at] != fmt.Sprintf("%s offline %d", c.Name, round) {
				t.Fatalf("%s's messages are out of order at %q", c.Name, mine[at])
			}
			at++
		}
	}
}
