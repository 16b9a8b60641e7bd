// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// Core is what the engine needs of a client.
type Core interface {
	StartCall(ctx context.Context, conversation string, p client.CallParams) (client.Call, error)
	AnswerCall(ctx context.Context, call string, p client.CallParams) (client.Call, error)
	EndCall(ctx context.Context, call string) error
	DescribeCall(ctx context.Context, call, sdp string) error
	CandidateCall(ctx context.Context, call string, c client.CallCandidate) error
	ConnectedCall(ctx context.Context, call string) error
	RestartCall(ctx context.Context, call string) error
	TellMedia(ctx context.Context, call string, m client.CallMedia) error
	RelayServers(ctx context.Context, conversation string) (wire.Relay, error)
}

// Options of an engine.
type Options struct {
	Core         Core
	Conversation string
	Play         *Source       // what the other side hears; nil: silence
	Record       io.Writer     // gets an Ogg/Opus file of what the other side says, until a write fails; nil: nowhere
	AlwaysRelay  bool          // no address but the relay's leaves or is taken
	TCP          bool          // by TCP to the relay, whatever else would work
	Loopback     bool          // this machine's loopback addresses are candidates too, for tests
	For          time.Duration // hang up after so long a connection; 0: not by itself
	PlayOnce     bool          // hang up when all was played
	// Watch is told of the call each time it changes, by the goroutine of Run;
	// nil for nobody.
	Watch func(client.Call)
	// Connected is told, by the same goroutine, how each connection runs that
	// comes up: what Client.WhoCouldHear wants to know. nil for nobody.
	Connected func(client.CallFacts)
}

// Result is what an engine did.
type Result struct {
	Call            string // id
	Code            string // nine digits; empty if it came to none
	Path            string // "direct", "relay", or empty when nothing connected
	Reason          client.CallReason
	SentPackets     int
	ReceivedSamples int // at 48 kHz
	ReceivedFrames  int // of video, which is not shown
	Seconds         float64
}

// Engine carries the media of one call. Run owns it; what pion's goroutines
// learn is posted to Run's loop.
type Engine struct {
	o      Options
	secret *ecdsa.PrivateKey
	cert   webrtc.Certificate
	posts  chan func()

	player   player
	recorder *recorder // nil: nothing is recorded

	// ---- Run's own ----
	id        string
	call      client.Call
	pc        *connection
	early     []client.CallCandidate // came before there was a connection to give them to
	result    Result
	connected time.Time // of the present connection; zero while there is none
	ever      bool
	lostAt    time.Time
	ended     bool
	restarted time.Time
}

// New draws the certificate of a call and starts nothing.
func New(o Options) (*Engine, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, err
	}
	e := &Engine{o: o, secret: key, cert: *cert, posts: make(chan func(), 64)}
	e.player.load(o.Play)
	if o.Record != nil {
		e.recorder = newRecorder(o.Record)
	}
	return e, nil
}

// params are what the core is told of this engine.
func (e *Engine) params() (client.CallParams, error) {
	prints, err := e.cert.GetFingerprints()
	if err != nil {
		return client.CallParams{}, err
	}
	for _, p := range prints {
		if p.Algorithm == "sha-256" {
			return client.CallParams{Fingerprint: "sha-256 " + strings.ToUpper(p.Value)}, nil
		}
	}
	return client.CallParams{}, fmt.Errorf("the certificate has no SHA-256 fingerprint")
}

// Call rings the other person of the conversation.
func (e *Engine) Call(ctx context.Context) (client.Call, error) {
	return e.begin(func(p client.CallParams) (client.Call, error) { return e.o.Core.StartCall(ctx, e.o.Conversation, p) })
}

// Answer takes a call that rings.
func (e *Engine) Answer(ctx context.Context, id string) (client.Call, error) {
	return e.begin(func(p client.CallParams) (client.Call, error) { return e.o.Core.AnswerCall(ctx, id, p) })
}

func (e *Engine) begin(do func(client.CallParams) (client.Call, error)) (client.Call, error) {
	p, err := e.params()
	if err != nil {
		return client.Call{}, err
	}
	k, err := do(p)
	e.id, e.call = k.ID, k
	return k, err
}

// Times of a connection.
const (
	comesUp   = 10 * time.Second // from both descriptions to a connection; a slow line needs some of it
	comesBack = 3 * time.Second  // from "disconnected" to a restart
	tryEvery  = 5 * time.Second  // between two restarts
)

const maxEarly = 64 // candidates that wait for a connection

// Run carries the call until it ends, or hangs up when ctx does. events are the
// core's, in order; those of other calls are passed over. It returns what was
// done also with an error.
func (e *Engine) Run(ctx context.Context, events <-chan client.Event) (Result, error) {
	defer e.drop()
	e.result.Call = e.id
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	done := ctx.Done()
	for !e.ended {
		var err error
		select {
		case ev, open := <-events:
			if !open {
				return e.finish(), client.AsFailure(context.Canceled)
			}
			err = e.take(ctx, ev)
		case f := <-e.posts:
			f()
		case <-tick.C:
			err = e.tend(ctx)
		case <-done:
			done = nil
			err = e.hangUp()
		}
		if err != nil {
			_ = e.hangUp()
			return e.finish(), err
		}
	}
	return e.finish(), nil
}

// hangUp ends the call; the core then tells that it did.
func (e *Engine) hangUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := e.o.Core.EndCall(ctx, e.id)
	if err != nil && client.AsFailure(err).Code == client.FailNoCall {
		return nil // it is over, and the event is on its way
	}
	return err
}

// finish closes the connection and adds up.
func (e *Engine) finish() Result {
	e.drop()
	if e.recorder != nil {
		e.recorder.close()
	}
	e.result.Code = e.call.Code
	return e.result
}

// drop lets the connection go and takes its counts over.
func (e *Engine) drop() {
	if e.pc == nil {
		return
	}
	e.lost()
	e.pc.close()
	e.result.SentPackets += int(e.pc.sent.Load())
	e.result.ReceivedSamples += int(e.pc.samples.Load())
	e.result.ReceivedFrames += int(e.pc.frames.Load())
	e.pc = nil
}

// lost notes that the connection that was there is not.
func (e *Engine) lost() {
	if !e.connected.IsZero() {
		e.result.Seconds += time.Since(e.connected).Seconds()
		e.connected = time.Time{}
	}
}

// take deals with one event of the core.
func (e *Engine) take(ctx context.Context, ev client.Event) error {
	switch ev := ev.(type) {
	case client.CallChanged:
		if ev.Was != "" && ev.Was == e.id {
			e.id, e.result.Call = ev.Call.ID, ev.Call.ID
		}
		if ev.Call.ID == e.id {
			e.call = ev.Call
			if e.o.Watch != nil {
				e.o.Watch(ev.Call)
			}
		}
	case client.CallEnds:
		if ev.Call == e.id {
			e.ended, e.result.Reason = true, ev.Reason
		}
	case client.CallOfferWanted:
		if ev.Call == e.id {
			return e.offer(ctx, ev.Restart)
		}
	case client.CallDescribed:
		if ev.Call == e.id {
			return e.described(ctx, ev)
		}
	case client.CallCandidateArrived:
		switch {
		case ev.Call != e.id:
		case e.pc != nil:
			e.pc.candidate(ev.Candidate)
		case len(e.early) < maxEarly:
			e.early = append(e.early, ev.Candidate)
		}
	case client.CallAgain:
		if ev.Call == e.id {
			e.drop()
			e.early = nil
			_, err := e.Answer(ctx, e.id)
			return err
		}
	}
	return nil
}

// fresh makes the connection of a new round.
func (e *Engine) fresh(ctx context.Context) error {
	e.drop()
	relays, err := e.o.Core.RelayServers(ctx, e.o.Conversation)
	if err != nil && client.AsFailure(err).Code != string(wire.CodeNoRelay) {
		return err
	}
	if e.pc, err = e.connect(relays); err != nil {
		return err
	}
	for _, k := range e.early {
		e.pc.candidate(k)
	}
	e.early = nil
	return nil
}

// offer makes an offer: of a new connection, or one that restarts ICE.
func (e *Engine) offer(ctx context.Context, restart bool) error {
	if !restart || e.pc == nil {
		if err := e.fresh(ctx); err != nil {
			return err
		}
	}
	sdp, err := e.pc.offer(restart)
	if err != nil {
		return err
	}
	return e.o.Core.DescribeCall(ctx, e.id, sdp)
}

// described takes the other side's description, and answers an offer.
func (e *Engine) described(ctx context.Context, d client.CallDescribed) error {
	if d.Offer && (!d.Restart || e.pc == nil) {
		if err := e.fresh(ctx); err != nil {
			return err
		}
	}
	if e.pc == nil {
		return nil
	}
	e.lostAt = time.Now().Add(comesUp - comesBack)
	answer, err := e.pc.take(d)
	if err != nil || answer == "" {
		return err
	}
	return e.o.Core.DescribeCall(ctx, e.id, answer)
}

// tend asks for another try when the connection is gone for too long, and hangs
// up when it was there for long enough.
func (e *Engine) tend(ctx context.Context) error {
	if e.pc == nil {
		return nil
	}
	if !e.connected.IsZero() {
		over := e.o.For > 0 && e.result.Seconds+time.Since(e.connected).Seconds() >= e.o.For.Seconds()
		if over || (e.o.PlayOnce && e.player.over.Load()) {
			return e.hangUp()
		}
		return nil
	}
	if e.lostAt.IsZero() || time.Since(e.lostAt) < comesBack || time.Since(e.restarted) < tryEvery {
		return nil
	}
	e.restarted = time.Now()
	err := e.o.Core.RestartCall(ctx, e.id)
	if err != nil && client.AsFailure(err).Code == client.FailNoCall {
		return nil
	}
	return err
}

// changed takes note of the state of a connection.
func (e *Engine) changed(ctx context.Context, c *connection, s webrtc.PeerConnectionState) {
	if c != e.pc {
		return
	}
	switch s {
	case webrtc.PeerConnectionStateConnected:
		e.connected, e.lostAt = time.Now(), time.Time{}
		path, relay := c.way()
		e.result.Path = path
		_ = e.o.Core.ConnectedCall(ctx, e.id)
		if e.o.Connected != nil {
			e.o.Connected(client.CallFacts{Path: path, Relay: relay, AlwaysRelay: e.o.AlwaysRelay, Sends: sends()})
		}
		if !e.ever {
			e.ever = true
			_ = e.o.Core.TellMedia(ctx, e.id, sends())
		}
		c.play()
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed:
		e.lost()
		e.lostAt = time.Now()
	}
}

// sends is what this engine sends: sound, be it silence.
func sends() client.CallMedia { return client.CallMedia{Audio: true} }

// post hands what one of pion's goroutines learned to the loop.
func (e *Engine) post(c *connection, f func()) {
	select {
	case e.posts <- f:
	case <-c.closed:
	}
}
