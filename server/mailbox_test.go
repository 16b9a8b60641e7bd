// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"fmt"
	"path/filepath"
	"sync"
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

func TestLongPoll(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	reader := r.dial("mailbox")
	wait := &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 10, Wait: 60}
	first, second := reader.send(wait), reader.send(wait)
	// The reader's other commands go on meanwhile, and come after the wait has begun.
	ok[*wire.Envelopes](reader, &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 1})
	ok[*wire.Appended](c, v.message("wake up"))
	for _, answer := range []<-chan wire.Body{first, second} {
		e, is := reader.await(answer).(*wire.Envelopes)
		if !is || len(e.Envelopes) != 1 || text(e.Envelopes[0].Body) != "wake up" {
			t.Fatalf("%+v", e)
		}
	}
	// What is there already is answered at once, and so is an old pass.
	ok[*wire.Envelopes](reader, wait)
	ok[*wire.Appended](c, v.commit(fill[wire.Pass]()))
	old := *wait
	old.After = 2
	if e := ok[*wire.Envelopes](reader, &old); e.Current || len(e.Envelopes) != 0 || e.Head != 2 {
		t.Fatalf("%+v", e)
	}
	for _, bad := range []*wire.Read{{Mailbox: v.id, Pass: v.pass}, {Mailbox: v.id, Pass: v.pass, Limit: 257}, {Mailbox: v.id, Pass: v.pass, Limit: 1, Wait: 61}} {
		reader.refused(wire.CodeMalformed, bad)
	}
}

func TestLongPollEndsWithItsTime(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	e := ok[*wire.Envelopes](c, &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 1, Wait: 1})
	if len(e.Envelopes) != 0 || !e.Current || e.First != 1 {
		t.Fatalf("%+v", e)
	}
}

func TestWaitingReadsAreBounded(t *testing.T) {
	r := start(t, func(c *Config) { c.Limits.Waiting = 3 })
	v, c := r.conversation()
	wait := &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 1, Wait: 60}
	var answers []<-chan wire.Body
	for range 3 {
		answers = append(answers, c.send(wait))
	}
	c.refused(wire.CodeRateLimited, wait)
	ok[*wire.Appended](r.dial("mailbox"), v.message("x"))
	for _, answer := range answers {
		if _, is := c.await(answer).(*wire.Envelopes); !is {
			t.Fatal("a waiting read was lost")
		}
	}
}

func TestSubscribeWithAnOldPass(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	ok[*wire.Appended](c, v.message("one"))
	next := fill[wire.Pass]()
	ok[*wire.Appended](c, v.commit(next))
	now := &conversation{id: v.id, pass: next, epoch: v.epoch + 1}
	ok[*wire.Appended](c, now.message("three"))
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	d := event[*wire.Delivery](c)
	if len(d.Envelopes) != 2 || d.Envelopes[1].EnvelopeKind != wire.KindCommit {
		t.Fatalf("%+v", d)
	}
	if end := event[*wire.SubscriptionEnded](c); end.Reason != wire.CodeStalePass {
		t.Fatalf("%+v", end)
	}
	c.refused(wire.CodeWrongPass, &wire.Subscribe{Mailbox: v.id, Pass: fill[wire.Pass]()})
	c.refused(wire.CodeNoMailbox, &wire.Subscribe{Mailbox: fill[wire.MailboxID](), Pass: v.pass})

	// After Unsubscribe nothing comes any more; a second subscription starts
	// where it says.
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: next, After: 3})
	ok[*wire.Done](c, &wire.Unsubscribe{Mailbox: v.id})
	ok[*wire.Appended](c, now.message("four"))
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: next, After: 4})
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: next, After: 4})
	ok[*wire.Appended](c, now.message("five"))
	if d := event[*wire.Delivery](c); len(d.Envelopes) != 1 || d.Envelopes[0].Seq != 5 {
		t.Fatalf("%+v", d)
	}
	ok[*wire.Done](c, &wire.Unsubscribe{Mailbox: v.id})
	if n := len(c.events); n != 0 {
		t.Fatalf("%d events too many", n)
	}
}

func TestSubscriptionsAreBounded(t *testing.T) {
	r := start(t, func(c *Config) { c.Limits.Subscriptions = 1 })
	v, c := r.conversation()
	w, _ := r.conversation()
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	c.refused(wire.CodeRateLimited, &wire.Subscribe{Mailbox: w.id, Pass: w.pass})
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
}

// TestSlowSubscriber subscribes with a socket that nobody reads while far more
// is appended than the server may queue; when it reads at last, everything is
// there, in order and once.
func TestSlowSubscriber(t *testing.T) {
	const queue = 256 << 10
	r := start(t, func(c *Config) { c.Limits.Queue = queue })
	v, c := r.conversation()
	slow := r.dialSlow()
	slow.subscribe(v)
	const count = 400 // of 64 KiB each: more than the kernel's buffers and the queue
	var answers []<-chan wire.Body
	for i := range count {
		m := v.message("")
		m.Body = make([]byte, 64<<10)
		m.Body[0], m.Body[1] = byte(i>>8), byte(i)
		answers = append(answers, c.send(m))
	}
	for _, answer := range answers {
		if _, is := c.await(answer).(*wire.Appended); !is {
			t.Fatal("a slow reader kept a sender from appending")
		}
	}
	if got := r.queued(); got > 3*queue+wire.MaxFrame {
		t.Fatalf("%d bytes are queued for a reader that does not read", got)
	}
	want := wire.Seq(1)
	for want <= count {
		for _, e := range slow.delivery().Envelopes {
			if e.Seq != want || int(e.Body[0])<<8|int(e.Body[1]) != int(want)-1 {
				t.Fatalf("delivered %d, want %d", e.Seq, want)
			}
			want++
		}
	}
}

func TestManySubscribers(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	const readers, count = 12, 300
	var all sync.WaitGroup
	for i := range readers {
		p := r.dial("mailbox")
		all.Go(func() {
			after := wire.Seq(i * 3)
			ok[*wire.Done](p, &wire.Subscribe{Mailbox: v.id, Pass: v.pass, After: after})
			for want := after + 1; want <= count; {
				for _, e := range event[*wire.Delivery](p).Envelopes {
					if e.Seq != want {
						t.Errorf("reader %d: delivered %d, want %d", i, e.Seq, want)
						return
					}
					want++
				}
			}
		})
	}
	var answers []<-chan wire.Body
	for i := range count {
		answers = append(answers, c.send(v.message(fmt.Sprint(i))))
	}
	for i, answer := range answers {
		if a, is := c.await(answer).(*wire.Appended); !is || a.Seq != wire.Seq(i+1) {
			t.Fatalf("%+v", a)
		}
	}
	all.Wait()
}

func TestLive(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	member := r.dial("mailbox")
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	ok[*wire.Done](member, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	other, o := r.conversation()
	ok[*wire.Done](o, &wire.Subscribe{Mailbox: other.id, Pass: other.pass})
	ok[*wire.Done](c, &wire.Live{Mailbox: v.id, Pass: v.pass, Body: []byte("typing")})
	for _, p := range []*peer{c, member} {
		if l := event[*wire.LiveArrived](p); string(l.Body) != "typing" || l.Mailbox != v.id {
			t.Fatalf("%+v", l)
		}
	}
	c.refused(wire.CodeWrongPass, &wire.Live{Mailbox: v.id, Pass: fill[wire.Pass]()})
	ok[*wire.Appended](c, v.commit(fill[wire.Pass]()))
	c.refused(wire.CodeStalePass, &wire.Live{Mailbox: v.id, Pass: v.pass})
	ada, _ := r.registered("ada")
	c.refused(wire.CodeWrongPass, &wire.Live{Mailbox: ada.entry.Inbox, Pass: ada.inboxPass})
	// A live body is never stored: the mailbox holds the commit alone.
	if e := ok[*wire.Envelopes](c, &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 10}); len(e.Envelopes) != 1 {
		t.Fatalf("%+v", e)
	}
	if len(o.events) != 0 {
		t.Fatal("a live event reached another mailbox")
	}
}

// TestMailboxIsClosedByRestore: over sockets, a mailbox from before a restore
// takes nothing more, and still gives what it holds.
func TestMailboxIsClosedByRestore(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	r := startIn(t, data, nil)
	ada, _ := r.registered("ada")
	v, c := r.conversation()
	first := v.message("kept")
	ok[*wire.Appended](c, first)
	if err := Backup(data, file); err != nil {
		t.Fatal(err)
	}
	ok[*wire.Appended](c, v.message("lost"))
	r.stop()
	if _, err := Restore(data, file); err != nil {
		t.Fatal(err)
	}
	r = startIn(t, data, nil)
	c = r.dial("mailbox")
	c.refused(wire.CodeMailboxClosed, v.message("more"))
	c.refused(wire.CodeMailboxClosed, v.commit(fill[wire.Pass]()))
	c.refused(wire.CodeMailboxClosed, &wire.Live{Mailbox: v.id, Pass: v.pass, Body: []byte("typing")})
	if a := ok[*wire.Appended](c, first); a.Seq != 1 {
		t.Fatalf("the repeat is answered with %d", a.Seq)
	}
	e := ok[*wire.Envelopes](c, &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 10})
	if len(e.Envelopes) != 1 || text(e.Envelopes[0].Body) != "kept" || e.Head != 1 || !e.Current {
		t.Fatalf("%+v", e)
	}
	ok[*wire.Done](c, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	if d := event[*wire.Delivery](c); len(d.Envelopes) != 1 || d.Envelopes[0].ID != first.ID {
		t.Fatalf("%+v", d)
	}
	// Introductions arrive, and a mailbox made now takes all.
	ok[*wire.Appended](c, &wire.Introduce{Inbox: ada.entry.Inbox, ID: fill[wire.EnvelopeID](), Body: body("hello")})
	w, _ := r.conversation()
	ok[*wire.Appended](c, w.message("on it goes"))
	ok[*wire.Done](c, &wire.Live{Mailbox: w.id, Pass: w.pass, Body: []byte("typing")})
}

// TestShutdown ends the server while appends are under way: each is answered,
// stored and acknowledged or refused, subscriptions are told, and a later
// start finds what was acknowledged.
func TestShutdown(t *testing.T) {
	dir := t.TempDir()
	r := startIn(t, dir, nil)
	v, c := r.conversation()
	reader := r.dial("mailbox")
	ok[*wire.Done](reader, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	waiting := reader.send(&wire.Read{Mailbox: v.id, Pass: v.pass, After: 1000, Limit: 1, Wait: 60})
	ok[*wire.Envelopes](reader, &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 1})
	var answers []<-chan wire.Body
	for i := range 100 {
		answers = append(answers, c.send(v.message(fmt.Sprint(i))))
	}
	c.await(answers[0])
	r.stop()
	if code := c.closedByServer(); code != 1001 {
		t.Errorf("closed with %d", code)
	}
	reader.closedByServer()
	if _, is := (<-waiting).(*wire.Envelopes); !is {
		t.Error("the waiting read was not answered")
	}
	ended := false
	for len(reader.events) > 0 {
		if end, is := (<-reader.events).(*wire.SubscriptionEnded); is {
			ended = end.Reason == wire.CodeShuttingDown
		}
	}
	if !ended {
		t.Error("the subscription was not told")
	}
	acknowledged := wire.Seq(1)
	for _, answer := range answers[1:] {
		select {
		case a := <-answer:
			if a, is := a.(*wire.Appended); is {
				acknowledged = max(acknowledged, a.Seq)
			}
		default: // not read any more: the client does not know
		}
	}
	r = startIn(t, dir, nil)
	e := ok[*wire.Envelopes](r.dial("mailbox"), &wire.Read{Mailbox: v.id, Pass: v.pass, Limit: 200})
	if e.Head < acknowledged || len(e.Envelopes) != int(e.Head) {
		t.Fatalf("acknowledged up to %d, held up to %d", acknowledged, e.Head)
	}
}
