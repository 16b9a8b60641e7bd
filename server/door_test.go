// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"clarion.chat/clarion/wire"
)

func TestHello(t *testing.T) {
	r := start(t, func(c *Config) { c.Keep = 12 })
	a, b := r.dial("account").hello, r.dial("mailbox").hello
	if a.Version != wire.Version || a.Host != testHost || a.Keep != 12 || a.MaxBody != wire.MaxBody ||
		a.ServerKey == [32]byte{} || a.Incarnation == (wire.Incarnation{}) {
		t.Errorf("%+v", a)
	}
	if a.Challenge == b.Challenge || a.Challenge == [32]byte{} {
		t.Error("a challenge serves one connection")
	}
	if b.Incarnation != a.Incarnation || b.ServerKey != a.ServerKey {
		t.Errorf("%+v", b)
	}
}

// frame makes a frame of any bytes.
func frame(kind wire.Kind, ref uint32, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(kind))
	return append(binary.BigEndian.AppendUint32(b, ref), body...)
}

// expect registers a wait for the answer to a raw frame.
func (p *peer) expect(ref wire.Ref) <-chan wire.Body {
	answer := make(chan wire.Body, 1)
	p.mu.Lock()
	p.answers[ref] = answer
	p.mu.Unlock()
	return answer
}

func (p *peer) rawRefused(code wire.Code, ref wire.Ref, b []byte) *wire.Refusal {
	p.t.Helper()
	answer := p.expect(ref)
	p.raw(b)
	r, is := p.await(answer).(*wire.Refusal)
	if !is || r.Code != code {
		p.t.Fatalf("answered with %+v, want %s", r, code)
	}
	return r
}

func TestBadFrames(t *testing.T) {
	r := start(t, nil)
	p := r.dial("mailbox")
	p.rawRefused(wire.CodeMalformed, 7, frame(wire.KindLookUp, 7, 1, 2, 3))
	good, err := wire.EncodeFrame(8, &wire.LookUp{Name: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	p.rawRefused(wire.CodeMalformed, 8, append(good, 0)) // a byte too many
	p.rawRefused(wire.CodeUnknownCommand, 9, frame(9999, 9))
	r8 := p.rawRefused(wire.CodeTooLarge, 10, frame(wire.KindLookUp, 10, 0, 0, 1, 0))
	for _, limit := range []string{"1048576", "262144", "16384"} {
		if !strings.Contains(r8.Text, limit) {
			t.Errorf("the refusal does not name the limit %s: %s", limit, r8.Text)
		}
	}
	p.rawRefused(wire.CodeTooLarge, 11, frame(wire.KindAppend, 11, make([]byte, wire.MaxFrame)...))
	// The connection is still good.
	p.refused(wire.CodeNoAccount, &wire.LookUp{Name: "ada"})
	// Frames of the other door, and frames that only a server sends.
	for _, m := range []wire.Body{&wire.SignIn{}, &wire.Register{}, &wire.GetHoldings{}, &wire.Done{}, &wire.Hello{},
		&wire.Refusal{}, &wire.Delivery{}, &wire.Appended{}} {
		p.refused(wire.CodeUnknownCommand, m)
	}
	a := r.dial("account")
	for _, m := range []wire.Body{&wire.Append{}, &wire.LookUp{}, &wire.Introduce{}, &wire.Read{}, &wire.Live{}, &wire.CreateMailbox{}} {
		a.refused(wire.CodeUnknownCommand, m)
	}
}

func TestMalformedFramesEndTheConnection(t *testing.T) {
	r := start(t, nil)
	p := r.dial("mailbox")
	for i := range uint32(8) {
		p.rawRefused(wire.CodeMalformed, wire.Ref(i+1), frame(wire.KindLookUp, i+1, 9))
	}
	p.closedByServer()

	// Without a header there is no telling what to answer.
	p = r.dial("mailbox")
	p.raw([]byte{1, 2, 3})
	if f := event[*wire.Refusal](p); f.Code != wire.CodeMalformed {
		t.Fatalf("%+v", f)
	}
	p.closedByServer()

	p = r.dial("account")
	if err := p.ws.Write(context.Background(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	p.closedByServer()

	p = r.dial("account")
	_ = p.ws.Write(context.Background(), websocket.MessageBinary, make([]byte, 3*wire.MaxFrame))
	if code := p.closedByServer(); code != websocket.StatusMessageTooBig && code != -1 {
		t.Fatalf("closed with %d", code)
	}
	r.dial("account") // the server itself is well
}

func TestRateLimits(t *testing.T) {
	const slow = 1e-9 // a token in thirty years
	r := start(t, func(c *Config) {
		c.Limits = Limits{Tight: slow, TightBurst: 3, Live: slow, LiveBurst: 2, Commands: slow, CommandBurst: 9}
	})
	p := r.dial("mailbox")
	for range 3 {
		p.refused(wire.CodeNoAccount, &wire.LookUp{Name: "ada"})
	}
	p.refused(wire.CodeRateLimited, &wire.LookUp{Name: "ada"})
	for range 2 {
		p.refused(wire.CodeNoMailbox, &wire.Live{})
	}
	p.refused(wire.CodeTooManyLive, &wire.Live{})
	for range 2 { // the seventh and eighth were the refused ones
		p.refused(wire.CodeNoMailbox, &wire.Read{Limit: 1})
	}
	p.refused(wire.CodeRateLimited, &wire.Read{Limit: 1})
	// Each connection has its own.
	r.dial("mailbox").refused(wire.CodeNoAccount, &wire.LookUp{Name: "ada"})
}

func TestBucketRefills(t *testing.T) {
	now := time.Now()
	b := newBucket(2, 3, now)
	take := func(want int) {
		t.Helper()
		got := 0
		for b.take(now) {
			got++
		}
		if got != want {
			t.Fatalf("%d tokens, want %d", got, want)
		}
	}
	take(3)
	now = now.Add(time.Second)
	take(2)
	now = now.Add(time.Hour)
	take(3)
	now = now.Add(-time.Hour) // a clock that is set back gives nothing and takes nothing
	take(0)
	now = now.Add(time.Hour + 500*time.Millisecond)
	take(1)
}

func TestConnectionLimit(t *testing.T) {
	r := start(t, func(c *Config) { c.Limits.Connections = 2 })
	first := r.dial("mailbox")
	r.dial("account")
	_, resp, err := websocket.Dial(context.Background(), strings.Replace(r.http.URL, "http", "ws", 1)+"/door/mailbox", nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%v %v", resp, err)
	}
	_ = first.ws.CloseNow()
	<-first.ended
	for range 1000 { // its place comes free when its reader has ended
		if ws, _, err := websocket.Dial(context.Background(), strings.Replace(r.http.URL, "http", "ws", 1)+"/door/mailbox", nil); err == nil {
			_ = ws.CloseNow()
			return
		}
	}
	t.Fatal("the place of a closed connection stays taken")
}

func TestPages(t *testing.T) {
	r := start(t, nil)
	get := func(path string) (*http.Response, string) {
		t.Helper()
		resp, err := http.Get(r.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	for path, want := range map[string]string{"/": "make run", "/i": "clarion accept"} {
		resp, text := get(path)
		h := resp.Header
		if resp.StatusCode != 200 || !strings.Contains(text, want) || !strings.Contains(text, testHost) ||
			!strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || h.Get("Set-Cookie") != "" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
		if strings.Contains(text, "<script") || strings.Contains(text, "src=") || strings.Contains(text, "href=") {
			t.Errorf("%s loads something", path)
		}
	}
	if resp, text := get("/healthz"); resp.StatusCode != 200 || text != "ok" {
		t.Errorf("%d %q", resp.StatusCode, text)
	}
	for path, want := range map[string]int{"/nothing": 404, "/door/account": 426, "/door/mailbox": 426, "/door/other": 404} {
		if resp, _ := get(path); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestOrigin(t *testing.T) {
	r := start(t, nil)
	dial := func(origin string) error {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		ws, _, err := websocket.Dial(context.Background(), strings.Replace(r.http.URL, "http", "ws", 1)+"/door/account",
			&websocket.DialOptions{HTTPHeader: h})
		if err == nil {
			_ = ws.CloseNow()
		}
		return err
	}
	for _, origin := range []string{"", r.http.URL, "https://" + testHost} {
		if err := dial(origin); err != nil {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	for _, origin := range []string{"https://evil.test", "null", "https://evil.test:8440", "://"} {
		if err := dial(origin); err == nil {
			t.Errorf("origin %q was let in", origin)
		}
	}
}

// TestUnhealthy checks that the health check looks at the store.
func TestUnhealthy(t *testing.T) {
	r := start(t, nil)
	r.stop()
	w := httptest.NewRecorder()
	r.srv.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Fatal(w.Code)
	}
}

// TestLogIsSilent lets everything go wrong that a client can cause, and looks
// for names, ids and addresses in the log.
func TestLogIsSilent(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	w := writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	})
	r := start(t, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Tenses = func() ([]string, []string) { panic("a fault of the program") }
	})
	ada, c := r.registered("adalovelace")
	c.refused(wire.CodeInternal, &wire.GetHoldings{})
	v, m := r.conversation()
	ok[*wire.Appended](m, v.message("secret"))
	m.refused(wire.CodeNoAccount, &wire.LookUp{Name: "nobodyknows"})
	m.refused(wire.CodeWrongPass, &wire.Read{Mailbox: v.id, Limit: 1})
	m.raw([]byte{1})
	m.closedByServer()
	r.stop()
	log := out.String()
	if !strings.Contains(log, "a command failed inside") { // the control: the fault is there
		t.Fatalf("the log is not the server's: %q", log)
	}
	for _, trace := range []string{"adalovelace", "nobodyknows", "127.0.0.1", hex.EncodeToString(v.id[:4]),
		hex.EncodeToString(ada.entry.Inbox[:4]), string(v.id[:8]), "a fault of the program"} {
		if strings.Contains(log, trace) {
			t.Errorf("the log holds %q:\n%s", trace, log)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// FuzzFrames hands any bytes to both doors through the handler's own path; the
// server answers or ends the connection, and goes on serving.
func FuzzFrames(f *testing.F) {
	for _, m := range []wire.Body{&wire.LookUp{Name: "ada"}, &wire.Append{Body: make([]byte, 512), EnvelopeKind: 1}, &wire.Read{Limit: 1},
		&wire.SignIn{Name: "ada"}, &wire.Register{Chain: [][]byte{{1}}}, &wire.Subscribe{}, &wire.Live{}, &wire.PutInvite{Days: 1},
		&wire.CreateMailbox{Keep: 1}, &wire.Introduce{Body: make([]byte, 512)}, &wire.DeleteEverything{}, &wire.PutEntry{}} {
		b, err := wire.EncodeFrame(1, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	srv, err := Open(Config{DataDir: f.TempDir(), Host: testHost, Limits: Limits{Commands: 1e9, CommandBurst: 1e9, Tight: 1e9, TightBurst: 1e9}})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	web := httptest.NewServer(srv.Handler())
	f.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
		web.Close()
		if err := srv.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &running{t: t, srv: srv, http: web, clock: new(clock)}
		for _, door := range []string{"account", "mailbox"} {
			p := r.dial(door)
			p.raw(b)
			if len(b) < 6 {
				p.closedByServer()
				continue
			}
			// A command with a ref of its own is answered after it.
			p.ref = 1 << 30
			probe := wire.Body(&wire.LookUp{Name: "nobody"})
			code := wire.CodeNoAccount
			if door == "account" {
				probe, code = &wire.CountKeyPackages{}, wire.CodeNotSignedIn
			}
			p.refused(code, probe)
		}
	})
}

// TestPing: a ping is answered also long after the last frame went out, when
// the time that this frame had to leave is over.
func TestPing(t *testing.T) {
	r := start(t, func(c *Config) { c.Limits.Write = time.Millisecond })
	p := r.dial("mailbox")
	last := time.NewTimer(10 * time.Millisecond) // the hello's time and more
	<-last.C
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := p.ws.Ping(ctx)
		cancel()
		if err != nil {
			t.Fatalf("no pong: %v", err)
		}
		last.Reset(5 * time.Millisecond)
		<-last.C
	}
}
