// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
)

// pair is Ada, in this process, and Omar, whose vault the command line uses.
type pair struct {
	server *clariontest.Server
	ada    *clariontest.Client
	omar   string // his vault's folder
	conv   string
}

// meet lets them begin a conversation by Ada's link.
func meet(t *testing.T) *pair {
	t.Helper()
	p := &pair{server: clariontest.NewServer(t), omar: filepath.Join(t.TempDir(), "omar")}
	p.ada, _ = p.server.Register("ada")
	p.ada.Online()
	i, err := p.ada.Invite(clariontest.Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	p.must(t, "register", "--server", p.server.URL, "--name", "omar")
	p.must(t, "accept", i.Link)
	joined := clariontest.Await[client.ConversationJoined](p.ada, "the conversation", nil)
	p.conv = joined.Conversation
	return p
}

// must runs one of Omar's commands in this process.
func (p *pair) must(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := run(t, append([]string{"--home", p.omar}, args...)...)
	if status != 0 {
		t.Fatalf("clarion %s ends with %d\n%s", strings.Join(args, " "), status, errs)
	}
	return out
}

// start runs one of Omar's commands as a process of its own.
func (p *pair) start(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader, io.Closer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "clarion", append([]string{"--home", p.omar}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out), out
}

// awaitLine reads until a line holds the text.
func awaitLine(t *testing.T, r *bufio.Reader, text string) {
	t.Helper()
	for {
		got, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("no line with %q came: %v", text, err)
		}
		if strings.Contains(got, text) {
			return
		}
	}
}

func TestAnInterruptEndsListeningWell(t *testing.T) {
	p := meet(t)
	m := p.ada.Say(p.conv, "before")
	cmd, out, _ := p.start(t, "listen", "--json")
	awaitLine(t, out, `"text":"before"`)
	p.ada.Say(p.conv, "now") // a line leaves at once, not when a buffer is full
	awaitLine(t, out, `"text":"now"`)
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the interrupt ended it with %v", err)
	}
	p.ada.AwaitState(m.ID, client.StateRead)
	if out := p.must(t, "conversations", "--json"); !strings.Contains(out, `"unread":0`) {
		t.Errorf("what was printed is unread: %s", out)
	}
}

func TestWhatNobodyReadStaysUnread(t *testing.T) {
	p := meet(t)
	p.ada.Say(p.conv, "one")
	cmd, out, pipe := p.start(t, "listen", "--json")
	awaitLine(t, out, `"text":"one"`)
	pipe.Close()
	p.ada.Say(p.conv, "two")
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != exitOther {
		t.Errorf("without a reader it ended with %v", err)
	}
	left := p.must(t, "listen", "--json", "--once", "1", "--timeout", "30")
	if !strings.Contains(left, `"text":"two"`) || strings.Contains(left, `"text":"one"`) {
		t.Errorf("afterwards listen prints %s", left)
	}
}
