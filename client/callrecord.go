// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"clarion.chat/clarion/exposure"
	"clarion.chat/clarion/wire"
)

// Times of a call.
const (
	ringFor      = 45 * time.Second // from when the caller's server clock said it rang
	ringSkew     = 15 * time.Second // how far in the future a ring may seem to be
	connectIn    = 60 * time.Second // from an answer, or from a lost connection, to a connection
	resumeIn     = 30 * time.Second // from a lost engine to another one
	signalAgain  = 2 * time.Second  // an offer or answer that nothing came back to
	restartPause = 3 * time.Second  // between two restarts of ICE
	pastKept     = 500              // calls in the list of past ones
)

// Codes of failures with calls.
const (
	// FailInCall: another call is on.
	FailInCall = "call_in_progress"
	// FailNoCall: there is no such call, or it ended.
	FailNoCall = "no_such_call"
	// FailCallTaken: the call was answered already.
	FailCallTaken = "call_taken"
	// FailCallGroup: only conversations of two have calls.
	FailCallGroup = "call_not_in_groups"
	// FailCallContact: calls are for people one has accepted.
	FailCallContact = "call_not_accepted"
	// FailFingerprint: what the media engine named is no fingerprint, or its
	// description bears another.
	FailFingerprint = "call_fingerprint_invalid"
	// FailDescription: a description that is none, or too long.
	FailDescription = "call_description_invalid"
)

// callRound is one agreement on two certificates. It is not kept: what ends
// with this process ends with its media engine.
type callRound struct {
	offerer bool // this side makes the offer
	nonce   [32]byte
	mine    [32]byte // fingerprint of the own certificate
	ready   bool     // mine is known
	commit  [32]byte // what the other side committed to
	heard   bool     // commit is known
	theirs  [32]byte // fingerprint, once revealed
	reveal  [32]byte // nonce, once revealed
	known   bool     // theirs and reveal are
	turn    uint32   // of the last offer made or taken
	wanted  bool     // the engine owes a description
	offered time.Time
	answer  *callSignal // to the last offer, should that come once more
	last    *callSignal // sent again until something comes back
	again   time.Time
}

// call is a call that has not ended. Its record is what a restart of the
// program finds.
type call struct {
	ID           callID
	Conversation conversationID
	Peer         wire.Handle
	Device       [32]byte // the other side's, once it is known which
	Incoming     bool
	Video        bool
	Seq          uint64 // place of the ring
	Began        int64
	Since        int64 // when media first flowed
	State        string
	Round        uint32
	Auth         [32]byte // epoch authenticator of the ring's epoch
	Commit       [32]byte // the caller's, from the ring

	round    callRound
	rings    bool
	media    CallMedia
	code     string
	deadline time.Time // when it ends by itself

	compared   exposure.Compared // what came of reading the code aloud; empty: nothing yet
	comparedAt time.Time
}

// Fields describes the record.
func (k *call) Fields(c *wire.Coder) {
	c.Fixed(k.ID[:])
	k.Conversation.Fields(c)
	k.Peer.Fields(c)
	c.Fixed(k.Device[:])
	c.Bool(&k.Incoming)
	c.Bool(&k.Video)
	c.U64(&k.Seq)
	c.I64(&k.Began)
	c.I64(&k.Since)
	c.String(&k.State, 16)
	c.U32(&k.Round)
	c.Fixed(k.Auth[:])
	c.Fixed(k.Commit[:])
}

func (k *call) record() string { return "call/" + k.ID.String() }

func (k *call) is(states ...CallState) bool { return slices.Contains(states, CallState(k.State)) }

func (k *call) public() Call {
	out := Call{
		ID: k.ID.String(), Conversation: k.Conversation.String(), Peer: k.Peer, Incoming: k.Incoming, Video: k.Video,
		State: CallState(k.State), PeerRings: k.rings, PeerMedia: k.media, Round: k.Round, Compared: string(k.compared), Began: time.Unix(k.Began, 0).UTC(), Code: k.code,
	}
	if k.Since != 0 {
		out.Connected = time.Unix(k.Since, 0).UTC()
	}
	return out
}

// PastCall is a call that is over.
type PastCall struct {
	ID           string
	Conversation string
	Peer         wire.Handle
	Incoming     bool
	Video        bool
	Reason       CallReason
	Began        time.Time
	Seconds      int
}

// pastCall is the record of one; its name sorts the newest first.
type pastCall struct {
	ID           callID
	Conversation conversationID
	Peer         wire.Handle
	Incoming     bool
	Video        bool
	Reason       string
	Began        int64
	Seconds      uint32
}

// Fields describes the record.
func (p *pastCall) Fields(c *wire.Coder) {
	c.Fixed(p.ID[:])
	p.Conversation.Fields(c)
	p.Peer.Fields(c)
	c.Bool(&p.Incoming)
	c.Bool(&p.Video)
	c.String(&p.Reason, 16)
	c.I64(&p.Began)
	c.U32(&p.Seconds)
}

func (p *pastCall) record() string { return fmt.Sprintf("called/%016x/%s", ^uint64(p.Began), p.ID) }

// CallHistory lists past calls, newest first: at most limit, and at most the
// 500 that the vault keeps.
func (c *Client) CallHistory(ctx context.Context, limit int) (list []PastCall, err error) {
	err = c.withAccount(ctx, func() error {
		records, err := c.vault.Scan(ctx, "called/", "", min(max(limit, 0), pastKept))
		if err != nil {
			return fail(FailVault, err)
		}
		for _, r := range records {
			var p pastCall
			if err := wire.Unmarshal(r.Value, &p); err != nil {
				return fail(FailVault, err)
			}
			list = append(list, PastCall{
				ID: p.ID.String(), Conversation: p.Conversation.String(), Peer: p.Peer, Incoming: p.Incoming, Video: p.Video,
				Reason: CallReason(p.Reason), Began: time.Unix(p.Began, 0).UTC(), Seconds: int(p.Seconds),
			})
		}
		return nil
	})
	return list, err
}

// Calls lists the calls that have not ended: at most one that this device takes
// part in, and those that ring.
func (c *Client) Calls(ctx context.Context) (list []Call, err error) {
	err = c.withAccount(ctx, func() error {
		for _, k := range c.calls {
			list = append(list, k.public())
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Call) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	return list, err
}

// callByID finds a call that has not ended.
func (c *Client) callByID(id string) (*call, error) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != len(callID{}) || c.calls[callID(b)] == nil {
		return nil, fail(FailNoCall, err)
	}
	return c.calls[callID(b)], nil
}

// loadCalls reads what an earlier run left, once. A call that rang out there is
// over; one that was answered has lost its engine.
func (c *Client) loadCalls(ctx context.Context) error {
	if c.self == nil {
		return nil
	}
	return scan(ctx, c.vault, "call/", func(key string, b []byte) error {
		k := new(call)
		if err := wire.Unmarshal(b, k); err != nil {
			return fail(FailVault, err)
		}
		left := ringFor - c.now().Sub(time.Unix(k.Began, 0))
		switch {
		case c.convs[k.Conversation] == nil:
			var ch change
			ch.drop(key)
			return c.commit(ctx, &ch)
		case k.is(CallRinging) && left > 0:
			c.calls[k.ID], k.deadline = k, time.Now().Add(left)
		case k.is(CallRinging):
			c.calls[k.ID] = k
			return c.finish(ctx, k, CallMissed)
		case k.is(CallCalling):
			c.calls[k.ID] = k
			c.sayOver(k, CallCancelled)
			return c.finish(ctx, k, CallCancelled)
		default:
			c.calls[k.ID], k.State, k.deadline = k, string(CallLost), time.Now().Add(resumeIn)
		}
		return nil
	})
}

// finish ends a call on this device: its record becomes a line of the history
// and one of the past calls.
func (c *Client) finish(ctx context.Context, k *call, reason CallReason) error {
	var ch change
	c.finishIn(&ch, k, reason)
	return c.commit(ctx, &ch)
}

func (c *Client) finishIn(ch *change, k *call, reason CallReason) {
	delete(c.calls, k.ID)
	ch.drop(k.record())
	p := &pastCall{ID: k.ID, Conversation: k.Conversation, Peer: k.Peer, Incoming: k.Incoming, Video: k.Video, Reason: string(reason), Began: k.Began}
	if k.Since != 0 {
		p.Seconds = uint32(max(0, c.now().Unix()-k.Since))
	}
	ch.put(p.record(), p)
	c.pruneCalls = true
	k.State = string(CallEnded)
	out := k.public()
	out.Reason = reason
	ch.tell(CallChanged{Call: out})
	ch.tell(CallEnds{
		At: c.now(), Conversation: out.Conversation, Seq: k.Seq, Call: out.ID, Peer: k.Peer, Incoming: k.Incoming, Video: k.Video,
		Reason: reason, Began: out.Began, Seconds: int(p.Seconds),
	})
}

// pruneCallHistory forgets all but the newest past calls.
func (c *Client) pruneCallHistory(ctx context.Context) error {
	var ch change
	n := 0
	err := scan(ctx, c.vault, "called/", func(key string, _ []byte) error {
		if n++; n > pastKept {
			ch.drop(key)
		}
		return nil
	})
	if err != nil {
		return fail(FailVault, err)
	}
	return c.commit(ctx, &ch)
}

// line is what the history shows of a call.
func (e CallEnds) line() (string, ItemKind, Line) {
	return e.Conversation, KindCall, Line{
		Seq: e.Seq, At: e.Began, Handle: e.Peer, Call: e.Call, Incoming: e.Incoming, Video: e.Video, Reason: e.Reason, Seconds: e.Seconds,
	}
}

// parseFingerprint reads "sha-256 AB:CD:…".
func parseFingerprint(s string) (fp [32]byte, err error) {
	hash, value, _ := strings.Cut(strings.TrimSpace(s), " ")
	pairs := strings.Split(value, ":")
	b, err := hex.DecodeString(strings.Join(pairs, ""))
	odd := slices.ContainsFunc(pairs, func(p string) bool { return len(p) != 2 })
	if err != nil || odd || !strings.EqualFold(hash, "sha-256") || len(b) != len(fp) {
		return fp, fail(FailFingerprint, err)
	}
	return [32]byte(b), nil
}

// sdpFingerprint is the one fingerprint of a description. One with none, or
// with two that differ, is refused: media would flow under a certificate that
// nobody committed to.
func sdpFingerprint(sdp string) (fp [32]byte, err error) {
	found := false
	for l := range strings.Lines(sdp) {
		text, is := strings.CutPrefix(strings.TrimSpace(l), "a=fingerprint:")
		if !is {
			continue
		}
		next, err := parseFingerprint(text)
		if err != nil {
			return fp, err
		}
		if found && next != fp {
			return fp, fail(FailFingerprint, nil)
		}
		fp, found = next, true
	}
	if !found {
		return fp, fail(FailFingerprint, nil)
	}
	return fp, nil
}

// commitment is what a side binds itself to before it sees anything of the
// other: its certificate and a nonce, for one round of one call and one device.
func (k *call) commitment(device, fingerprint, nonce [32]byte) [32]byte {
	var round [4]byte
	binary.BigEndian.PutUint32(round[:], k.Round)
	return sha256.Sum256(wire.ToSign("clarion call commitment v1", k.Peer.Host, k.ID[:], round[:], device[:], fingerprint[:], nonce[:]))
}

// holds reports whether a revealed certificate and nonce are those committed to.
func (k *call) holds(fingerprint, nonce [32]byte) bool {
	want := k.commitment(k.Device, fingerprint, nonce)
	return subtle.ConstantTimeCompare(want[:], k.round.commit[:]) == 1
}

// shortCode is nine digits over both certificates, both nonces and the
// conversation's epoch. Each side committed to its share before it saw the
// other's, so somebody in the middle of two calls has one guess in 10⁹ for each
// round that a person answers.
func (k *call) shortCode() string {
	r := &k.round
	fps, nonces := [][32]byte{r.mine, r.theirs}, [][32]byte{r.nonce, r.reveal}
	if !r.offerer {
		slices.Reverse(fps)
		slices.Reverse(nonces)
	}
	var round [4]byte
	binary.BigEndian.PutUint32(round[:], k.Round)
	sum := sha256.Sum256(wire.ToSign("clarion call short code v1", k.Peer.Host, k.ID[:], round[:], k.Auth[:], fps[0][:], fps[1][:], nonces[0][:], nonces[1][:]))
	return fmt.Sprintf("%09d", binary.BigEndian.Uint64(sum[:8])%1_000_000_000)
}
