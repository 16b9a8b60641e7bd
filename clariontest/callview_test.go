// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// TestCallWireView: of a call whose signals pass the server and whose sound
// passes its relay, nothing that it is about is seen or stored there: no
// description, candidate, certificate, code or sound. The same searches find
// all of it planted.
func TestCallWireView(t *testing.T) {
	v := newView(t, withRelay)
	a, o := v.person("ada"), v.person("omar")
	lin := v.person("lin") // planted names are three
	conv := Meet(a, o)
	lin.Online()
	_, ada, omar := netCallers(v.Server, a, o)
	said := make([]byte, 40)
	_, _ = rand.Read(said)
	var heard bytes.Buffer
	ao, oo := ada.options(conv), omar.options(conv)
	ao.Play, ao.AlwaysRelay, oo.Record = sound(t, 50, said), true, &heard
	since := v.net.mark()
	ar, _ := converse(t, ada, omar, conv, ao, oo)
	if ar.Path != "relay" || !bytes.Contains(heard.Bytes(), said) {
		t.Fatalf("the call went %+v: there is nothing to look for", ar)
	}
	v.noteCall(ar.Call, ar.Code, said, append(ada.told(), omar.told()...))
	v.noNames("mailbox-door traffic of the call", v.net.traffic("mailbox", since))

	traffic := v.net.traffic("", nil)
	for place, b := range v.stored() {
		for what, marker := range v.markers {
			if holds(b, marker) {
				t.Errorf("%s is in %s", what, place)
			}
		}
	}
	for what, marker := range v.markers {
		if holds(traffic, marker) {
			t.Errorf("%s is in what passes by", what)
		}
	}
	v.quietLog()
	v.planted()
}

// noteCall keeps what a call is about, to be looked for.
func (v *view) noteCall(id, code string, said []byte, told []string) {
	v.t.Helper()
	v.markers["the call's id"], v.markers["the code"], v.markers["the sound"] = []byte(id), []byte(code), said
	kinds := map[string]int{}
	for _, s := range told {
		for l := range strings.Lines(s) {
			l = strings.TrimSpace(l)
			kind, _, _ := strings.Cut(strings.TrimPrefix(l, "a="), ":")
			switch kind {
			case "candidate", "fingerprint", "ice-pwd":
				kinds[kind]++
				v.markers[fmt.Sprintf("%s %d", kind, kinds[kind])] = []byte(strings.TrimPrefix(l, "a="))
			}
		}
	}
	if kinds["candidate"] < 2 || kinds["fingerprint"] < 2 || kinds["ice-pwd"] < 2 {
		v.t.Fatalf("the call has only %v to look for", kinds)
	}
}

// TestCallStranger: somebody who is not accepted makes nobody's device ring, is
// not told that there is one, and learns no address: whatever they send about a
// call, no frame leaves for them. Accepted, the same call rings.
func TestCallStranger(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	var left []string // what lin's device sent to whoever is there, or appended
	tap := &Tap{Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
		switch body.(type) {
		case *wire.Live, *wire.Append:
			left = append(left, fmt.Sprintf("%T", body))
		}
		return true
	}}
	lin, _ := s.RegisterWith("lin", Options{Dialer: tap})
	lin.Online()
	ada.Online()
	asked, err := ada.Accept(Context(t), "lin")
	if err != nil {
		t.Fatal(err)
	}
	Await(lin, "a contact request", func(client.ContactRequested) bool { return true })
	caller := newEngine(ada)
	k := caller.call(asked.ID)
	lin.Stop() // what it would have sent has left
	again := lin.Reopen()
	again.Online() // and all that waits for it was read
	again.Stop()
	for _, e := range append(lin.Log, again.Log...) {
		if _, rang := e.(client.CallArrived); rang {
			t.Error("somebody who is not accepted rang")
		}
	}
	if len(left) > 0 {
		t.Errorf("to somebody who is not accepted %v left", left)
	}
	if now, err := ada.Calls(Context(t)); err != nil || len(now) != 1 || now[0].ID != k.ID || now[0].PeerRings {
		t.Errorf("whoever is not accepted sees of the call %+v (%v)", now, err)
	}
	lin = again.Reopen()
	lin.Online()
	if err := ada.EndCall(Context(t), k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := lin.Accept(Context(t), "ada"); err != nil {
		t.Fatal(err)
	}
	k = caller.call(asked.ID)
	Await(lin, "the call of somebody who is accepted", func(e client.CallArrived) bool { return e.Call == k.ID })
}
