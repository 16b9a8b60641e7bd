// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

func random32(t *testing.T) (b [32]byte) {
	t.Helper()
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return b
}

func fingerprintLine(fp [32]byte) string {
	hex := strings.ToUpper(fmt.Sprintf("% x", fp[:]))
	return "v=0\r\na=fingerprint:sha-256 " + strings.ReplaceAll(hex, " ", ":") + "\r\n"
}

// side is one end of a call with somebody, as the protocol's arithmetic sees it.
type side struct {
	k      call
	device [32]byte
}

// sides makes both ends of one call in one conversation, before either reveals.
func sides(t *testing.T, auth [32]byte) (caller, callee *side) {
	caller, callee = &side{device: random32(t)}, &side{device: random32(t)}
	drawn := random32(t)
	id := callID(drawn[:16])
	for _, s := range []*side{caller, callee} {
		s.k = call{ID: id, Peer: wire.Handle{Name: "x", Host: "localhost:8440"}, Auth: auth}
		s.k.round = callRound{mine: random32(t), nonce: random32(t), ready: true}
	}
	caller.k.round.offerer = true
	caller.k.Device, callee.k.Device = callee.device, caller.device
	caller.commitTo(callee)
	callee.commitTo(caller)
	return caller, callee
}

func (s *side) commitTo(other *side) {
	other.k.round.commit = s.k.commitment(s.device, s.k.round.mine, s.k.round.nonce)
	other.k.round.heard = true
}

// revealTo reports whether the other side believes what this one reveals.
func (s *side) revealTo(other *side) bool {
	ok := other.k.holds(s.k.round.mine, s.k.round.nonce)
	other.k.round.theirs, other.k.round.reveal, other.k.round.known = s.k.round.mine, s.k.round.nonce, true
	return ok
}

func TestShortCodeAgrees(t *testing.T) {
	caller, callee := sides(t, random32(t))
	if !caller.revealTo(callee) || !callee.revealTo(caller) {
		t.Fatal("an honest reveal is refused")
	}
	if a, b := caller.k.shortCode(), callee.k.shortCode(); a != b || len(a) != 9 {
		t.Fatalf("the codes are %q and %q", a, b)
	}
	caller.k.Auth[0]++
	if caller.k.shortCode() == callee.k.shortCode() {
		t.Error("another epoch has the same code")
	}
}

// TestShortCodeGrinding: somebody stands between two people, in a group with
// each, and carries their call. Whatever he draws once he knows what one side
// revealed, he is bound to what he committed to; and what he is bound to gives
// another code.
func TestShortCodeGrinding(t *testing.T) {
	const attempts = 1 << 16
	ada, asOmar := sides(t, random32(t)) // Ada calls whom she takes for Omar
	asAda, omar := sides(t, random32(t)) // and he calls Omar as Ada
	ada.revealTo(asOmar)
	asOmar.revealTo(ada)
	asAda.revealTo(omar)
	omar.revealTo(asAda)
	target := ada.k.shortCode()
	if omar.k.shortCode() == target {
		t.Fatal("two calls have one code (one chance in 10⁹)")
	}
	believed, hits := 0, 0
	for n := range attempts {
		tryNonce, tryKey := asAda.k.round.nonce, asAda.k.round.mine
		if n%2 == 0 {
			binary.BigEndian.PutUint64(tryNonce[:8], uint64(n)+1)
		} else {
			binary.BigEndian.PutUint64(tryKey[:8], uint64(n)+1)
		}
		if omar.k.holds(tryKey, tryNonce) {
			believed++
		}
		ground := omar.k
		ground.round.theirs, ground.round.reveal = tryKey, tryNonce
		if ground.shortCode() == target {
			hits++ // would be one, were it not for the commitment
		}
	}
	if believed != 0 {
		t.Errorf("%d of %d reveals that nobody committed to were believed", believed, attempts)
	}
	t.Logf("%d attempts, %d would have had Ada's code without commitments", attempts, hits)
}

// TestShortCodeNeedsCommitment is the control: without commitments a code of
// four digits is ground at once, so grinding is what the test above tries.
func TestShortCodeNeedsCommitment(t *testing.T) {
	_, omar := sides(t, random32(t))
	omar.k.round.known = true
	for n := range uint64(1 << 18) {
		binary.BigEndian.PutUint64(omar.k.round.reveal[:8], n)
		if strings.HasSuffix(omar.k.shortCode(), "0000") {
			return
		}
	}
	t.Error("four digits could not be ground")
}

// TestCommitmentIsNoMirror: what one side committed to is nobody else's.
func TestCommitmentIsNoMirror(t *testing.T) {
	caller, callee := sides(t, random32(t))
	r := &callee.k.round
	r.commit = callee.k.commitment(callee.device, r.mine, r.nonce) // his own, sent back to him
	if callee.k.holds(r.mine, r.nonce) {
		t.Error("a side believes its own commitment")
	}
	caller.commitTo(callee)
	callee.k.Round++
	if callee.k.holds(caller.k.round.mine, caller.k.round.nonce) {
		t.Error("a commitment serves in another round")
	}
}

// callClient is a client whose loop does not run, with one call. Its events
// wait in the channel.
func callClient(t *testing.T, k *call) *Client {
	t.Helper()
	c := New(Options{Vault: vault.NewMemory()})
	c.outgoing = make(chan Event, 64)
	c.self = &self{Handle: wire.Handle{Name: "omar", Host: "localhost:8440"}, Device: random32(t), Stage: stageReady}
	c.convs, c.contacts = map[conversationID]*conversation{}, map[wire.Handle]*contact{}
	c.convs[k.Conversation] = &conversation{ID: k.Conversation, Direct: true}
	c.calls[k.ID] = k
	return c
}

// toldNow takes the events that were told.
func (c *Client) toldNow() (list []Event) {
	for len(c.outgoing) > 0 {
		list = append(list, <-c.outgoing)
	}
	return list
}

// TestSwappedFingerprint: an offer that bears another certificate, another nonce
// or two certificates ends the call, and the engine never sees it.
func TestSwappedFingerprint(t *testing.T) {
	for name, change := range map[string]func(s *callSignal, theirs [32]byte){
		"another certificate": func(s *callSignal, _ [32]byte) { s.SDP = fingerprintLine([32]byte{1}) },
		"another nonce":       func(s *callSignal, _ [32]byte) { s.Nonce[0]++ },
		"two certificates":    func(s *callSignal, _ [32]byte) { s.SDP += fingerprintLine([32]byte{1}) },
		"no certificate":      func(s *callSignal, _ [32]byte) { s.SDP = "v=0\r\n" },
		"another hash": func(s *callSignal, _ [32]byte) {
			s.SDP = strings.Replace(s.SDP, "sha-256", "sha-1", 1)
		},
		"honest": nil,
	} {
		t.Run(name, func(t *testing.T) {
			caller, callee := sides(t, random32(t))
			k := &callee.k
			k.State, k.deadline = string(CallConnecting), time.Now().Add(time.Minute)
			c := callClient(t, k)
			s := &callSignal{Kind: signalOffer, Call: k.ID, Nonce: caller.k.round.nonce, SDP: fingerprintLine(caller.k.round.mine)}
			if change != nil {
				change(s, caller.k.round.mine)
			}
			if err := c.takeOffer(context.Background(), k, s); err != nil {
				t.Fatal(err)
			}
			described, ended := 0, CallReason("")
			for _, e := range c.toldNow() {
				switch e := e.(type) {
				case CallDescribed:
					described++
				case CallEnds:
					ended = e.Reason
				}
			}
			if change == nil && (described != 1 || ended != "") {
				t.Errorf("an honest offer: described %d times, ended %q", described, ended)
			}
			if change != nil && (described != 0 || ended != CallTampered || len(c.calls) != 0) {
				t.Errorf("described %d times, ended %q", described, ended)
			}
		})
	}
}

// TestReplayedOffer: an offer of an earlier round, of another call, or once more
// the same, makes no description.
func TestReplayedOffer(t *testing.T) {
	caller, callee := sides(t, random32(t))
	k := &callee.k
	k.State, k.deadline = string(CallConnecting), time.Now().Add(time.Minute)
	c := callClient(t, k)
	s := &callSignal{Kind: signalOffer, Call: k.ID, Nonce: caller.k.round.nonce, SDP: fingerprintLine(caller.k.round.mine)}
	if err := c.takeOffer(context.Background(), k, s); err != nil {
		t.Fatal(err)
	}
	first := c.toldNow()
	if err := c.takeOffer(context.Background(), k, s); err != nil {
		t.Fatal(err)
	}
	k.Round++
	if err := c.takeOffer(context.Background(), k, s); err != nil {
		t.Fatal(err)
	}
	if again := c.toldNow(); len(first) != 1 || len(again) != 0 {
		t.Errorf("one offer made %d descriptions, its replays %d", len(first), len(again))
	}
}

func FuzzCallSignal(f *testing.F) {
	seed(f, callSignal{Kind: signalRinging}, callSignal{Kind: signalOffer, SDP: "v=0"}, callSignal{Kind: signalCandidate, Candidate: CallCandidate{"c", "0", 1}},
		callSignal{Kind: signalMedia, Media: CallMedia{Audio: true}}, callSignal{Kind: signalBegin})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[callSignal](t, b) })
}

func FuzzCallRecord(f *testing.F) {
	seed(f, call{State: string(CallCalling), Peer: testHandle})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[call](t, b) })
}

func FuzzPastCall(f *testing.F) {
	seed(f, pastCall{Reason: string(CallMissed), Peer: testHandle})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[pastCall](t, b) })
}

// FuzzLiveBody: what is unpadded pads to the same bytes.
func FuzzLiveBody(f *testing.F) {
	f.Add((&liveBody{Kind: liveTyping}).padded())
	f.Add((&liveBody{Kind: liveCall, Data: []byte("x")}).padded())
	f.Fuzz(func(t *testing.T, b []byte) {
		var body liveBody
		if unpadLive(b, &body) != nil {
			return
		}
		if again := body.padded(); len(b) == len(again) && string(again) != string(b) {
			t.Fatalf("%x unpads to %+v, which pads to %x", b, body, again)
		}
	})
}

// FuzzFingerprint: a description's fingerprint is read or refused, never both.
func FuzzFingerprint(f *testing.F) {
	f.Add(fingerprintLine([32]byte{7}))
	f.Add("a=fingerprint:sha-256 00")
	f.Fuzz(func(t *testing.T, sdp string) {
		fp, err := sdpFingerprint(sdp)
		if err == nil && !strings.Contains(strings.ToLower(sdp), strings.ToLower(fingerprintLine(fp)[len("v=0\r\na=fingerprint:sha-256 "):][:95])) {
			t.Fatalf("%q has no fingerprint %x", sdp, fp)
		}
	})
}
