// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

const (
	dialTimeout = 15 * time.Second
	sendTimeout = 20 * time.Second
	// maxUnread is what may wait for the core, in bytes, before a connection is
	// given up; the core reads all the time, so this is far off.
	maxUnread = 16 << 20
	// maxUnsent is what the browser may hold back before sending waits.
	maxUnsent  = 4 << 20
	unsentLook = 10 * time.Millisecond
)

var (
	errServer    = errors.New("a server's address is http(s)://host[:port]")
	errClosed    = errors.New("the connection has ended")
	errNotBinary = errors.New("a text message where a frame was due")
)

// dialer implements client.Dialer with the WebSocket of the browser, or of
// node.
type dialer struct{}

// Dial connects to server/door/NAME within 15 s.
func (dialer) Dial(ctx context.Context, server string, door client.DoorName) (client.Conn, error) {
	if !strings.HasPrefix(server, "http://") && !strings.HasPrefix(server, "https://") {
		return nil, errServer
	}
	url := "ws" + strings.TrimSuffix(strings.TrimPrefix(server, "http"), "/") + "/door/" + string(door)
	ws, err := try(func() js.Value { return js.Global().Get("WebSocket").New(url) })
	if err != nil {
		return nil, err
	}
	ws.Set("binaryType", "arraybuffer")
	c := &conn{ws: ws, in: newQueue(maxUnread), opened: make(chan struct{})}
	c.handle()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	select {
	case <-c.opened:
		return c, nil
	case <-c.in.done:
		return nil, c.in.ended()
	case <-ctx.Done():
		c.Close()
		return nil, ctx.Err()
	}
}

// conn is one WebSocket. Its callbacks only fill the queue; they are released
// with the close event, the last that a WebSocket fires.
type conn struct {
	ws     js.Value
	in     *queue
	opened chan struct{}
	once   sync.Once
}

func (c *conn) handle() {
	handlers := map[string]js.Func{
		"onopen": js.FuncOf(func(js.Value, []js.Value) any {
			close(c.opened)
			return nil
		}),
		"onmessage": js.FuncOf(func(_ js.Value, args []js.Value) any {
			if err := c.arrived(args[0].Get("data")); err != nil {
				c.in.end(err)
				c.shut()
			}
			return nil
		}),
		// An error says nothing of itself; close follows it.
		"onerror": js.FuncOf(func(js.Value, []js.Value) any { return nil }),
	}
	handlers["onclose"] = js.FuncOf(func(js.Value, []js.Value) any {
		c.in.end(errClosed)
		for name, f := range handlers {
			c.ws.Set(name, js.Null())
			f.Release()
		}
		return nil
	})
	for name, f := range handlers {
		c.ws.Set(name, f)
	}
}

func (c *conn) arrived(data js.Value) error {
	if !data.InstanceOf(js.Global().Get("ArrayBuffer")) {
		return errNotBinary
	}
	bytes := js.Global().Get("Uint8Array").New(data)
	n := bytes.Length()
	if n > wire.MaxFrame {
		return wire.ErrTooLarge
	}
	frame := make([]byte, n)
	js.CopyBytesToGo(frame, bytes)
	return c.in.put(frame)
}

// Send hands one frame to the browser. It waits while the browser holds back
// much that it could not send yet, at most 20 s.
func (c *conn) Send(ctx context.Context, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	for c.ws.Get("bufferedAmount").Int() > maxUnsent {
		select {
		case <-time.After(unsentLook): // the browser has no event for this
		case <-c.in.done:
			return c.in.ended()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := c.in.ended(); err != nil {
		return err
	}
	bytes := js.Global().Get("Uint8Array").New(len(frame))
	js.CopyBytesToJS(bytes, frame)
	_, err := try(func() js.Value { return c.ws.Call("send", bytes) })
	return err
}

// Recv waits for the next frame, at most wire.MaxFrame bytes.
func (c *conn) Recv(ctx context.Context) ([]byte, error) { return c.in.take(ctx) }

// Close ends the connection; Recv returns once what had arrived is taken.
func (c *conn) Close() error {
	c.in.end(errClosed)
	c.shut()
	return nil
}

func (c *conn) shut() {
	c.once.Do(func() { _, _ = try(func() js.Value { return c.ws.Call("close") }) })
}

// ended returns why the queue ended, or nil.
func (q *queue) ended() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}
