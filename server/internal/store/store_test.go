// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/wire"
)

const testHost = "clarion.test"

// open opens a store whose writer runs until the test ends, or until stop.
func open(t testing.TB, o Options) (s *Store, stop func()) {
	t.Helper()
	if o.Host == "" {
		o.Host = testHost
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

// random32 fills an id, a pass or a hash.
func random32[T ~[32]byte]() (v T) {
	rand.Read(v[:])
	return v
}

func random16() (id wire.EnvelopeID) {
	rand.Read(id[:])
	return id
}

// chat is a mailbox with its current pass.
type chat struct {
	id    wire.MailboxID
	pass  wire.Pass
	epoch wire.Epoch
}

func newChat(t testing.TB, s *Store, keep uint8) *chat {
	t.Helper()
	c := &chat{id: random32[wire.MailboxID](), pass: random32[wire.Pass]()}
	if err := s.CreateMailbox(&wire.CreateMailbox{Mailbox: c.id, Pass: c.pass.Hash(), Keep: keep}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chat) message(body []byte) *wire.Append {
	return &wire.Append{Mailbox: c.id, Pass: c.pass, ID: random16(), Epoch: c.epoch, EnvelopeKind: wire.KindMessage, Body: body}
}

func (c *chat) commit(next wire.Pass) *wire.Append {
	a := c.message(make([]byte, 512))
	a.EnvelopeKind, a.Next = wire.KindCommit, next.Hash()
	return a
}

// appendNow waits for the answer.
func appendNow(s *Store, a *wire.Append) (wire.Seq, error) {
	type answer struct {
		seq wire.Seq
		err error
	}
	c := make(chan answer, 1)
	s.Append(a, func(seq wire.Seq, err error) { c <- answer{seq, err} })
	got := <-c
	return got.seq, got.err
}

func must(t testing.TB, s *Store, a *wire.Append) wire.Seq {
	t.Helper()
	seq, err := appendNow(s, a)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func wantCode(t testing.TB, err error, code wire.Code) *wire.Refusal {
	t.Helper()
	var r *wire.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("error %v, want the code %s", err, code)
	}
	return r
}

// clock is a clock that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *clock) forward(d time.Duration) { c.offset.Add(int64(d)) }

// BenchmarkAppend measures durable appends of 1 KiB by 64 callers, each with a
// mailbox of its own.
func BenchmarkAppend(b *testing.B) {
	s, stop := open(b, Options{Dir: b.TempDir()})
	const callers = 64
	var chats [callers]*chat
	for i := range chats {
		chats[i] = newChat(b, s, 30)
	}
	body := make([]byte, 1024)
	rand.Read(body)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	begin := time.Now()
	for _, c := range chats {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if _, err := appendNow(s, c.message(body)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "appends/s")
	stop()
}

// TestAppendAllocations holds one append, alone in its transaction, to a number
// of allocations: 51 when this was written. A second statement more for each
// append, or a copy of the body, goes past it.
func TestAppendAllocations(t *testing.T) {
	const most = 64
	s, _ := open(t, Options{Dir: t.TempDir()})
	c := newChat(t, s, 30)
	text := body("x")
	must(t, s, c.message(text))
	if n := testing.AllocsPerRun(200, func() { must(t, s, c.message(text)) }); n > most {
		t.Errorf("an append allocates %.0f times, at most %d", n, most)
	} else {
		t.Logf("an append allocates %.0f times", n)
	}
}
