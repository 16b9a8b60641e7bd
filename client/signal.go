// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"time"

	"clarion.chat/clarion/wire"
)

// signalKind says what a call's live frame is about. What a call must not lose
// (that it rings, that it is over) are stored messages; signals are repeated by
// whoever waits for what follows them.
type signalKind uint8

const (
	signalRinging   signalKind = 1 // to the caller: a device rings
	signalBegin     signalKind = 2 // another round: the sender's engine is a new one
	signalAccept    signalKind = 3 // answered: the commitment of whoever answered
	signalOffer     signalKind = 4 // description of the offerer, its nonce revealed
	signalAnswer    signalKind = 5 // description of the other, its nonce revealed
	signalCandidate signalKind = 6
	signalRestart   signalKind = 7 // to the offerer: restart ICE
	signalMedia     signalKind = 8 // what the sender sends now
	signalGone      signalKind = 9 // the sender knows no such call, or it is over there
)

const (
	maxSDP       = 8000
	maxCandidate = 1024
	maxMid       = 16
	maxSignals   = 256 // that wait for a connection
)

// callSignal is the body of a live frame of kind liveCall.
type callSignal struct {
	Kind      signalKind
	Call      callID
	Round     uint32
	To        [32]byte // the device it is for; zero for all
	Turn      uint32   // signalOffer, signalAnswer: counts the offers of a round
	Commit    [32]byte // signalBegin, signalAccept
	Nonce     [32]byte // signalOffer, signalAnswer
	SDP       string   // the same
	Candidate CallCandidate
	Media     CallMedia
}

// Fields describes the signal.
func (s *callSignal) Fields(c *wire.Coder) {
	c.U8((*uint8)(&s.Kind))
	c.Fixed(s.Call[:])
	c.U32(&s.Round)
	c.Fixed(s.To[:])
	switch s.Kind {
	case signalRinging, signalRestart, signalGone:
	case signalBegin, signalAccept:
		c.Fixed(s.Commit[:])
	case signalOffer, signalAnswer:
		c.U32(&s.Turn)
		c.Fixed(s.Nonce[:])
		c.String(&s.SDP, maxSDP)
	case signalCandidate:
		line := uint16(s.Candidate.Line)
		c.String(&s.Candidate.Candidate, maxCandidate)
		c.String(&s.Candidate.Mid, maxMid)
		c.U16(&line)
		s.Candidate.Line = int(line)
	case signalMedia:
		c.Bool(&s.Media.Audio)
		c.Bool(&s.Media.Video)
		c.Bool(&s.Media.Screen)
	default:
		c.Fail(wire.ErrMalformed)
	}
}

// outSignal is a signal that leaves once the present step is kept.
type outSignal struct {
	conversation conversationID
	signal       *callSignal
	over         CallReason // instead of a signal: a stored message that the call is over
	call         callID
	until        time.Time
}

// signal queues a signal to the other side of a call.
func (c *Client) signal(k *call, s callSignal) {
	s.Call, s.Round, s.To = k.ID, k.Round, k.Device
	if n := len(c.signals) - maxSignals; n >= 0 { // away for long: the oldest are of no use any more
		c.signals = c.signals[n+1:]
	}
	c.signals = append(c.signals, outSignal{conversation: k.Conversation, signal: &s})
}

// repeat is signal for what the call cannot go on without: it is sent again
// until something comes back.
func (c *Client) repeat(k *call, s callSignal) {
	c.signal(k, s)
	k.round.last, k.round.again = c.signals[len(c.signals)-1].signal, time.Now().Add(signalAgain)
}

// sayOver queues the stored message that a call is over for this side.
func (c *Client) sayOver(k *call, reason CallReason) {
	c.signals = append(c.signals, outSignal{conversation: k.Conversation, over: reason, call: k.ID, until: time.Now().Add(connectIn)})
}

// sendSignals sends what is queued. What cannot leave now is lost, as live
// frames are, but for the message that a call is over, which waits a minute.
func (c *Client) sendSignals(ctx context.Context) error {
	queue := c.signals
	c.signals = nil
	for n, o := range queue {
		v := c.convs[o.conversation]
		if v == nil || v.obstacle() != "" {
			continue
		}
		var err error
		if o.signal != nil {
			err = c.sendCallSignal(ctx, v, o.signal)
		} else {
			err = c.sendNow(ctx, v, func() *content {
				return &content{Kind: contentOver, At: c.now().Unix(), Call: o.call, Reason: overNumber(o.over)}
			})
		}
		if unreachable(err) {
			for _, left := range queue[n:] {
				if left.signal == nil && time.Now().Before(left.until) {
					c.signals = append(c.signals, left)
				}
			}
			return err
		}
	}
	return nil
}

// sendCallSignal seals and sends a signal. When the epoch ended meanwhile it
// reads on and seals it again.
func (c *Client) sendCallSignal(ctx context.Context, v *conversation, s *callSignal) error {
	for range 3 {
		err := c.sendLive(ctx, v, liveCall, s)
		if !refusedWith(err, wire.CodeStalePass, wire.CodeStaleEpoch, wire.CodeWrongPass, wire.CodeNoMailbox) {
			return err
		}
		if err := c.catchUp(ctx, v); err != nil || v.obstacle() != "" {
			return err
		}
	}
	return nil
}

// takeSignal deals with a signal from a leaf of a conversation.
func (c *Client) takeSignal(ctx context.Context, v *conversation, from *memberState, s *callSignal) error {
	me := c.self.devicePublic()
	if !v.Direct || (s.To != [32]byte{} && s.To != me) || !c.contacts[from.Handle].accepted() {
		return errLive
	}
	k := c.calls[s.Call]
	if k == nil || k.Conversation != v.ID {
		if s.Kind == signalAccept || s.Kind == signalOffer || s.Kind == signalRestart || s.Kind == signalBegin {
			gone := callSignal{Kind: signalGone, Call: s.Call, Round: s.Round, To: from.Device}
			c.signals = append(c.signals, outSignal{conversation: v.ID, signal: &gone})
		}
		return nil
	}
	if k.Device != [32]byte{} && k.Device != from.Device {
		return errLive // a call is between two devices
	}
	switch s.Kind {
	case signalRinging:
		return c.takeRinging(k)
	case signalAccept:
		return c.takeAccept(ctx, k, from, s)
	case signalBegin:
		return c.takeBegin(ctx, k, s)
	case signalOffer:
		return c.takeOffer(ctx, k, s)
	case signalAnswer:
		return c.takeAnswer(ctx, k, s)
	case signalCandidate:
		if s.Round == k.Round && k.is(CallConnecting, CallConnected) {
			c.tell(CallCandidateArrived{Call: k.ID.String(), Candidate: s.Candidate})
		}
	case signalRestart:
		if s.Round == k.Round && k.round.offerer {
			c.restart(k)
		}
	case signalMedia:
		if k.media != s.Media {
			k.media = s.Media
			c.tell(CallChanged{Call: k.public()})
		}
	case signalGone:
		if s.Round == k.Round && k.is(CallConnecting, CallConnected, CallLost) {
			return c.finish(ctx, k, CallInterrupted)
		}
	}
	return nil
}

// untilCalls is how long it is until a call needs something.
func (c *Client) untilCalls(most time.Duration) time.Duration {
	if len(c.signals) > 0 && c.online {
		return 0
	}
	for _, k := range c.calls {
		most = min(most, max(0, time.Until(k.deadline)))
		if k.round.last != nil && c.online {
			most = min(most, max(0, time.Until(k.round.again)))
		}
	}
	return most
}

// tendCalls ends calls whose time is over, repeats what nothing came back to,
// and sends what is queued.
func (c *Client) tendCalls(ctx context.Context) error {
	for _, k := range c.calls {
		if !time.Now().Before(k.deadline) {
			if err := c.timeOver(ctx, k); err != nil {
				return err
			}
			continue
		}
		if v := c.convs[k.Conversation]; v == nil || v.Status.over() || c.contacts[k.Peer].blocked() {
			c.sayOver(k, CallHungUp)
			if err := c.finish(ctx, k, CallInterrupted); err != nil {
				return err
			}
			continue
		}
		if r := &k.round; r.last != nil && c.online && !time.Now().Before(r.again) {
			c.repeat(k, *r.last)
		}
	}
	if c.pruneCalls {
		c.pruneCalls = false
		if err := c.pruneCallHistory(ctx); err != nil {
			return err
		}
	}
	if len(c.signals) > 0 && c.online {
		return c.sendSignals(ctx)
	}
	return nil
}

// timeOver ends a call that waited for long enough.
func (c *Client) timeOver(ctx context.Context, k *call) error {
	reason := CallFailed
	switch {
	case k.is(CallRinging):
		return c.finish(ctx, k, CallMissed)
	case k.is(CallCalling):
		reason = CallNoAnswer
	case k.Since != 0:
		reason = CallInterrupted
	}
	c.sayOver(k, reason)
	return c.finish(ctx, k, reason)
}
