// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"encoding/hex"
	"time"

	"clarion.chat/clarion/wire"
)

// A call is agreed on here and carried elsewhere: this package says who calls
// whom, carries descriptions and candidates between two media engines (a
// browser's RTCPeerConnection, or package client/call), and holds each side to
// the certificate that it committed to. docs/protocol/call.md is its law.
//
//	outgoing   StartCall ─▶ calling ── accept ──▶ connecting ─▶ connected
//	                           │  ringing there                    │  ▲ again
//	incoming   ring ─────▶ ringing ── AnswerCall ─▶ connecting ─▶ connected
//	                           │                                   │
//	                           └── 45 s, decline, busy ──▶ ended ◀─┘ EndCall
//
// A round is one agreement on certificates. The first begins with the ring; who
// loses the media (a page that was reloaded) begins another in the same call.

// CallState is where a call stands.
type CallState string

// States of a call, in order.
const (
	CallCalling    CallState = "calling"    // outgoing: nobody has answered yet
	CallRinging    CallState = "ringing"    // incoming: answer it, or end it
	CallConnecting CallState = "connecting" // answered; the media engines look for each other
	CallConnected  CallState = "connected"
	CallLost       CallState = "lost" // this device's media engine is gone; ResumeCall brings it back
	CallEnded      CallState = "ended"
)

// CallReason says how a call ended.
type CallReason string

// How calls end. Missed is an incoming call that nobody here took.
const (
	CallHungUp      CallReason = "hung_up"
	CallDeclined    CallReason = "declined"
	CallBusy        CallReason = "busy"
	CallNoAnswer    CallReason = "no_answer" // outgoing: nobody took it within 45 s
	CallMissed      CallReason = "missed"
	CallCancelled   CallReason = "cancelled"   // by whoever called, before an answer
	CallFailed      CallReason = "failed"      // the media engines did not find each other
	CallInterrupted CallReason = "interrupted" // one side was gone and did not come back
	CallTampered    CallReason = "tampered"    // a description bore another certificate than was committed to
)

// CallMedia is what one side sends at this moment.
type CallMedia struct {
	Audio  bool
	Video  bool
	Screen bool // the video is a shared screen
}

// Call is one call as this device knows it.
type Call struct {
	ID           string // 32 hex digits, drawn by whoever called
	Conversation string
	Peer         wire.Handle
	Incoming     bool
	Video        bool // whoever called asked for video
	State        CallState
	Reason       CallReason // empty until it ended
	PeerRings    bool       // outgoing: a device of the other rings
	PeerMedia    CallMedia  // what the other says to send
	Began        time.Time  // when it rang
	Connected    time.Time  // when media first flowed; zero before
	// Code is the short code: nine digits, the same on both sides unless
	// somebody stands between them. Empty until both sides have revealed what
	// they had committed to. A new round has another code.
	Code  string
	Round uint32 // counts the rounds; a lost engine that comes back begins another
	// Compared is what the person said of the code: "same", "differs", or empty.
	Compared string
}

// CallParams are what one side's media engine brings to a round.
type CallParams struct {
	// Fingerprint is that of the certificate that the engine's DTLS will
	// present: "sha-256 " and 32 bytes in hex, separated by colons (RFC 8122).
	Fingerprint string
	Video       bool // this side means to send video
}

// CallCandidate is one transport address of a media engine (RFC 8838).
type CallCandidate struct {
	Candidate string // without "a="; empty: there are no more
	Mid       string
	Line      int
}

// CallArrived: somebody calls. Until is when it stops ringing.
type CallArrived struct {
	At           time.Time
	Conversation string
	Call         string
	From         wire.Handle
	Video        bool
	Until        time.Time
}

// CallChanged: something of a call is other than before. A call that ended is
// told by CallEnds too. Was is set when two people called each other at once:
// the call of that id goes on as this one, which the other side began.
type CallChanged struct {
	Call Call
	Was  string
}

// CallOfferWanted: the engine of this call is to make an offer and hand it to
// DescribeCall. With Restart the connection stays and its ICE is restarted
// (RFC 8445 §9); else it is to be a new one, with the certificate it named.
type CallOfferWanted struct {
	Call    string
	Restart bool
}

// CallDescribed: a description of the other side, whose certificate is the one
// it committed to. An engine that gets an offer answers it by DescribeCall.
// Restart belongs to the connection that exists; else it is a new one's.
type CallDescribed struct {
	Call    string
	Offer   bool // else an answer
	SDP     string
	Restart bool
}

// CallCandidateArrived: a candidate of the other side.
type CallCandidateArrived struct {
	Call      string
	Candidate CallCandidate
}

// CallAgain: the other side lost its engine and begins another round. The
// engine here lets its connection go and calls AnswerCall once more.
type CallAgain struct{ Call string }

// CallEnds: a call is over. The history of its conversation has a line of it.
type CallEnds struct {
	At           time.Time
	Conversation string
	Seq          uint64 // place of the ring
	Call         string
	Peer         wire.Handle
	Incoming     bool
	Video        bool
	Reason       CallReason
	Began        time.Time
	Seconds      int // for how long media flowed; 0 when none did
}

func (CallArrived) event()          {}
func (CallChanged) event()          {}
func (CallOfferWanted) event()      {}
func (CallDescribed) event()        {}
func (CallCandidateArrived) event() {}
func (CallAgain) event()            {}
func (CallEnds) event()             {}

// callID names a call.
type callID [16]byte

func (id callID) String() string { return hex.EncodeToString(id[:]) }
