// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"fmt"
	"testing"

	"clarion.chat/clarion/wire"
)

func TestAppendReadSubscribe(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	for i := range 3 {
		if got := ok[*wire.Appended](c, v.message(fmt.Sprint("m", i+1))); got.Seq != wire.Seq(i+1) {
			t.Fatalf("seq %d", got.Seq)
		}
	}
	e := ok[*wire.Envelopes](c, &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 2})
	if len(e.Envelopes) != 2 || !e.More || e.First != 1 || e.Head != 3 || e.Epoch != v.epoch || !e.Current {
		t.Fatalf("%+v", e)
	}
	reader := r.dial("mailbox")
	ok[*wire.Done](reader, &wire.Subscribe{Mailbox: v.id, Pass: v.pass, After: 1})
	want := wire.Seq(2)
	next := func() wire.Envelope {
		t.Helper()
		d := event[*wire.Delivery](reader)
		for _, e := range d.Envelopes {
			if e.Seq != want {
				t.Fatalf("delivered %d, want %d", e.Seq, want)
			}
			want++
		}
		return d.Envelopes[len(d.Envelopes)-1]
	}
	for want <= 3 {
		next()
	}
	for i := range 200 {
		c.send(v.message(fmt.Sprint("live", i)))
	}
	for want <= 203 {
		next()
	}
	// The commit is the last that the pass of its epoch gets.
	pass := fill[wire.Pass]()
	ok[*wire.Appended](c, v.commit(pass))
	if e := next(); e.EnvelopeKind != wire.KindCommit || e.Next != pass.Hash() {
		t.Fatalf("%+v", e)
	}
	if end := event[*wire.SubscriptionEnded](reader); end.Reason != wire.CodeStalePass || end.Mailbox != v.id {
		t.Fatalf("%+v", end)
	}
}
