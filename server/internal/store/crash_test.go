// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"clarion.chat/clarion/wire"
)

// The tests of this file run parts of themselves in other processes: the test
// binary, with this variable naming the part.
const partVariable = "CLARION_STORE_TEST_PART"

func TestMain(m *testing.M) {
	part, arg, _ := strings.Cut(os.Getenv(partVariable), ":")
	switch part {
	case "burst":
		burst(arg)
	case "hold":
		hold(arg)
	case "fill":
		fill(arg)
	default:
		os.Exit(m.Run())
	}
}

func inProcess(part string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partVariable+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

// burst appends from 16 callers and prints each envelope's id and seq once it
// is acknowledged, until the process is killed.
func burst(dir string) {
	s, err := Open(Options{Dir: dir, Host: testHost})
	if err != nil {
		panic(err)
	}
	go func() { panic(s.Run(context.Background())) }()
	c := &chat{}
	c.id[0], c.pass[0] = 1, 1
	if err := s.CreateMailbox(&wire.CreateMailbox{Mailbox: c.id, Pass: c.pass.Hash(), Keep: 30}); err != nil {
		panic(err)
	}
	var mu sync.Mutex
	for range 16 {
		go func() {
			for {
				a := c.message(body(""))
				copy(a.Body, a.ID[:])
				seq, err := appendNow(s, a)
				if err != nil {
					panic(err)
				}
				mu.Lock()
				fmt.Printf("%x %d\n", a.ID, seq)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// TestCrash kills a process in the middle of a burst: all that it acknowledged
// is there, once, in order and without a gap.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	child := inProcess("burst:" + dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[wire.EnvelopeID]wire.Seq{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var id []byte
		var seq wire.Seq
		word, rest, _ := strings.Cut(lines.Text(), " ")
		id, err := hex.DecodeString(word)
		if _, err2 := fmt.Sscan(rest, &seq); err != nil || err2 != nil || len(id) != 16 {
			break // the line that the kill cut
		}
		acknowledged[wire.EnvelopeID(id)] = seq
		if len(acknowledged) == 1500 {
			if err := child.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait()
	if len(acknowledged) < 1500 {
		t.Fatalf("the child ended after %d", len(acknowledged))
	}
	s, _ := open(t, Options{Dir: dir})
	c := &chat{}
	c.id[0], c.pass[0] = 1, 1
	e := readAll(t, s, c.id, c.pass)
	for i, got := range e.Envelopes {
		if got.Seq != wire.Seq(i+1) || !bytes.Equal(got.Body[:16], got.ID[:]) {
			t.Fatalf("place %d holds seq %d", i+1, got.Seq)
		}
		if seq, was := acknowledged[got.ID]; was && seq != got.Seq {
			t.Fatalf("acknowledged as %d, stored as %d", seq, got.Seq)
		}
		delete(acknowledged, got.ID)
	}
	if len(acknowledged) != 0 {
		t.Fatalf("%d acknowledged envelopes are lost", len(acknowledged))
	}
	if seq := must(t, s, c.message(body("next"))); seq != e.Head+1 {
		t.Fatal(seq)
	}
}

func hold(dir string) {
	s, err := Open(Options{Dir: dir, Host: testHost})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Meta().Host)
	select {}
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	child := inProcess("hold:" + dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second process: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	open(t, Options{Dir: dir}) // the lock went with the process
}

// fill runs in a process whose files cannot grow past a limit, as on a disk
// that is full, and exits 0 when the store behaved.
func fill(dir string) {
	s, err := Open(Options{Dir: dir, Host: testHost})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c := &chat{id: random32[wire.MailboxID](), pass: random32[wire.Pass]()}
	if err := s.CreateMailbox(&wire.CreateMailbox{Mailbox: c.id, Pass: c.pass.Hash(), Keep: 30}); err != nil {
		panic(err)
	}
	stored := wire.Seq(0)
	full := false
	for range 10000 {
		seq, err := appendNow(s, c.message(make([]byte, 16384)))
		if err != nil {
			if code := wire.CodeOf(err); code != wire.CodeDiskFull {
				panic(fmt.Sprintf("a full disk is answered with %s: %v", code, err))
			}
			full = true
			break
		}
		stored = seq
	}
	if !full {
		panic("the disk did not fill")
	}
	e, err := s.Read(ctx, c.id, c.pass, 0, 20000, 1<<30)
	if err != nil || e.Head != stored || len(e.Envelopes) != int(stored) {
		panic(fmt.Sprint("what was refused left something, or what was stored is gone: ", err))
	}
	cancel()
	if err := <-ended; err != nil {
		panic(err)
	}
	os.Exit(0)
}
