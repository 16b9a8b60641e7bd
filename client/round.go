// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"time"
)

// bring begins this side's part of a round with an engine's certificate.
func (c *Client) bring(k *call, p CallParams) error {
	fp, err := parseFingerprint(p.Fingerprint)
	if err != nil {
		return err
	}
	k.round.mine, k.round.ready = fp, true
	return c.random(k.round.nonce[:])
}

// AnswerCall takes a call that rings, or goes along with another round after
// CallAgain. One tab takes it; the others are told that it was taken.
func (c *Client) AnswerCall(ctx context.Context, call string, p CallParams) (out Call, err error) {
	err = c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		if err := c.answer(ctx, k, p); err != nil {
			return err
		}
		out = k.public()
		return c.settleFailure(c.tendCalls(ctx))
	})
	return out, err
}

func (c *Client) answer(ctx context.Context, k *call, p CallParams) error {
	again := k.is(CallConnecting) && k.round.heard && !k.round.ready
	switch {
	case !k.is(CallRinging) && !again:
		return fail(FailCallTaken, nil)
	case c.engaged(k):
		return fail(FailInCall, nil)
	}
	if err := c.bring(k, p); err != nil {
		return err
	}
	if k.is(CallRinging) {
		k.round.commit, k.round.heard = k.Commit, true
	}
	c.accept(k)
	return c.keepCall(ctx, k)
}

// LoseCall says that this side's engine is gone. The call ends by itself unless
// ResumeCall follows within 30 s.
func (c *Client) LoseCall(ctx context.Context, call string) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil || !k.is(CallConnecting, CallConnected) {
			return err
		}
		k.State, k.deadline, k.round.last = string(CallLost), time.Now().Add(resumeIn), nil
		return c.keepCall(ctx, k)
	})
}

// ResumeCall goes on with a call whose engine here was lost: both sides commit
// anew, and the short code is another.
func (c *Client) ResumeCall(ctx context.Context, call string, p CallParams) (out Call, err error) {
	err = c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		if !k.is(CallLost) {
			return fail(FailCallTaken, nil)
		}
		k.Round, k.round, k.code, k.compared = k.Round+1, callRound{offerer: true}, "", ""
		if err := c.bring(k, p); err != nil {
			return err
		}
		k.State, k.deadline = string(CallConnecting), time.Now().Add(connectIn)
		c.repeat(k, callSignal{Kind: signalBegin, Commit: k.commitment(c.self.devicePublic(), k.round.mine, k.round.nonce)})
		if err := c.keepCall(ctx, k); err != nil {
			return err
		}
		out = k.public()
		return c.settleFailure(c.tendCalls(ctx))
	})
	return out, err
}

// takeBegin deals with another round that the other side begins. When both
// begin one at the same time, that of whoever called goes on.
func (c *Client) takeBegin(ctx context.Context, k *call, s *callSignal) error {
	mine := k.round.offerer && k.round.last != nil && k.round.last.Kind == signalBegin
	if !k.is(CallConnecting, CallConnected, CallLost) || s.Round < k.Round || s.Round > k.Round+16 {
		return nil
	}
	if s.Round == k.Round {
		if !mine || !k.Incoming {
			return nil // a repeat, or theirs gives way
		}
		r := callRound{mine: k.round.mine, ready: true, commit: s.Commit, heard: true}
		if err := c.random(r.nonce[:]); err != nil {
			return err
		}
		k.round = r
		c.accept(k)
		return c.keepCall(ctx, k)
	}
	lost := k.is(CallLost)
	k.Round, k.round, k.code, k.compared = s.Round, callRound{commit: s.Commit, heard: true}, "", ""
	k.State, k.deadline = string(CallConnecting), time.Now().Add(connectIn)
	if err := c.keepCall(ctx, k); err != nil {
		return err
	}
	if lost {
		k.State = string(CallLost) // ResumeCall begins a later round
	}
	c.tell(CallAgain{Call: k.ID.String()})
	return nil
}

// takeAccept hears the commitment of whoever answered, and asks the engine for
// an offer.
func (c *Client) takeAccept(ctx context.Context, k *call, from *memberState, s *callSignal) error {
	if s.Round != k.Round || !k.round.offerer || !k.is(CallCalling, CallConnecting) {
		return nil
	}
	if k.round.heard {
		return nil // a repeat; the offer is repeated by itself
	}
	k.Device, k.round.commit, k.round.heard, k.round.last = from.Device, s.Commit, true, nil
	k.State, k.deadline, k.round.wanted = string(CallConnecting), time.Now().Add(connectIn), true
	if err := c.keepCall(ctx, k); err != nil {
		return err
	}
	c.tell(CallOfferWanted{Call: k.ID.String()})
	return nil
}

// DescribeCall takes the engine's own description, an offer or an answer as it
// was asked for, and reveals what this side committed to.
func (c *Client) DescribeCall(ctx context.Context, call, sdp string) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		if len(sdp) == 0 || len(sdp) > maxSDP {
			return fail(FailDescription, nil)
		}
		fp, err := sdpFingerprint(sdp)
		if err != nil {
			return err
		}
		if !k.round.ready || fp != k.round.mine {
			return fail(FailFingerprint, nil)
		}
		if !k.round.wanted || !k.round.heard {
			return fail(FailDescription, nil)
		}
		k.round.wanted = false
		kind := signalAnswer
		if k.round.offerer {
			kind = signalOffer
		}
		s := callSignal{Kind: kind, Turn: k.round.turn, Nonce: k.round.nonce, SDP: sdp}
		if k.round.offerer {
			c.repeat(k, s)
		} else {
			c.signal(k, s)
			k.round.answer = c.signals[len(c.signals)-1].signal // a repeat of the offer asks for it again
			c.revealed(k)
		}
		return c.settleFailure(c.tendCalls(ctx))
	})
}

// revealed makes the short code, once both sides' shares are known.
func (c *Client) revealed(k *call) {
	if !k.round.known || k.code != "" {
		return
	}
	k.code = k.shortCode()
	c.tell(CallChanged{Call: k.public()})
}

// check holds a description to the certificate and nonce that were committed
// to. What differs ends the call before any media flow.
func (c *Client) check(ctx context.Context, k *call, s *callSignal) (bool, error) {
	fp, err := sdpFingerprint(s.SDP)
	if err == nil && k.round.heard && k.holds(fp, s.Nonce) && (!k.round.known || (k.round.theirs == fp && k.round.reveal == s.Nonce)) {
		k.round.theirs, k.round.reveal, k.round.known = fp, s.Nonce, true
		return true, nil
	}
	c.sayOver(k, CallTampered)
	return false, c.finish(ctx, k, CallTampered)
}

// takeOffer takes the first offer of a round, or one that restarts ICE.
func (c *Client) takeOffer(ctx context.Context, k *call, s *callSignal) error {
	r := &k.round
	if s.Round != k.Round || r.offerer || !r.ready || !k.is(CallConnecting, CallConnected) {
		return nil
	}
	if r.known && s.Turn <= r.turn {
		if s.Turn == r.turn && r.answer != nil {
			c.signal(k, *r.answer) // it was lost on its way
		}
		return nil
	}
	first := !r.known
	if ok, err := c.check(ctx, k, s); !ok {
		return err
	}
	r.turn, r.wanted, r.last, r.answer = s.Turn, true, nil, nil
	c.tell(CallDescribed{Call: k.ID.String(), Offer: true, SDP: s.SDP, Restart: !first})
	return nil
}

// takeAnswer takes the answer to the last offer.
func (c *Client) takeAnswer(ctx context.Context, k *call, s *callSignal) error {
	r := &k.round
	if s.Round != k.Round || !r.offerer || s.Turn != r.turn || r.last == nil || r.last.Kind != signalOffer {
		return nil // a repeat
	}
	first := !r.known
	if ok, err := c.check(ctx, k, s); !ok {
		return err
	}
	r.last = nil
	c.tell(CallDescribed{Call: k.ID.String(), SDP: s.SDP, Restart: !first})
	c.revealed(k)
	return nil
}

// CandidateCall carries one candidate of this side's engine.
func (c *Client) CandidateCall(ctx context.Context, call string, candidate CallCandidate) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		if len(candidate.Candidate) > maxCandidate || len(candidate.Mid) > maxMid || candidate.Line < 0 || candidate.Line > 255 {
			return fail(FailDescription, nil)
		}
		if k.is(CallConnecting, CallConnected) {
			c.signal(k, callSignal{Kind: signalCandidate, Candidate: candidate})
		}
		return c.settleFailure(c.tendCalls(ctx))
	})
}

// ConnectedCall says that this side's engine has a connection.
func (c *Client) ConnectedCall(ctx context.Context, call string) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil || !k.is(CallConnecting, CallConnected) || !k.round.known {
			return err
		}
		k.deadline = time.Now().Add(callMost)
		if k.is(CallConnected) {
			return nil
		}
		k.State = string(CallConnected)
		if k.Since == 0 {
			k.Since = c.now().Unix()
		}
		return c.keepCall(ctx, k)
	})
}

// callMost is how long a call may last without a word from its engine.
const callMost = 24 * time.Hour

// RestartCall says that this side's connection is lost or does not come up:
// whoever makes the offers is asked for one that restarts ICE.
func (c *Client) RestartCall(ctx context.Context, call string) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil || !k.is(CallConnecting, CallConnected) {
			return err
		}
		if k.is(CallConnected) {
			k.State, k.deadline = string(CallConnecting), time.Now().Add(connectIn)
			if err := c.keepCall(ctx, k); err != nil {
				return err
			}
		}
		if k.round.offerer {
			c.restart(k)
		} else {
			c.signal(k, callSignal{Kind: signalRestart})
		}
		return c.settleFailure(c.tendCalls(ctx))
	})
}

// restart asks the own engine for an offer that restarts ICE, not too often.
func (c *Client) restart(k *call) {
	r := &k.round
	if !r.known || time.Since(r.offered) < restartPause {
		return // the first offer is still under way, or one just went
	}
	r.offered = time.Now()
	r.turn++
	r.wanted = true
	c.tell(CallOfferWanted{Call: k.ID.String(), Restart: true})
}

// TellMedia tells the other side what this one sends now.
func (c *Client) TellMedia(ctx context.Context, call string, m CallMedia) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		if k.is(CallConnecting, CallConnected) {
			c.signal(k, callSignal{Kind: signalMedia, Media: m})
		}
		return c.settleFailure(c.tendCalls(ctx))
	})
}
