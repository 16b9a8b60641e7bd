// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/wire"
)

// TestHung: a server that takes everything and answers nothing does not keep
// people from what needs no server. The time that is given for it is shorter
// than that of one answer.
func TestHung(t *testing.T) {
	s := NewServer(t)
	var hung atomic.Bool
	swallow := &Tap{Up: func(*Link, wire.Ref, wire.Body) bool { return !hung.Load() }}
	ada, _ := s.RegisterWith("ada", Options{Dialer: swallow})
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	hung.Store(true)
	first := make(chan error, 1)
	go func() {
		_, err := ada.Send(Context(t), conv, "one")
		first <- err
	}()
	ctx, cancel := context.WithTimeout(Context(t), 15*time.Second)
	defer cancel()
	for _, text := range []string{"two", "three"} {
		if _, err := ada.Send(ctx, conv, text); err != nil {
			t.Fatalf("%q, while the server hangs: %v", text, err)
		}
	}
	all, err := ada.History(ctx, conv)
	if err != nil || len(all) != 3 {
		t.Fatalf("the history, while the server hangs, has %d messages, %v", len(all), err)
	}
	if err := <-first; err != nil {
		t.Fatalf("the text that hung: %v", err)
	}
	hung.Store(false)
	for _, text := range []string{"one", "two", "three"} {
		omar.AwaitText(text)
	}
}
