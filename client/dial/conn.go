// SPDX-License-Identifier: AGPL-3.0-or-later

package dial

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// errNotBinary is a text message where only frames may come.
var errNotBinary = errors.New("a text message where a frame was due")

// conn is one WebSocket. The caller's reader calls Recv and its writer Send;
// keepAlive is its only goroutine and ends with it.
type conn struct {
	ws    *websocket.Conn
	heard atomic.Bool // something came since the last ping
	done  chan struct{}
	once  sync.Once
}

// Send puts one frame on its way; it returns within 20 s. An error means that
// the connection is of no more use.
func (c *conn) Send(ctx context.Context, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageBinary, frame)
}

// Recv waits for the next frame, at most wire.MaxFrame bytes.
func (c *conn) Recv(ctx context.Context) ([]byte, error) {
	kind, frame, err := c.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageBinary {
		c.Close()
		return nil, errNotBinary
	}
	c.heard.Store(true)
	return frame, nil
}

// Close ends the connection at once, also while Send or Recv wait.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.ws.CloseNow()
	})
	return nil
}

// keepAlive finds out that a peer is gone though TCP has not noticed. Any sign
// of life counts, because not every server echoes a ping's content.
func (c *conn) keepAlive(every, wait time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		c.heard.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		err := c.ws.Ping(ctx)
		cancel()
		if err != nil && !c.heard.Load() {
			c.Close()
			return
		}
	}
}
