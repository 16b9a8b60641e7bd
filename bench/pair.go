// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"clarion.chat/clarion/wire"
)

// patience bounds every wait for what must come.
const patience = 30 * time.Second

// Where the parts of an append's frame stand: kind, ref, mailbox, pass, id, …
const (
	refAt = 2
	idAt  = 2 + 4 + 32 + 32
)

// pair is two sides of one mailbox, or of one room: one sends, the other gets.
// The frame is made once; per message the generator changes its ref, its id
// (an envelope's, in Clarion) and the first bytes of its body, which carry the
// message's number, so that it costs the same for both servers and little.
type pair struct {
	from, to *line
	clarion  bool

	mu        sync.Mutex
	frame     []byte
	sent      uint64
	acked     uint64
	delivered uint64
	left      func() bool   // closed loop: whether to send another after an answer
	arrived   func(uint64)  // told of each delivery, by number
	changed   chan struct{} // something was acked or delivered
	err       error         // first fault
}

// line is one WebSocket; take is called by its reader, or nothing when nil.
type line struct {
	socket *gws.Conn
	take   func(frame []byte)
	ended  func(error)
}

type lineEvents struct {
	gws.BuiltinEventHandler
	l *line
}

// OnMessage hands a frame on.
func (e lineEvents) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	e.l.take(m.Bytes())
}

// OnClose tells of the end.
func (e lineEvents) OnClose(_ *gws.Conn, err error) { e.l.ended(err) }

// OnPing answers.
func (lineEvents) OnPing(socket *gws.Conn, payload []byte) { _ = socket.WritePong(payload) }

// dialLine opens a connection; read must be started by the caller.
func dialLine(url string, take func([]byte), ended func(error)) (*line, error) {
	l := &line{take: take, ended: ended}
	socket, _, err := gws.NewClient(lineEvents{l: l}, &gws.ClientOption{
		Addr: url, ReadMaxPayloadSize: 2 << 20, ReadBufferSize: 2048, HandshakeTimeout: patience, Logger: quiet{},
	})
	if err != nil {
		return nil, err
	}
	l.socket = socket
	return l, nil
}

func (l *line) send(frame []byte) error { return l.socket.WriteMessage(gws.OpcodeBinary, frame) }

// load marks the refs of a pair's messages, apart from other commands' refs.
const load = 1 << 31

// commands sends commands to a mailbox door one by one and waits for each.
type commands struct {
	*line
	ref     wire.Ref
	answers chan wire.Body
}

// dialDoor opens a mailbox door. events takes what answers no command, acks
// what answers a pair's messages; ended is told of the end.
func dialDoor(addr string, events, acks func(frame []byte), ended func(error)) (*commands, error) {
	c := &commands{answers: make(chan wire.Body, 1)}
	hello := make(chan struct{}, 1)
	var err error
	c.line, err = dialLine("ws://"+addr+"/door/mailbox", func(frame []byte) {
		ref := binary.BigEndian.Uint32(frame[refAt:])
		switch {
		case wire.Kind(binary.BigEndian.Uint16(frame)) == wire.KindHello:
			hello <- struct{}{}
		case ref == 0:
			events(frame)
		case ref&load != 0:
			acks(frame)
		default:
			_, body, err := wire.DecodeFrame(frame)
			if err != nil {
				body = wire.Refuse(wire.CodeMalformed)
			}
			c.answers <- body
		}
	}, ended)
	if err != nil {
		return nil, err
	}
	go c.socket.ReadLoop()
	select {
	case <-hello:
		return c, nil
	case <-time.After(patience):
		return nil, errors.New("no hello")
	}
}

func ignore([]byte) {}

func ignoreEnd(error) {}

// ask sends a command and returns its answer.
func (c *commands) ask(body wire.Body) (wire.Body, error) {
	c.ref++
	frame, err := wire.EncodeFrame(c.ref, body)
	if err != nil {
		return nil, err
	}
	if err := c.send(frame); err != nil {
		return nil, err
	}
	select {
	case answer := <-c.answers:
		if r, refused := answer.(*wire.Refusal); refused {
			return nil, r
		}
		return answer, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("no answer to %T", body)
	}
}

// box is a mailbox that the measurement made.
type box struct {
	id   wire.MailboxID
	pass wire.Pass
}

func newBox() (b box) {
	rand.Read(b.id[:])
	rand.Read(b.pass[:])
	return b
}

func (b box) create() *wire.CreateMailbox {
	return &wire.CreateMailbox{Mailbox: b.id, Pass: b.pass.Hash(), Keep: wire.DefaultKeep}
}

func (b box) subscribe() *wire.Subscribe { return &wire.Subscribe{Mailbox: b.id, Pass: b.pass} }

// frame is the append of a body of 1 KiB.
func (b box) frame() []byte {
	a := &wire.Append{Mailbox: b.id, Pass: b.pass, EnvelopeKind: wire.KindMessage, Body: make([]byte, bodySize)}
	rand.Read(a.ID[:])
	rand.Read(a.Body)
	frame, err := wire.EncodeFrame(1, a)
	if err != nil {
		panic(err) // the frame is the same in every run
	}
	return frame
}

// newPair makes two connected sides on a server. With echo the sender of a
// mailbox is subscribed too, as a person's client is.
func newPair(c *child, number int, echo bool) (*pair, error) {
	p := &pair{clarion: c.name == clarion, changed: make(chan struct{}, 1)}
	b := newBox()
	p.frame = b.frame()
	if !p.clarion {
		binary.BigEndian.PutUint16(p.frame, relaySend)
		url := fmt.Sprintf("ws://%s/room/%d", c.addr, number)
		var err error
		if p.from, err = dialLine(url, p.takeAnswer, p.fail); err != nil {
			return nil, err
		}
		if p.to, err = dialLine(url, p.takeDelivery, p.fail); err != nil {
			return nil, err
		}
		go p.from.socket.ReadLoop()
		go p.to.socket.ReadLoop()
		return p, nil
	}
	from, err := dialDoor(c.addr, ignore, p.takeAnswer, p.fail)
	if err != nil {
		return nil, err
	}
	if _, err := from.ask(b.create()); err != nil {
		return nil, err
	}
	if echo {
		if _, err := from.ask(b.subscribe()); err != nil {
			return nil, err
		}
	}
	to, err := dialDoor(c.addr, p.takeDelivery, ignore, p.fail)
	if err != nil {
		return nil, err
	}
	if _, err := to.ask(b.subscribe()); err != nil {
		return nil, err
	}
	p.from, p.to = from.line, to.line
	return p, nil
}

func (p *pair) close() {
	p.mu.Lock()
	p.err = errDone
	p.mu.Unlock()
	_ = p.from.socket.NetConn().Close()
	_ = p.to.socket.NetConn().Close()
}

var errDone = errors.New("the measurement is over")

func (p *pair) fail(err error) {
	p.mu.Lock()
	if p.err == nil {
		p.err = fmt.Errorf("a connection ended: %w", err)
	}
	p.mu.Unlock()
	p.signal()
}

func (p *pair) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// put sends the next message; mu is held, so the frame is nobody else's.
func (p *pair) put() {
	p.sent++
	binary.BigEndian.PutUint32(p.frame[refAt:], load|uint32(p.sent))
	scatter(p.frame[idAt:], p.sent)
	binary.BigEndian.PutUint64(p.frame[len(p.frame)-bodySize:], p.sent)
	if err := p.from.send(p.frame); err != nil && p.err == nil {
		p.err = err
	}
}

// scatter makes an envelope's id of a number. Ids are as good as random in
// life, so those here must not come in order: an index would like that.
func scatter(id []byte, n uint64) {
	binary.BigEndian.PutUint64(id, n*0x9e3779b97f4a7c15)
}

// takeAnswer runs in the sender's reader.
func (p *pair) takeAnswer(frame []byte) {
	kind := binary.BigEndian.Uint16(frame)
	p.mu.Lock()
	if p.clarion && wire.Kind(kind) != wire.KindAppended || !p.clarion && kind != relayAck {
		if p.err == nil {
			p.err = fmt.Errorf("a message was answered with a frame of kind %d", kind)
		}
	} else {
		p.acked++
		if p.left != nil && p.left() {
			p.put()
		}
	}
	p.mu.Unlock()
	p.signal()
}

// takeDelivery runs in the other side's reader. Deliveries must come in order.
func (p *pair) takeDelivery(frame []byte) {
	if p.clarion && wire.Kind(binary.BigEndian.Uint16(frame)) == wire.KindDelivery &&
		binary.BigEndian.Uint32(frame[2+4+32:]) != 1 {
		p.takeSeveral(frame)
		return
	}
	p.takeOne(binary.BigEndian.Uint64(frame[len(frame)-bodySize:]))
}

// takeSeveral is for a delivery of more than one envelope, after falling behind.
func (p *pair) takeSeveral(frame []byte) {
	_, body, err := wire.DecodeFrame(frame)
	d, is := body.(*wire.Delivery)
	if err != nil || !is {
		p.fail(fmt.Errorf("a frame that is no delivery: %w", err))
		return
	}
	for i := range d.Envelopes {
		p.takeOne(binary.BigEndian.Uint64(d.Envelopes[i].Body))
	}
}

func (p *pair) takeOne(number uint64) {
	p.mu.Lock()
	p.delivered++
	if number != p.delivered && p.err == nil {
		p.err = fmt.Errorf("message %d was delivered as number %d", number, p.delivered)
	}
	arrived := p.arrived
	p.mu.Unlock()
	if arrived != nil {
		arrived(number)
	}
	p.signal()
}

// settle waits until all that was sent is acknowledged and delivered.
func (p *pair) settle() error {
	limit := time.After(patience)
	for {
		p.mu.Lock()
		err, done := p.err, p.acked == p.sent && p.delivered == p.sent
		state := fmt.Sprintf("%d sent, %d acknowledged, %d delivered", p.sent, p.acked, p.delivered)
		p.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("%w (%s)", err, state)
		case done:
			return nil
		}
		select {
		case <-p.changed:
		case <-limit:
			return errors.New("waited in vain: " + state)
		}
	}
}
