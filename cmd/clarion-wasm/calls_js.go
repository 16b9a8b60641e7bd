// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"syscall/js"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
)

// call is one method of the core as JavaScript calls it.
type call func(ctx context.Context, c *client.Client, args []js.Value) (any, error)

// calls is the table of what JavaScript may call, by name.
func calls() map[string]call {
	return map[string]call{
		"register": func(ctx context.Context, c *client.Client, args []js.Value) (any, error) {
			server, err := text(args, 0)
			if err != nil {
				return nil, err
			}
			name, err := text(args, 1)
			if err != nil {
				return nil, err
			}
			words, err := c.Register(ctx, client.RegisterParams{Server: server, Name: name})
			return listOf(words, func(s string) any { return s }), err
		},
		"whoami": func(ctx context.Context, c *client.Client, _ []js.Value) (any, error) {
			me, err := c.WhoAmI(ctx)
			return map[string]any{"handle": me.Handle.String(), "fingerprint": me.Fingerprint}, err
		},
		"accept": func(ctx context.Context, c *client.Client, args []js.Value) (any, error) {
			who, err := text(args, 0)
			if err != nil {
				return nil, err
			}
			v, err := c.Accept(ctx, who)
			return map[string]any{"id": v.ID, "name": v.Name, "code": v.Code}, err
		},
		"send": func(ctx context.Context, c *client.Client, args []js.Value) (any, error) {
			conversation, err := text(args, 0)
			if err != nil {
				return nil, err
			}
			words, err := text(args, 1)
			if err != nil {
				return nil, err
			}
			m, err := c.Send(ctx, conversation, words)
			return map[string]any{"id": m.ID}, err
		},
		"flush":  func(ctx context.Context, c *client.Client, _ []js.Value) (any, error) { return nil, c.Flush(ctx) },
		"listen": func(ctx context.Context, c *client.Client, _ []js.Value) (any, error) { return nil, c.Listen(ctx) },
		"settle": func(ctx context.Context, c *client.Client, _ []js.Value) (any, error) { return nil, c.Settle(ctx) },
		"markRead": func(ctx context.Context, c *client.Client, args []js.Value) (any, error) {
			conversation, err := text(args, 0)
			if err != nil {
				return nil, err
			}
			seq, err := number(args, 1)
			if err != nil {
				return nil, err
			}
			return nil, c.MarkRead(ctx, conversation, seq)
		},
	}
}

// open starts a core over a vault in memory and returns an object with one
// function per call, next for the events, and close. All answer with Promises.
func open() any {
	ctx, stop := context.WithCancel(context.Background())
	c := client.New(client.Options{Vault: vault.NewMemory(), Dialer: dialer{}})
	ended := make(chan struct{})
	var failed error
	go func() {
		failed = c.Run(ctx)
		close(ended)
	}()
	core := js.Global().Get("Object").New()
	for name, f := range calls() {
		core.Set(name, function(func(args []js.Value) (any, error) { return f(ctx, c, args) }))
	}
	// next resolves with the next event that has a form for JavaScript, and
	// with null when the core has ended.
	core.Set("next", function(func([]js.Value) (any, error) {
		for e := range c.Events() {
			if v := eventValue(e); v != nil {
				return v, nil
			}
		}
		return nil, nil
	}))
	core.Set("close", function(func([]js.Value) (any, error) {
		stop()
		<-ended
		return nil, failed
	}))
	return core
}

// eventValue gives an event its form for JavaScript, or nil.
func eventValue(e client.Event) any {
	switch e := e.(type) {
	case client.MessageArrived:
		m := e.Message
		return map[string]any{
			"event": "message_arrived", "conversation": m.Conversation, "seq": float64(m.Seq),
			"id": m.ID, "from": m.From.String(), "text": m.Text,
		}
	case client.MessageStateChanged:
		return map[string]any{
			"event": "message_state", "conversation": e.Conversation, "seq": float64(e.Seq),
			"id": e.ID, "state": string(e.State),
		}
	case client.Problem:
		return map[string]any{"event": "problem", "conversation": e.Conversation, "code": e.Code, "text": e.Text, "hint": e.Hint}
	}
	return nil
}

// listOf turns a slice into what js.ValueOf makes an Array of.
func listOf[T any](list []T, f func(T) any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
