// SPDX-License-Identifier: AGPL-3.0-or-later

package dial

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// serve starts a real HTTP server whose doors hand their socket to f.
func serve(t *testing.T, f func(*http.Request, *websocket.Conn)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(2 * wire.MaxFrame)
		f(r, ws)
	}))
	t.Cleanup(s.Close)
	return s
}

func echo(_ *http.Request, ws *websocket.Conn) {
	for {
		kind, b, err := ws.Read(context.Background())
		if err != nil || ws.Write(context.Background(), kind, b) != nil {
			return
		}
	}
}

func TestFramesTravelWhole(t *testing.T) {
	var path string
	s := serve(t, func(r *http.Request, ws *websocket.Conn) {
		path = r.URL.Path
		if e := r.Header.Get("Sec-WebSocket-Extensions"); e != "" {
			t.Errorf("compression was offered: %q", e)
		}
		echo(r, ws)
	})
	ctx := t.Context()
	c, err := new(Dialer).Dial(ctx, s.URL, client.MailboxDoor)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 6, 70_000, wire.MaxFrame} {
		frame := bytes.Repeat([]byte{0x5a}, n)
		if err := c.Send(ctx, frame); err != nil {
			t.Fatal(err)
		}
		got, err := c.Recv(ctx)
		if err != nil || !bytes.Equal(got, frame) {
			t.Fatalf("%d bytes came back as %d, %v", n, len(got), err)
		}
	}
	if path != "/door/mailbox" {
		t.Errorf("dialled %q", path)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Recv(ctx); err == nil {
		t.Error("a closed connection still reads")
	}
	if err := c.Send(ctx, []byte{1}); err == nil {
		t.Error("a closed connection still sends")
	}
}

func TestRefusesWhatIsNoFrame(t *testing.T) {
	for name, send := range map[string]func(*websocket.Conn) error{
		"too long": func(ws *websocket.Conn) error {
			return ws.Write(context.Background(), websocket.MessageBinary, make([]byte, wire.MaxFrame+1))
		},
		"text": func(ws *websocket.Conn) error {
			return ws.Write(context.Background(), websocket.MessageText, []byte("hello"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(_ *http.Request, ws *websocket.Conn) {
				send(ws) // the client may be gone before all is written
				ws.Read(context.Background())
			})
			c, err := new(Dialer).Dial(t.Context(), s.URL, client.AccountDoor)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if b, err := c.Recv(t.Context()); err == nil {
				t.Errorf("%d bytes were taken for a frame", len(b))
			}
		})
	}
}

func TestCloseFreesAReader(t *testing.T) {
	s := serve(t, echo)
	c, err := new(Dialer).Dial(t.Context(), s.URL, client.AccountDoor)
	if err != nil {
		t.Fatal(err)
	}
	freed := make(chan error, 1)
	go func() {
		_, err := c.Recv(context.Background())
		freed <- err
	}()
	c.Close()
	if err := <-freed; err == nil {
		t.Error("the reader got a frame out of a closed connection")
	}
}

func TestSilentPeerIsGivenUp(t *testing.T) {
	// The peer upgrades and then neither reads nor answers pings.
	hold := make(chan struct{})
	s := serve(t, func(_ *http.Request, ws *websocket.Conn) { <-hold })
	t.Cleanup(func() { close(hold) })
	dialled, err := new(Dialer).Dial(t.Context(), s.URL, client.AccountDoor)
	if err != nil {
		t.Fatal(err)
	}
	c := dialled.(*conn)
	go c.keepAlive(time.Millisecond, time.Millisecond)
	if _, err := c.Recv(context.Background()); err == nil {
		t.Error("a silent peer sent something")
	}
	<-c.done
}

func TestAnyPongIsASignOfLife(t *testing.T) {
	// A server may answer a ping without its content; that is life too.
	pinged := make(chan struct{}, 64)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go barePongServer(l, pinged)
	dialled, err := new(Dialer).Dial(t.Context(), "http://"+l.Addr().String(), client.AccountDoor)
	if err != nil {
		t.Fatal(err)
	}
	defer dialled.Close()
	c := dialled.(*conn)
	go c.Recv(context.Background()) // pongs are seen while something reads
	go c.keepAlive(5*time.Millisecond, 500*time.Millisecond)
	for range 3 {
		<-pinged
	}
	select {
	case <-c.done:
		t.Error("given up though the peer answers")
	default:
	}
}

// barePongServer speaks just enough of RFC 6455 to answer each ping with an
// empty pong.
func barePongServer(l net.Listener, pinged chan<- struct{}) {
	s := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer raw.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			acceptKey(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n")
		rw.Flush()
		head := make([]byte, 2)
		for {
			if _, err := rw.Read(head[:1]); err != nil {
				return
			}
			if _, err := rw.Read(head[1:]); err != nil {
				return
			}
			rest := make([]byte, 4+int(head[1]&0x7f)) // mask and payload of a control frame
			for got := 0; got < len(rest); {
				n, err := rw.Read(rest[got:])
				if err != nil {
					return
				}
				got += n
			}
			if head[0] == 0x89 {
				rw.Write([]byte{0x8a, 0})
				rw.Flush()
				pinged <- struct{}{}
			}
		}
	})}
	s.Serve(l)
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if _, err := new(Dialer).Dial(t.Context(), "http://"+addr, client.AccountDoor); err == nil || errors.Is(err, ErrServer) {
		t.Errorf("dialling a closed port: %v", err)
	}
	// An HTTP server that is no Clarion, and one that points elsewhere.
	for name, h := range map[string]http.Handler{
		"not found": http.NotFoundHandler(),
		"redirect":  http.RedirectHandler("/elsewhere", http.StatusFound),
	} {
		s := httptest.NewServer(h)
		if _, err := new(Dialer).Dial(t.Context(), s.URL, client.AccountDoor); err == nil {
			t.Errorf("%s: connected", name)
		}
		s.Close()
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	// The listener accepts by its backlog alone: nobody ever answers.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := new(Dialer).Dial(ctx, "http://"+l.Addr().String(), client.AccountDoor); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestProxyIsNeverUsedForLoopback(t *testing.T) {
	asked := 0
	d := &Dialer{Proxy: func(*http.Request) (*url.URL, error) { asked++; return nil, errors.New("proxy asked") }}
	s := serve(t, echo)
	c, err := d.Dial(t.Context(), s.URL, client.AccountDoor)
	if err != nil || asked != 0 {
		t.Fatalf("loopback went through the proxy: %v", err)
	}
	c.Close()
	if _, err := d.Dial(t.Context(), "http://clarion.invalid", client.AccountDoor); err == nil || asked != 1 {
		t.Errorf("another host did not ask the proxy: %d, %v", asked, err)
	}
}

func TestDoorURL(t *testing.T) {
	for server, want := range map[string]string{
		"http://localhost:8440": "ws://localhost:8440/door/account",
		"https://example.org":   "wss://example.org/door/account",
		"https://example.org/":  "wss://example.org/door/account",
		"http://[::1]:80":       "ws://[::1]:80/door/account",
	} {
		if got, err := doorURL(server, client.AccountDoor); err != nil || got != want {
			t.Errorf("%s: %q, %v", server, got, err)
		}
	}
	bad := []string{"", "example.org", "localhost:8440", "ftp://example.org", "http://", "http://a/b", "http://a?b",
		"http://a#b", "http://u:p@a", "http:opaque", "http://\x7f", "ws://example.org", strings.Repeat("h", 300)}
	for _, server := range bad {
		if got, err := doorURL(server, client.AccountDoor); !errors.Is(err, ErrServer) {
			t.Errorf("%q became %q, %v", server, got, err)
		}
	}
}
