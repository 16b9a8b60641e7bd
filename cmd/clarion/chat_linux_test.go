// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/term"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
)

// openTerminal returns the two ends of a pseudo-terminal (pty(7)).
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	var unlock, n int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &n} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, ours.Fd(), request, uintptr(unsafe.Pointer(arg))); e != 0 {
			t.Fatal(e)
		}
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs
}

// watcher keeps what a terminal showed.
type watcher struct {
	mu    sync.Mutex
	shown strings.Builder
	news  chan struct{}
}

func watch(r io.Reader) *watcher {
	w := &watcher{news: make(chan struct{}, 1)}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			w.mu.Lock()
			w.shown.Write(b[:n])
			w.mu.Unlock()
			wake(w.news)
			if err != nil {
				return
			}
		}
	}()
	return w
}

func (w *watcher) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown.String()
}

func (w *watcher) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(clariontest.Patience)
	for !strings.Contains(w.all(), text) {
		select {
		case <-w.news:
		case <-late:
			t.Fatalf("the terminal does not show %q, but %q", text, w.all())
		}
	}
}

func TestChatAtATerminal(t *testing.T) {
	p := meet(t)
	p.ada.Say(p.conv, "earlier \x1b[31mred")
	ours, theirs := openTerminal(t)
	before, err := term.GetState(int(theirs.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "clarion", "--home", p.omar, "chat", "ada")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, os.Stderr
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen := watch(ours)
	screen.await(t, "Conversation with ada@"+p.server.Host+"\r\n")
	screen.await(t, "ada@"+p.server.Host+" (checked by invite link): earlier <U+001B>[31mred")

	// Ada sees that Omar is writing before he has finished, and then the line.
	// A sign of typing is not stored, so he types until he is online.
	typing := make(chan struct{})
	go func() {
		defer close(typing)
		clariontest.Await[client.Typing](p.ada, "typing", nil)
	}()
	line := ""
	for seen := false; !seen; {
		io.WriteString(ours, "a")
		line += "a"
		select {
		case <-typing:
			seen = true
		case <-time.After(100 * time.Millisecond): // a person's pace
		}
	}
	io.WriteString(ours, "\r")
	m := p.ada.AwaitText(line)
	screen.await(t, "- sent")
	if err := p.ada.MarkRead(clariontest.Context(t), p.conv, m.Seq); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "- read")

	// And the other way round.
	if err := p.ada.Typing(clariontest.Context(t), p.conv); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "(ada@"+p.server.Host+" is writing) > ")
	back := p.ada.Say(p.conv, "two\nlines")
	screen.await(t, ": two\r\n")
	screen.await(t, "| lines\r\n")
	p.ada.AwaitState(back.ID, client.StateRead)

	io.WriteString(ours, "\x04") // Ctrl-D
	if err := cmd.Wait(); err != nil {
		t.Errorf("chat ended with %v", err)
	}
	after, err := term.GetState(int(theirs.Fd()))
	if err != nil || *after != *before {
		t.Errorf("the terminal is not as it was: %v, %v, %v", before, after, err)
	}
	if strings.Contains(screen.all(), "\x1b[31m") {
		t.Error("a message coloured the terminal")
	}
}
