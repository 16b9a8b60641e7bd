// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/call"
)

// TestACallThatIsOn: whoever else calls hears that it is busy, and an interrupt
// hangs up for both.
func TestACallThatIsOn(t *testing.T) {
	p := meet(t)
	eve := filepath.Join(t.TempDir(), "eve")
	i, err := p.ada.Invite(clariontest.Context(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"register", "--server", p.server.URL, "--name", "eve"}, {"accept", i.Link}} {
		if status, _, errs := run(t, append([]string{"--home", eve}, args...)...); status != 0 {
			t.Fatalf("%v: %s", args, errs)
		}
	}
	clariontest.Await[client.ConversationJoined](p.ada, "Eve's conversation", nil)

	cmd, out, _ := p.start(t, "call", "ada", "--loopback")
	ring := clariontest.Await[client.CallArrived](p.ada, "Omar's call", nil)
	connected := make(chan struct{}, 8)
	engine, err := call.New(call.Options{Core: p.ada, Conversation: ring.Conversation, Loopback: true, Watch: func(k client.Call) {
		if k.State == client.CallConnected && len(connected) == 0 {
			connected <- struct{}{}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Answer(clariontest.Context(t), ring.Call); err != nil {
		t.Fatal(err)
	}
	ended := make(chan call.Result, 1)
	go func() {
		r, err := engine.Run(clariontest.Context(t), p.ada.Events())
		if err != nil {
			t.Errorf("Ada's engine: %v", err)
		}
		ended <- r
	}()
	<-connected

	status, _, errs := run(t, "--home", eve, "call", "ada", "--loopback")
	if status != exitRefused || !strings.Contains(errs, "error: call_busy: ") {
		t.Errorf("Eve's call ends with %d: %s", status, errs)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil || !strings.HasPrefix(string(said), "Talked for ") {
		t.Errorf("the interrupt ended it with %v: %s", err, said)
	}
	if r := <-ended; r.Reason != client.CallHungUp || r.Path != "direct" {
		t.Errorf("for Ada it was %+v", r)
	}
}

// TestHowCallsEnd: each way in which a call comes to nothing has its code, its
// status and a hint.
func TestHowCallsEnd(t *testing.T) {
	for reason, want := range map[client.CallReason]struct {
		code   string
		status int
	}{
		client.CallDeclined:    {"call_declined", 5},
		client.CallBusy:        {"call_busy", 5},
		client.CallNoAnswer:    {"call_no_answer", 7},
		client.CallTampered:    {"call_tampered", 5},
		client.CallCancelled:   {"call_cancelled", 1},
		client.CallHungUp:      {"call_cancelled", 1},
		client.CallFailed:      {"call_failed", 1},
		client.CallInterrupted: {"call_failed", 1},
	} {
		f := client.AsFailure((&onCall{}).end(call.Result{Reason: reason}, nil))
		if f.Code != want.code || statusOf(f) != want.status || f.Text == "" || f.Hint == "" {
			t.Errorf("%s is %s, status %d", reason, f.Code, statusOf(f))
		}
	}
}
