// SPDX-License-Identifier: AGPL-3.0-or-later

package call_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/call"
	"clarion.chat/clarion/server"
)

// watched is a core that notes what an engine hands to it.
type watched struct {
	*clariontest.Client
	mu         sync.Mutex
	candidates []string
	sdps       []string
}

func (w *watched) CandidateCall(ctx context.Context, id string, c client.CallCandidate) error {
	w.mu.Lock()
	w.candidates = append(w.candidates, c.Candidate)
	w.mu.Unlock()
	return w.Client.CandidateCall(ctx, id, c)
}

func (w *watched) DescribeCall(ctx context.Context, id, sdp string) error {
	w.mu.Lock()
	w.sdps = append(w.sdps, sdp)
	w.mu.Unlock()
	return w.Client.DescribeCall(ctx, id, sdp)
}

// TestRelayTellsNoAddress: of a call that is always relayed, the other side
// hears of no address of this device, not even as the base of the relay's
// (RFC 8839 §5.1: rel-addr may be 0.0.0.0 to keep it).
func TestRelayTellsNoAddress(t *testing.T) {
	s := clariontest.NewServer(t, func(c *server.Config) { c.Relay.Anywhere = true })
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := clariontest.Meet(ada, omar)
	for _, tcp := range []bool{false, true} {
		w := &watched{Client: ada}
		a, _ := talk(t, &side{Client: ada, core: w}, &side{Client: omar}, conv, call.Options{AlwaysRelay: true, TCP: tcp, For: time.Second}, call.Options{})
		if a.Path != "relay" || len(w.candidates) == 0 || len(w.sdps) == 0 {
			t.Fatalf("tcp %v: %+v with %d candidates", tcp, a, len(w.candidates))
		}
		for _, c := range w.candidates {
			if !strings.Contains(c, " typ relay") || !strings.Contains(c, " raddr 0.0.0.0 rport 9") {
				t.Errorf("tcp %v: the other side is told %q", tcp, c)
			}
		}
		for _, d := range w.sdps {
			if strings.Contains(d, "a=candidate") {
				t.Errorf("tcp %v: the description names candidates", tcp)
			}
		}
	}
}

// side is a person's part of a call: a client, perhaps seen through another core,
// and what happens to its events on their way to the engine.
type side struct {
	*clariontest.Client
	core   call.Core // nil: the client
	events func(<-chan client.Event) <-chan client.Event
}

func (s *side) engine(t *testing.T, conv string, o call.Options) *call.Engine {
	t.Helper()
	if o.Core, o.Conversation, o.Loopback = s.core, conv, true; o.Core == nil {
		o.Core = s.Client
	}
	e, err := call.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *side) run(ctx context.Context, e *call.Engine) (call.Result, error) {
	events := s.Events()
	if s.events != nil {
		events = s.events(events)
	}
	return e.Run(ctx, events)
}

// talk lets one call the other and waits for the end of both.
func talk(t *testing.T, a, b *side, conv string, ao, bo call.Options) (ar, br call.Result) {
	t.Helper()
	return talkWhile(t, clariontest.Context(t), a, b, conv, ao, bo)
}

// talkWhile is talk, in which the caller hangs up with ctx.
func talkWhile(t *testing.T, until context.Context, a, b *side, conv string, ao, bo call.Options) (ar, br call.Result) {
	t.Helper()
	caller, answerer := a.engine(t, conv, ao), b.engine(t, conv, bo)
	ctx := clariontest.Context(t)
	if _, err := caller.Call(ctx); err != nil {
		t.Fatal(err)
	}
	ring := clariontest.Await(b.Client, "a call", func(client.CallArrived) bool { return true })
	if _, err := answerer.Answer(ctx, ring.Call); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		br, err = b.run(ctx, answerer)
		ended <- err
	}()
	var err error
	if ar, err = a.run(until, caller); err != nil {
		t.Errorf("the caller's engine: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the answerer's engine: %v", err)
	}
	return ar, br
}

// TestNothingOutlivesRun: when both engines have run, none of the library's
// goroutines is left.
func TestNothingOutlivesRun(t *testing.T) {
	ada, omar, conv := people(t)
	talk(t, &side{Client: ada}, &side{Client: omar}, conv, call.Options{For: time.Second}, call.Options{Record: &bytes.Buffer{}})
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, g := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(g, "github.com/pion") {
			t.Errorf("left behind:\n%s", g)
		}
	}
}

// TestCandidatesBeforeTheOffer: candidates overtake an offer that was lost and
// sent again. Without them there is no way here: the caller hears of none.
func TestCandidatesBeforeTheOffer(t *testing.T) {
	ada, omar, conv := people(t)
	deaf := func(in <-chan client.Event) <-chan client.Event {
		return through(t, in, func(ev client.Event) []client.Event {
			if _, is := ev.(client.CallCandidateArrived); is {
				return nil
			}
			return []client.Event{ev}
		})
	}
	var offer client.Event
	given := false
	late := func(in <-chan client.Event) <-chan client.Event {
		return through(t, in, func(ev client.Event) []client.Event {
			switch ev := ev.(type) {
			case client.CallDescribed:
				if offer == nil {
					offer = ev
					return nil
				}
			case client.CallCandidateArrived:
				if !given && strings.Contains(ev.Candidate.Candidate, "127.0.0.1") {
					given = true
					return []client.Event{ev, offer}
				}
				return nil // of the machine's others
			}
			return []client.Event{ev}
		})
	}
	a, _ := talk(t, &side{Client: ada, events: deaf}, &side{Client: omar, events: late}, conv, call.Options{For: time.Second}, call.Options{})
	if a.Reason != client.CallHungUp || a.Path != "direct" {
		t.Errorf("it came to %+v", a)
	}
}

// through hands events on as change says, until the test ends.
func through(t *testing.T, in <-chan client.Event, change func(client.Event) []client.Event) <-chan client.Event {
	out := make(chan client.Event, 64)
	ctx := t.Context()
	go func() {
		for {
			select {
			case ev, open := <-in:
				if !open {
					return
				}
				for _, ev := range change(ev) {
					out <- ev
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// forgetful is a core that loses the second description it is given: an offer
// that restarts ICE. connected counts the connections it is told of.
type forgetful struct {
	*clariontest.Client
	offers    atomic.Int32
	connected chan struct{}
}

func (f *forgetful) DescribeCall(ctx context.Context, id, sdp string) error {
	if f.offers.Add(1) == 2 {
		return nil
	}
	return f.Client.DescribeCall(ctx, id, sdp)
}

func (f *forgetful) ConnectedCall(ctx context.Context, id string) error {
	f.connected <- struct{}{}
	return f.Client.ConnectedCall(ctx, id)
}

// TestRestartsUntilAnswered: an offer that nobody answered, because the network
// was away, is followed by another, and the connection comes back.
func TestRestartsUntilAnswered(t *testing.T) {
	ada, omar, conv := people(t)
	f := &forgetful{Client: ada, connected: make(chan struct{}, 16)}
	ctx, hangUp := context.WithCancel(clariontest.Context(t))
	defer hangUp()
	heard := &tape{left: 80, full: make(chan struct{})} // more than comes before the restart: the gap counts once something follows it
	restarted := make(chan error, 1)
	go func() {
		defer hangUp()
		<-f.connected
		list, err := ada.Calls(ctx)
		again := time.NewTicker(100 * time.Millisecond) // the core lets 3 s pass between two
		defer again.Stop()
		for err == nil && f.offers.Load() < 3 {
			<-again.C
			err = ada.RestartCall(ctx, list[0].ID)
		}
		for _, happened := range []chan struct{}{f.connected, heard.full} {
			select {
			case <-happened:
			case <-ctx.Done():
				err = errors.Join(err, ctx.Err())
			}
		}
		restarted <- err
	}()
	a, o := talkWhile(t, ctx, &side{Client: ada, core: f}, &side{Client: omar}, conv, call.Options{}, call.Options{Record: heard})
	if err := <-restarted; err != nil {
		t.Errorf("it did not come back: %v", err)
	}
	if a.Reason != client.CallHungUp || o.Reason != client.CallHungUp {
		t.Errorf("it came to %+v and %+v", a, o)
	}
}
