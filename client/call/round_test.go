// SPDX-License-Identifier: AGPL-3.0-or-later

package call_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/call"
)

// resuming is a core whose engine takes the place of one that is gone.
type resuming struct{ *clariontest.Client }

func (r resuming) AnswerCall(ctx context.Context, id string, p client.CallParams) (client.Call, error) {
	return r.ResumeCall(ctx, id, p)
}

// tape is a recording that says when it has so many pages.
type tape struct {
	bytes.Buffer
	left int
	full chan struct{}
}

func (w *tape) Write(b []byte) (int, error) {
	if w.left--; w.left == 0 {
		close(w.full)
	}
	return w.Buffer.Write(b)
}

// TestAnotherRound: the other side's engine is gone and another one comes. What
// is played goes on where it was, and what is recorded stays one file.
func TestAnotherRound(t *testing.T) {
	ada, omar, conv := people(t)
	ctx := clariontest.Context(t)
	source, err := call.ReadSource(bytes.NewReader(spoken(t, 150)))
	if err != nil {
		t.Fatal(err)
	}
	var hers bytes.Buffer
	caller := (&side{Client: ada}).engine(t, conv, call.Options{Play: source, Record: &hers, For: 5 * time.Second})
	k, err := caller.Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	var result call.Result
	go func() {
		var err error
		result, err = caller.Run(ctx, ada.Events())
		ended <- err
	}()

	clariontest.Await(omar, "a call", func(client.CallArrived) bool { return true })
	first := &tape{left: 60, full: make(chan struct{})}
	lost := (&side{Client: omar}).engine(t, conv, call.Options{Record: first})
	if _, err := lost.Answer(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.Run(ctx, until(first.full, omar.Events())); err == nil {
		t.Error("an engine without a core ends well")
	}
	if err := omar.LoseCall(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	again := (&side{Client: omar, core: resuming{omar}}).engine(t, conv, call.Options{Record: &second})
	if _, err := again.Answer(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	if r, err := again.Run(ctx, omar.Events()); err != nil || r.Reason != client.CallHungUp {
		t.Errorf("the second engine: %+v, %v", r, err)
	}
	if err := <-ended; err != nil || result.ReceivedSamples < 3*48000 {
		t.Errorf("Ada's engine: %+v, %v", result, err)
	}

	got, err := call.ReadSource(&second)
	if err != nil {
		t.Fatal(err)
	}
	head, err := call.ReadSource(bytes.NewReader(spoken(t, 40)))
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := call.Compare(head, got); n != 0 {
		t.Errorf("%d packets were played a second time", n)
	}
	if n, _ := call.Compare(source, got); n < 20 {
		t.Errorf("only %d packets came after the new round", n)
	}
	if n := bytes.Count(hers.Bytes(), []byte("OpusHead")); n != 1 {
		t.Errorf("her recording has %d beginnings", n)
	}
}

// until hands events on until something happened; then there are no more.
func until(happened <-chan struct{}, in <-chan client.Event) <-chan client.Event {
	out := make(chan client.Event)
	go func() {
		defer close(out)
		for {
			select {
			case ev := <-in:
				select {
				case out <- ev:
				case <-happened:
					return
				}
			case <-happened:
				return
			}
		}
	}()
	return out
}
