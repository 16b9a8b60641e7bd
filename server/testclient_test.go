// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// patience bounds every wait of the tests; nothing sleeps.
const patience = 20 * time.Second

// clock is a clock that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *clock) forward(d time.Duration) { c.offset.Add(int64(d)) }

// running is a server on loopback.
type running struct {
	t     *testing.T
	srv   *Server
	http  *httptest.Server
	clock *clock
	stop  func()
}

const testHost = "clarion.test:8440"

func start(t *testing.T, change func(*Config)) *running {
	t.Helper()
	return startIn(t, t.TempDir(), change)
}

func startIn(t *testing.T, dir string, change func(*Config)) *running {
	t.Helper()
	r := &running{t: t, clock: new(clock)}
	c := Config{DataDir: dir, Host: testHost, Clock: r.clock.now}
	if change != nil {
		change(&c)
	}
	var err error
	if r.srv, err = Open(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.srv.Run(ctx) }()
	r.http = httptest.NewServer(r.srv.Handler())
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.http.Close()
		if err := r.srv.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// peer is a tiny client: it sends frames, and sorts what comes into answers
// and events.
type peer struct {
	t     *testing.T
	ws    *websocket.Conn
	hello wire.Hello
	ref   wire.Ref

	mu      sync.Mutex
	answers map[wire.Ref]chan wire.Body
	events  chan wire.Body
	ended   chan struct{}
	err     error
}

func (r *running) dial(door string) *peer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, strings.Replace(r.http.URL, "http", "ws", 1)+"/door/"+door, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	ws.SetReadLimit(2 * wire.MaxFrame)
	p := &peer{t: r.t, ws: ws, answers: make(map[wire.Ref]chan wire.Body),
		events: make(chan wire.Body, 1<<16), ended: make(chan struct{})}
	r.t.Cleanup(func() {
		_ = ws.CloseNow()
		<-p.ended
	})
	first := make(chan struct{})
	go p.read(first)
	select {
	case <-first:
	case <-time.After(patience):
		r.t.Fatal("no hello")
	}
	return p
}

func (p *peer) read(first chan struct{}) {
	defer close(p.ended)
	greeted := false
	for {
		_, b, err := p.ws.Read(context.Background())
		if err != nil {
			p.err = err
			return
		}
		ref, body, err := wire.DecodeFrame(b)
		if err != nil {
			p.err = err
			return
		}
		if h, ok := body.(*wire.Hello); ok && !greeted {
			greeted = true
			p.hello = *h
			close(first)
			continue
		}
		if ref == 0 {
			p.events <- body
			continue
		}
		p.mu.Lock()
		answer := p.answers[ref]
		delete(p.answers, ref)
		p.mu.Unlock()
		if answer != nil {
			answer <- body
		}
	}
}

// send sends a command and returns where its answer arrives.
func (p *peer) send(body wire.Body) <-chan wire.Body {
	p.t.Helper()
	p.ref++
	frame, err := wire.EncodeFrame(p.ref, body)
	if err != nil {
		p.t.Fatal(err)
	}
	answer := make(chan wire.Body, 1)
	p.mu.Lock()
	p.answers[p.ref] = answer
	p.mu.Unlock()
	p.raw(frame)
	return answer
}

func (p *peer) raw(frame []byte) {
	p.t.Helper()
	if err := p.ws.Write(context.Background(), websocket.MessageBinary, frame); err != nil {
		p.t.Fatal(err)
	}
}

// await returns an answer.
func (p *peer) await(answer <-chan wire.Body) wire.Body {
	p.t.Helper()
	select {
	case body := <-answer:
		return body
	case <-p.ended:
		p.t.Fatalf("the connection ended: %v", p.err)
	case <-time.After(patience):
		p.t.Fatal("no answer")
	}
	return nil
}

func (p *peer) ask(body wire.Body) wire.Body {
	p.t.Helper()
	return p.await(p.send(body))
}

// ok asks and expects an answer of type A.
func ok[A wire.Body](p *peer, body wire.Body) A {
	p.t.Helper()
	answer := p.ask(body)
	a, is := answer.(A)
	if !is {
		p.t.Fatalf("%T was answered with %+v", body, answer)
	}
	return a
}

// refused asks and expects a refusal with the code.
func (p *peer) refused(code wire.Code, body wire.Body) *wire.Refusal {
	p.t.Helper()
	r, is := p.ask(body).(*wire.Refusal)
	if !is || r.Code != code {
		p.t.Fatalf("%T was answered with %+v, want the code %s", body, r, code)
	}
	if r.Text == "" || r.Hint == "" {
		p.t.Errorf("the refusal %s has no sentence or no hint", code)
	}
	return r
}

// event returns the next event, which must be of type E.
func event[E wire.Body](p *peer) E {
	p.t.Helper()
	select {
	case body := <-p.events:
		e, is := body.(E)
		if !is {
			p.t.Fatalf("event %+v", body)
		}
		return e
	case <-p.ended:
		p.t.Fatalf("the connection ended: %v", p.err)
	case <-time.After(patience):
		p.t.Fatal("no event")
	}
	panic("unreachable")
}

// person has the keys of an account and one device.
type person struct {
	name               string
	identity, recovery ed25519.PrivateKey
	device             ed25519.PrivateKey
	entry              keydir.Entry
	chain              [][]byte
	inboxPass          wire.Pass
	now                time.Time
}

func key() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
}

func public(k ed25519.PrivateKey) [32]byte { return [32]byte(k.Public().(ed25519.PublicKey)) }

// fill returns random bytes as an id or a pass.
func fill[T ~[16]byte | ~[32]byte]() T {
	var v T
	b := make([]byte, len(v))
	rand.Read(b)
	for i := range b {
		v[i] = b[i]
	}
	return v
}

func newPerson(name string, now time.Time) *person {
	seal, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	p := &person{name: name, identity: key(), recovery: key(), device: key(), inboxPass: fill[wire.Pass](), now: now}
	p.entry = keydir.Entry{
		Handle: wire.Handle{Name: name, Host: testHost}, Hour: now.Unix() / 3600,
		IdentityKey: public(p.identity), RecoveryKey: public(p.recovery),
		RecoverySealKey: [32]byte(seal.PublicKey().Bytes()), Inbox: fill[wire.MailboxID](),
		InboxKey: [32]byte(seal.PublicKey().Bytes()), Devices: [][32]byte{public(p.device)},
	}
	p.chain = [][]byte{p.sign(p.entry, p.recovery)}
	return p
}

func (p *person) sign(e keydir.Entry, recovery ed25519.PrivateKey) []byte {
	b, err := keydir.SignEntry(e, p.identity, recovery)
	if err != nil {
		panic(err)
	}
	return b
}

// follow signs the entry after the newest, changed, and appends it to the chain.
func (p *person) follow(recovery ed25519.PrivateKey, change func(*keydir.Entry)) []byte {
	a, err := keydir.Verify(testHost, p.chain)
	if err != nil {
		panic(err)
	}
	e := a.Newest
	e.Seq, e.Prev = e.Seq+1, a.Head
	change(&e)
	b := p.sign(e, recovery)
	p.entry, p.chain = e, append(p.chain, b)
	return b
}

func (p *person) certificate() []byte {
	return keydir.SignCertificate(keydir.Certificate{
		Handle: wire.Handle{Name: p.name, Host: testHost}, DeviceKey: public(p.device),
		NotBefore: p.now.Unix() - 60, NotAfter: p.now.Unix() + 89*24*3600,
	}, p.identity)
}

func (p *person) registration(c *peer) *wire.Register {
	m := &wire.Register{
		Chain: p.chain, Certificate: p.certificate(), InboxPass: p.inboxPass.Hash(),
		KeyPackages: [][]byte{[]byte("one"), []byte("two")}, LastResort: []byte("last"),
		RecoveryBlob: make([]byte, 512), BlobVersion: 1,
	}
	p.authorise(c, m)
	return m
}

func (p *person) authorise(c *peer, m *wire.Register) {
	m.Authorisation = wire.Signature(ed25519.Sign(p.device, m.SignedBytes(testHost, c.hello.Challenge)))
}

func (p *person) signIn(c *peer) *wire.SignIn {
	m := &wire.SignIn{Name: p.name, Certificate: p.certificate()}
	m.Authorisation = wire.Signature(ed25519.Sign(p.device, m.SignedBytes(testHost, c.hello.Challenge)))
	return m
}

func (p *person) recover(c *peer) *wire.SignIn {
	m := &wire.SignIn{Name: p.name, Recovery: true}
	m.Authorisation = wire.Signature(ed25519.Sign(p.recovery, m.SignedBytes(testHost, c.hello.Challenge)))
	return m
}

// registered returns a person with an account, and the connection.
func (r *running) registered(name string) (*person, *peer) {
	r.t.Helper()
	p, c := newPerson(name, r.clock.now()), r.dial("account")
	ok[*wire.Done](c, p.registration(c))
	return p, c
}

// conversation is a mailbox and the pass of its current epoch.
type conversation struct {
	id    wire.MailboxID
	pass  wire.Pass
	epoch wire.Epoch
}

func (r *running) conversation() (*conversation, *peer) {
	r.t.Helper()
	c := r.dial("mailbox")
	v := &conversation{id: fill[wire.MailboxID](), pass: fill[wire.Pass](), epoch: 3}
	ok[*wire.Done](c, &wire.CreateMailbox{Mailbox: v.id, Pass: v.pass.Hash(), Epoch: v.epoch, Keep: 30})
	return v, c
}

func body(text string) []byte {
	b := make([]byte, wire.SizeClass(len(text)))
	copy(b, text)
	return b
}

func (v *conversation) message(text string) *wire.Append {
	return &wire.Append{Mailbox: v.id, Pass: v.pass, ID: fill[wire.EnvelopeID](), Epoch: v.epoch,
		EnvelopeKind: wire.KindMessage, Body: body(text)}
}

func (v *conversation) commit(next wire.Pass) *wire.Append {
	a := v.message("commit")
	a.EnvelopeKind, a.Next = wire.KindCommit, next.Hash()
	return a
}

func text(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

// closedByServer waits until the server has ended the connection.
func (p *peer) closedByServer() websocket.StatusCode {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("the connection is still open")
	}
	var e websocket.CloseError
	if errors.As(p.err, &e) {
		return e.Code
	}
	return -1
}

// slow is a connection whose socket is read only when the test asks.
type slow struct {
	t  *testing.T
	ws *websocket.Conn
}

func (r *running) dialSlow() *slow {
	r.t.Helper()
	ws, _, err := websocket.Dial(context.Background(), strings.Replace(r.http.URL, "http", "ws", 1)+"/door/mailbox", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	ws.SetReadLimit(2 * wire.MaxFrame)
	r.t.Cleanup(func() { _ = ws.CloseNow() })
	return &slow{r.t, ws}
}

func (s *slow) next() wire.Body {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := s.ws.Read(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	_, body, err := wire.DecodeFrame(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

// subscribe reads the hello and the answer, and nothing after.
func (s *slow) subscribe(v *conversation) {
	s.t.Helper()
	frame, err := wire.EncodeFrame(1, &wire.Subscribe{Mailbox: v.id, Pass: v.pass})
	if err == nil {
		err = s.ws.Write(context.Background(), websocket.MessageBinary, frame)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if _, is := s.next().(*wire.Hello); !is {
		s.t.Fatal("no hello")
	}
	if _, is := s.next().(*wire.Done); !is {
		s.t.Fatal("not subscribed")
	}
}

func (s *slow) delivery() *wire.Delivery {
	s.t.Helper()
	d, is := s.next().(*wire.Delivery)
	if !is {
		s.t.Fatal("no delivery")
	}
	return d
}

// queued returns how many bytes wait for the slowest connection.
func (r *running) queued() int {
	r.srv.mu.Lock()
	defer r.srv.mu.Unlock()
	most := 0
	for s := range r.srv.sessions {
		s.mu.Lock()
		most = max(most, s.queued)
		s.mu.Unlock()
	}
	return most
}
