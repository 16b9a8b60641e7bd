// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// callersThrough are two people whose connections pass taps.
func callersThrough(t *testing.T, a, o *Tap) (ada, omar *engine, conv string) {
	s := NewServer(t)
	one, _ := s.RegisterWith("ada", Options{Dialer: a})
	two, _ := s.RegisterWith("omar", Options{Dialer: o})
	conv = Meet(one, two)
	return newEngine(one), newEngine(two), conv
}

// TestCallThroughLoss: of two live frames one is lost, and the call
// comes about all the same.
func TestCallThroughLoss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var lost, passed atomic.Int32
	lossy := func(n uint64) *Tap {
		draw := rand.New(rand.NewPCG(seed, n))
		return &Tap{Down: func(_ *Link, _ wire.Ref, body wire.Body) bool {
			if _, live := body.(*wire.LiveArrived); !live {
				return true
			}
			if draw.IntN(2) != 0 {
				lost.Add(1)
				return false
			}
			passed.Add(1)
			return true
		}}
	}
	ada, omar, conv := callersThrough(t, lossy(1), &Tap{})
	k := ada.call(conv)
	omar.awaitRing()
	omar.answer(k.ID)
	agree(t, ada, omar, k.ID, 0)
	ada.Stop()
	if lost.Load() == 0 || passed.Load() == 0 {
		t.Errorf("%d frames were lost and %d passed: nothing was tried", lost.Load(), passed.Load())
	}
}

// TestCallServerRepeatsAndAlters: a server that shows each live frame three
// times, one of them altered, makes no description come twice and none that
// was not sent.
func TestCallServerRepeatsAndAlters(t *testing.T) {
	var altered atomic.Int32
	liar := func() *Tap {
		return &Tap{Down: func(l *Link, ref wire.Ref, body wire.Body) bool {
			live, is := body.(*wire.LiveArrived)
			if !is {
				return true
			}
			bad := *live
			bad.Body = bytes.Clone(live.Body)
			bad.Body[len(bad.Body)/2] ^= 1
			l.Tell(ref, &bad)
			l.Tell(ref, live)
			altered.Add(1)
			return true // and so it comes once more
		}}
	}
	ada, omar, conv := callersThrough(t, liar(), liar())
	k := ada.call(conv)
	omar.awaitRing()
	omar.answer(k.ID)
	agree(t, ada, omar, k.ID, 0)
	if err := ada.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	omar.awaitEnd(k.ID)
	ada.Stop()
	omar.Stop()
	for _, e := range []*engine{ada, omar} {
		described := 0
		for _, x := range e.Log {
			if _, is := x.(client.CallDescribed); is {
				described++
			}
		}
		if described != 1 {
			t.Errorf("%s's engine was given %d descriptions", e.Name, described)
		}
	}
	if altered.Load() == 0 {
		t.Error("nothing was altered")
	}
}

// TestCallServerRestarts: the server is gone between the answer and the offer.
func TestCallServerRestarts(t *testing.T) {
	ada, omar, conv := callers(t)
	k := ada.call(conv)
	omar.awaitRing()
	omar.answer(k.ID)
	Await(ada.Client, "an offer is wanted", func(x client.CallOfferWanted) bool { return x.Call == k.ID })
	ada.server.Restart()
	ada.describe(k.ID, 0)
	Await(omar.Client, "the offer", func(x client.CallDescribed) bool { return x.Offer })
	omar.describe(k.ID, 0)
	Await(ada.Client, "the answer", func(x client.CallDescribed) bool { return !x.Offer })
	if a, b := ada.awaitCode(k.ID, 0), omar.awaitCode(k.ID, 0); a != b {
		t.Errorf("the codes are %s and %s", a, b)
	}
}

// TestCallRefusals: who may not call, and what an engine may not say.
func TestCallRefusals(t *testing.T) {
	ada, omar, conv := callers(t)
	lin, _ := ada.server.Register("lin")
	lin.Online()
	asked, err := ada.Accept(Context(t), "lin") // a contact request that nobody answered
	if err != nil {
		t.Fatal(err)
	}
	k, err := ada.StartCall(Context(t), asked.ID, ada.params())
	if err != nil {
		t.Fatal(err)
	}
	Await(lin, "a contact request", func(client.ContactRequested) bool { return true })
	lin.take()
	for _, e := range lin.Log {
		if _, rang := e.(client.CallArrived); rang {
			t.Error("somebody who is not accepted rang")
		}
	}
	if err := ada.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}

	group, err := ada.NewGroup(Context(t), "Harbour", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ada.StartCall(Context(t), group.ID, ada.params())
	FailsWith(t, err, client.FailCallGroup)
	_, err = ada.StartCall(Context(t), conv, client.CallParams{Fingerprint: "sha-1 00"})
	FailsWith(t, err, client.FailFingerprint)
	FailsWith(t, ada.EndCall(Context(t), k.ID), client.FailNoCall)

	k = ada.call(conv)
	omar.awaitRing()
	omar.answer(k.ID)
	FailsWith(t, omar.DescribeCall(Context(t), k.ID, omar.sdp(0)), client.FailDescription) // nobody asked yet
	Await(ada.Client, "an offer is wanted", func(x client.CallOfferWanted) bool { return x.Call == k.ID })
	FailsWith(t, ada.DescribeCall(Context(t), k.ID, newEngine(ada.Client).sdp(0)), client.FailFingerprint)
	if err := omar.Block(Context(t), "ada"); err != nil {
		t.Fatal(err)
	}
	if end := omar.awaitEnd(k.ID); end.Reason != client.CallInterrupted {
		t.Errorf("a call with somebody who was blocked ended as %s", end.Reason)
	}
	again, err := omar.Calls(Context(t))
	if err != nil || len(again) != 0 {
		t.Errorf("Omar's calls are %+v, %v", again, err)
	}
}
