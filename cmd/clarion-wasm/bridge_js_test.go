// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"syscall/js"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

func TestPromiseResolvesWithWhatAGoroutineFinds(t *testing.T) {
	gate := make(chan struct{})
	p := promise(func() (any, error) {
		<-gate // a promise's work may wait: the event loop goes on
		return map[string]any{"n": 7, "list": []any{"a", "b"}}, nil
	})
	js.Global().Call("setTimeout", js.FuncOf(func(js.Value, []js.Value) any { close(gate); return nil }), 0)
	v, err := await(t.Context(), p)
	if err != nil || v.Get("n").Int() != 7 || v.Get("list").Index(1).String() != "b" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestPromiseRejectsWithCodeAndHint(t *testing.T) {
	p := promise(func() (any, error) { return nil, wire.Refuse(wire.CodeNameTaken) })
	caught := make(chan js.Value, 1)
	f := js.FuncOf(func(_ js.Value, args []js.Value) any { caught <- args[0]; return nil })
	defer f.Release()
	p.Call("catch", f)
	e := <-caught
	if e.Get("code").String() != "name_taken" || e.Get("hint").String() == "" || e.Get("text").String() == "" || e.Get("text").String() != e.Get("message").String() {
		t.Errorf("rejected with %v", js.Global().Get("JSON").Call("stringify", e))
	}
}

func TestAwait(t *testing.T) {
	promises := js.Global().Get("Promise")
	if _, err := await(t.Context(), promises.Call("reject", js.Global().Get("Error").New("no"))); err == nil || err.Error() != "no" {
		t.Errorf("a rejected promise: %v", err)
	}
	if _, err := await(t.Context(), promises.Call("reject", "plain")); err == nil || err.Error() != "plain" {
		t.Errorf("a promise rejected with a string: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := promise(func() (any, error) { select {} })
	if _, err := await(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("a promise that never settles: %v", err)
	}
}

func TestTryCatchesWhatJavaScriptThrows(t *testing.T) {
	_, err := try(func() js.Value { return js.Global().Get("JSON").Call("parse", "{") })
	if err == nil {
		t.Error("a syntax error went by")
	}
	v, err := try(func() js.Value { return js.Global().Get("JSON").Call("parse", "5") })
	if err != nil || v.Int() != 5 {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestDialRefusesWhatIsNoServer(t *testing.T) {
	for _, server := range []string{"", "ftp://x", "localhost:1", "http://[", "http://a b"} {
		if c, err := (dialer{}).Dial(t.Context(), server, client.AccountDoor); err == nil {
			c.Close()
			t.Errorf("%q was dialled", server)
		}
	}
	// Nothing listens on port 9 of this machine.
	if _, err := (dialer{}).Dial(t.Context(), "http://127.0.0.1:9", client.AccountDoor); err == nil {
		t.Error("a closed port answered")
	}
}
