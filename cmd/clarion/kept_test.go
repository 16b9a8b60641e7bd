// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

func TestKeptEventsComeBackOnceInOrder(t *testing.T) {
	at := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	ada := wire.Handle{Name: "ada", Host: "localhost:8440"}
	events := []client.Event{
		client.MessageStateChanged{At: at, Conversation: "c", Seq: 1, ID: "i", State: client.StateRead},
		client.ConversationJoined{At: at, Conversation: "c", Seq: 2, Name: "n", Members: []wire.Handle{ada}},
		client.MemberAdded{At: at, Conversation: "c", Seq: 3, Handle: ada},
		client.MemberRemoved{At: at, Conversation: "c", Seq: 4, Handle: ada},
		client.MemberRemoved{At: at, Conversation: "c", Seq: 4, Handle: ada, Left: true},
		client.DeviceAdded{At: at, Conversation: "c", Seq: 5, Handle: ada},
		client.CodeChanged{At: at, Conversation: "c", Code: "123"},
		client.KeepChanged{At: at, Conversation: "c", Seq: 5, By: ada, Days: 7},
		client.IdentityChanged{At: at, Handle: ada, Held: true},
		client.Problem{At: at, Conversation: "c", Seq: 6, Code: "p", Text: "sentence", Hint: "h"},
	}
	for _, e := range events {
		if !keeps(e) {
			t.Errorf("%T is not kept", e)
		}
	}
	for _, e := range []client.Event{client.MessageArrived{}, client.ContactRequested{}, client.Typing{}, client.ConnectionChanged{}} {
		if keeps(e) {
			t.Errorf("%T is kept", e)
		}
	}
	v := vault.NewMemory()
	if err := keep(t.Context(), v, events[:3]); err != nil {
		t.Fatal(err)
	}
	if err := keep(t.Context(), v, events[3:]); err != nil {
		t.Fatal(err)
	}
	// A reader that goes away has had the first two.
	gone := errors.New("gone")
	var got []client.Event
	read := func(most int) func(client.Event) error {
		return func(e client.Event) error {
			if len(got) == most {
				return gone
			}
			got = append(got, e)
			return nil
		}
	}
	if err := takeKept(t.Context(), v, read(2)); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	if err := takeKept(t.Context(), v, read(99)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, events) {
		t.Errorf("came back as\n%+v, not\n%+v", got, events)
	}
	if left, err := v.Scan(t.Context(), "", "", 1); err != nil || len(left) != 0 {
		t.Errorf("%d records are left, %v", len(left), err)
	}
}

func TestTheOldestKeptGiveWay(t *testing.T) {
	v := vault.NewMemory()
	many := func(from, n int) []client.Event {
		out := make([]client.Event, n)
		for i := range out {
			out[i] = client.CodeChanged{Code: fmt.Sprint(from + i)}
		}
		return out
	}
	if err := keep(t.Context(), v, many(0, keptMost)); err != nil {
		t.Fatal(err)
	}
	if err := keep(t.Context(), v, many(keptMost, 10)); err != nil {
		t.Fatal(err)
	}
	next := 10
	err := takeKept(t.Context(), v, func(e client.Event) error {
		if got := e.(client.CodeChanged).Code; got != fmt.Sprint(next) {
			return fmt.Errorf("%s where %d was due", got, next)
		}
		next++
		return nil
	})
	if err != nil || next != keptMost+10 {
		t.Errorf("ended at %d: %v", next, err)
	}
}

func FuzzEventOf(f *testing.F) {
	f.Add([]byte(`{"event":"problem","at":"2026-11-22T05:00:00Z","conversation":"c","seq":1,"code":"x","hint":"h"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e := eventOf(b); e != nil && !keeps(e) {
			t.Fatalf("%q became %T, which is never kept", b, e)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(`{"account":"ada@x","tables":[{"table":"account","rows":1}],"could":[],"cannot":[],"signature":"` + strings.Repeat("00", 64) +
		`","at":"2026-11-22T05:00:00Z","host":"x","server_key":"` + strings.Repeat("00", 32) + `"}`))
	f.Add([]byte(`{"conversation":"c","mailbox":"` + strings.Repeat("00", 32) + `","tables":[],"sizes":[{"bytes":512,"rows":1}],"keep":7,"first_gone":"2026-11-22T05:00:00Z","signature":"` +
		strings.Repeat("00", 64) + `","at":"2026-11-22T05:00:00Z","host":"x","server_key":"` + strings.Repeat("00", 32) + `"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnswer(b)
		if (a == nil) == (err == nil) {
			t.Fatalf("%q gives %v and %v", b, a, err)
		}
		if err != nil && exitStatus(client.AsFailure(err).Code) != exitUsage {
			t.Fatalf("%q: %v", b, err)
		}
		if err == nil {
			ed25519.Verify(a.key[:], a.signed, a.signature)
		}
	})
}
