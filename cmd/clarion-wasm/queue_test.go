// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestQueueKeepsOrderAndEndsAfterTheLast(t *testing.T) {
	q := newQueue(1 << 20)
	over := errors.New("over")
	const n = 1000
	go func() { // a producer that never waits
		for i := range n {
			if err := q.put(fmt.Append(nil, i)); err != nil {
				t.Errorf("put %d: %v", i, err)
			}
		}
		q.end(over)
		q.end(errors.New("a second end"))
	}()
	for i := range n {
		b, err := q.take(t.Context())
		if err != nil || string(b) != fmt.Sprint(i) {
			t.Fatalf("item %d: %q, %v", i, b, err)
		}
	}
	if b, err := q.take(t.Context()); !errors.Is(err, over) {
		t.Errorf("after the end: %q, %v", b, err)
	}
	if err := q.put([]byte{1}); !errors.Is(err, over) {
		t.Errorf("put after the end: %v", err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(10)
	if err := q.put(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := q.put(make([]byte, 1)); !errors.Is(err, errFull) {
		t.Fatalf("past the limit: %v", err)
	}
	if b, err := q.take(t.Context()); err != nil || len(b) != 10 {
		t.Errorf("what was taken in is lost: %d bytes, %v", len(b), err)
	}
	if _, err := q.take(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("the loss is not told: %v", err)
	}
}

func TestQueueLimitIsOfWhatIsHeld(t *testing.T) {
	q := newQueue(10)
	for range 100 {
		if err := q.put(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if _, err := q.take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTakeObeysItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newQueue(1).take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
