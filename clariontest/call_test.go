// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/client"
)

// engine stands for a media engine in what it does towards the core: it has a
// certificate, and describes itself by it.
type engine struct {
	*Client
	fingerprint string
}

func newEngine(c *Client) *engine {
	var b [32]byte
	_, _ = rand.Read(b[:])
	parts := make([]string, len(b))
	for i, x := range b {
		parts[i] = fmt.Sprintf("%02X", x)
	}
	return &engine{c, "sha-256 " + strings.Join(parts, ":")}
}

func (e *engine) params() client.CallParams { return client.CallParams{Fingerprint: e.fingerprint} }

func (e *engine) sdp(turn int) string {
	return fmt.Sprintf("v=0\r\ns=%d\r\na=fingerprint:%s\r\n", turn, e.fingerprint)
}

func (e *engine) describe(call string, turn int) {
	e.t.Helper()
	if err := e.DescribeCall(Context(e.t), call, e.sdp(turn)); err != nil {
		e.t.Fatalf("%s describes: %v", e.Name, err)
	}
}

func (e *engine) connected(call string) {
	e.t.Helper()
	if err := e.ConnectedCall(Context(e.t), call); err != nil {
		e.t.Fatalf("%s is connected: %v", e.Name, err)
	}
}

// awaitCode waits for the short code of a call's newest round.
func (e *engine) awaitCode(call string, round uint32) string {
	e.t.Helper()
	return Await(e.Client, "the short code", func(x client.CallChanged) bool {
		return x.Call.ID == call && x.Call.Round == round && x.Call.Code != ""
	}).Call.Code
}

func (e *engine) awaitEnd(call string) client.CallEnds {
	e.t.Helper()
	return Await(e.Client, "the end of the call", func(x client.CallEnds) bool { return x.Call == call })
}

// agree takes a round from the offer that is wanted to the code, which must be
// the same on both sides.
func agree(t *testing.T, offerer, answerer *engine, call string, round uint32) string {
	t.Helper()
	Await(offerer.Client, "an offer is wanted", func(x client.CallOfferWanted) bool { return x.Call == call && !x.Restart })
	offerer.describe(call, 0)
	d := Await(answerer.Client, "the offer", func(x client.CallDescribed) bool { return x.Call == call && x.Offer })
	if d.SDP != offerer.sdp(0) || d.Restart {
		t.Errorf("the offer came as %+v", d)
	}
	answerer.describe(call, 0)
	d = Await(offerer.Client, "the answer", func(x client.CallDescribed) bool { return x.Call == call && !x.Offer })
	if d.SDP != answerer.sdp(0) || d.Restart {
		t.Errorf("the answer came as %+v", d)
	}
	a, b := offerer.awaitCode(call, round), answerer.awaitCode(call, round)
	if a != b || len(a) != 9 {
		t.Fatalf("the codes are %q and %q", a, b)
	}
	offerer.connected(call)
	answerer.connected(call)
	return a
}

// callers are two people who can call each other.
func callers(t *testing.T) (ada, omar *engine, conv string) {
	s := NewServer(t)
	a, _ := s.Register("ada")
	o, _ := s.Register("omar")
	conv = Meet(a, o)
	return newEngine(a), newEngine(o), conv
}

func (e *engine) call(conv string) client.Call {
	e.t.Helper()
	k, err := e.StartCall(Context(e.t), conv, e.params())
	if err != nil {
		e.t.Fatalf("%s calls: %v", e.Name, err)
	}
	return k
}

func (e *engine) awaitRing() client.CallArrived {
	e.t.Helper()
	return Await(e.Client, "a call", func(client.CallArrived) bool { return true })
}

func (e *engine) answer(call string) {
	e.t.Helper()
	if _, err := e.AnswerCall(Context(e.t), call, e.params()); err != nil {
		e.t.Fatalf("%s answers: %v", e.Name, err)
	}
}

func TestCall(t *testing.T) {
	ada, omar, conv := callers(t)
	k := ada.call(conv)
	ring := omar.awaitRing()
	if ring.Call != k.ID || ring.From.Name != "ada" || ring.Conversation != conv {
		t.Fatalf("Omar hears %+v", ring)
	}
	Await(ada.Client, "that it rings", func(x client.CallChanged) bool { return x.Call.PeerRings })
	omar.answer(k.ID)
	first := agree(t, ada, omar, k.ID, 0)

	if err := omar.CandidateCall(Context(t), k.ID, client.CallCandidate{Candidate: "candidate:1", Mid: "0"}); err != nil {
		t.Fatal(err)
	}
	Await(ada.Client, "a candidate", func(x client.CallCandidateArrived) bool { return x.Candidate.Candidate == "candidate:1" })
	if err := ada.TellMedia(Context(t), k.ID, client.CallMedia{Audio: true, Screen: true}); err != nil {
		t.Fatal(err)
	}
	Await(omar.Client, "what she sends", func(x client.CallChanged) bool { return x.Call.PeerMedia.Screen })

	// The network changes under Omar: the connection is kept, and so is the code.
	if err := omar.RestartCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	Await(ada.Client, "that a restart is wanted", func(x client.CallOfferWanted) bool { return x.Restart })
	ada.describe(k.ID, 1)
	if d := Await(omar.Client, "the second offer", func(x client.CallDescribed) bool { return x.Offer }); !d.Restart || d.SDP != ada.sdp(1) {
		t.Errorf("the second offer came as %+v", d)
	}
	omar.describe(k.ID, 1)
	if d := Await(ada.Client, "the second answer", func(x client.CallDescribed) bool { return !x.Offer }); !d.Restart {
		t.Errorf("the second answer came as %+v", d)
	}
	ada.connected(k.ID)
	omar.connected(k.ID)
	list, err := ada.Calls(Context(t))
	if err != nil || len(list) != 1 || list[0].Code != first || list[0].State != client.CallConnected {
		t.Errorf("Ada's calls are %+v, %v", list, err)
	}

	if err := omar.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*engine{ada, omar} {
		if end := e.awaitEnd(k.ID); end.Reason != client.CallHungUp {
			t.Errorf("for %s it ended as %s", e.Name, end.Reason)
		}
		past, err := e.CallHistory(Context(t), 10)
		if err != nil || len(past) != 1 || past[0].ID != k.ID || past[0].Incoming != (e == omar) {
			t.Errorf("%s's past calls are %+v, %v", e.Name, past, err)
		}
		page, err := e.HistoryPage(Context(t), conv, "", 50)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, i := range page.Items {
			if i.Kind == client.KindCall && i.Line.Call == k.ID && i.Line.Reason == client.CallHungUp {
				lines++
			}
		}
		if lines != 1 {
			t.Errorf("%s's history has %d lines of the call", e.Name, lines)
		}
	}
}

func TestCallDeclinedBusyCancelled(t *testing.T) {
	ada, omar, conv := callers(t)
	k := ada.call(conv)
	omar.awaitRing()
	if err := omar.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	if end := ada.awaitEnd(k.ID); end.Reason != client.CallDeclined {
		t.Errorf("declined came as %s", end.Reason)
	}

	k = ada.call(conv)
	omar.awaitRing()
	if err := ada.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	if end := ada.awaitEnd(k.ID); end.Reason != client.CallCancelled {
		t.Errorf("for Ada it ended as %s", end.Reason)
	}
	Await(omar.Client, "a missed call", func(x client.CallEnds) bool { return x.Call == k.ID && x.Reason == client.CallMissed })

	lin, _ := omar.server.Register("lin")
	other := newEngine(lin)
	second := Meet(omar.Client, lin)
	k = ada.call(conv)
	omar.awaitRing()
	omar.answer(k.ID)
	agree(t, ada, omar, k.ID, 0)
	busy := other.call(second)
	if end := other.awaitEnd(busy.ID); end.Reason != client.CallBusy {
		t.Errorf("busy came as %s", end.Reason)
	}
	if _, err := omar.StartCall(Context(t), second, omar.params()); client.AsFailure(err).Code != client.FailInCall {
		t.Errorf("a second call gives %v", err)
	}
	if _, err := omar.AnswerCall(Context(t), k.ID, omar.params()); client.AsFailure(err).Code != client.FailCallTaken {
		t.Errorf("a second answer gives %v", err)
	}
}

// TestCallsCross: both call at once, and one call comes of it.
func TestCallsCross(t *testing.T) {
	ada, omar, conv := callers(t)
	type result struct {
		k   client.Call
		err error
	}
	done := make(chan result, 2)
	for _, e := range []*engine{ada, omar} {
		go func() {
			k, err := e.StartCall(Context(t), conv, e.params())
			done <- result{k, err}
		}()
	}
	for range 2 {
		if r := <-done; r.err != nil {
			t.Fatal(r.err)
		}
	}
	going := func(e *engine) client.Call {
		return Await(e.Client, "that the call goes on", func(x client.CallChanged) bool { return x.Call.State == client.CallConnecting }).Call
	}
	a, b := going(ada), going(omar)
	if a.ID != b.ID || a.Incoming == b.Incoming {
		t.Fatalf("of two calls came %+v and %+v", a, b)
	}
	offerer, answerer := ada, omar
	if a.Incoming {
		offerer, answerer = omar, ada
	}
	agree(t, offerer, answerer, a.ID, 0)
}

// TestCallAgain: a page is reloaded in the middle of a call. Both sides commit
// anew, and the code is another.
func TestCallAgain(t *testing.T) {
	ada, omar, conv := callers(t)
	k := ada.call(conv)
	omar.awaitRing()
	omar.answer(k.ID)
	first := agree(t, ada, omar, k.ID, 0)

	omar = newEngine(omar.Reopen().Online())
	list, err := omar.Calls(Context(t))
	if err != nil || len(list) != 1 || list[0].State != client.CallLost {
		t.Fatalf("after the reload Omar's calls are %+v, %v", list, err)
	}
	if _, err := omar.ResumeCall(Context(t), k.ID, omar.params()); err != nil {
		t.Fatal(err)
	}
	Await(ada.Client, "that it begins again", func(x client.CallAgain) bool { return x.Call == k.ID })
	ada = newEngine(ada.Client)
	ada.answer(k.ID)
	if second := agree(t, omar, ada, k.ID, 1); second == first {
		t.Error("another round has the same code")
	}
	if err := ada.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	if end := omar.awaitEnd(k.ID); end.Reason != client.CallHungUp {
		t.Errorf("it ended as %s", end.Reason)
	}
}

// TestCallMissed: a call to somebody who is not there is a missed one when they
// are, and one that still rings is heard by whoever comes in time.
func TestCallMissed(t *testing.T) {
	ada, omar, conv := callers(t)
	omar.Stop()
	k := ada.call(conv)
	again := newEngine(omar.Client.Reopen().Online())
	if ring := again.awaitRing(); ring.Call != k.ID {
		t.Errorf("he hears %+v", ring)
	}
	if err := ada.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	if end := again.awaitEnd(k.ID); end.Reason != client.CallMissed {
		t.Errorf("it ended as %s", end.Reason)
	}

	again.Stop()
	k = ada.call(conv)
	ada.Stop() // so that nobody says that it is over
	ada.server.Clock.Add(90 * time.Second)
	late := newEngine(again.Client.Reopen().Online())
	if end := late.awaitEnd(k.ID); end.Reason != client.CallMissed || !end.Incoming {
		t.Errorf("a call that rang out ended as %+v", end)
	}
	if v, err := late.Find(Context(t), conv); err != nil || v.Unread != 2 {
		t.Errorf("%d unread, %v", v.Unread, err)
	}
	if err := late.MarkRead(Context(t), conv, 1<<40); err != nil {
		t.Fatal(err)
	}
	if v, err := late.Find(Context(t), conv); err != nil || v.Unread != 0 {
		t.Errorf("%d unread after reading, %v", v.Unread, err)
	}
	for _, e := range late.Log {
		if _, rang := e.(client.CallArrived); rang {
			t.Error("a call that rang out rang again")
		}
	}
}
