// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// opusParameters ask the other side for what this one sends: a constant bit
// rate and no silence suppression, since sizes that vary tell what is said
// (RFC 7587 §6.1).
const opusParameters = "minptime=20;maxaveragebitrate=24000;stereo=0;cbr=1;usedtx=0;useinbandfec=1"

// errMore: a description with more in it than one track of sound and one of
// picture, or without sound.
var errMore = errors.New("not one track of sound, and at most one of picture")

// unfit is the failure of a description of the other side's.
func unfit(err error) error {
	return &client.Failure{
		Code: client.FailDescription, Text: "the other side's description does not fit", Hint: "call again; the other program may be of another version", Cause: err,
	}
}

// connection is one PeerConnection with what plays into it and what comes out.
// Its counters may be read by any goroutine.
type connection struct {
	e       *Engine
	pc      *webrtc.PeerConnection
	track   *webrtc.TrackLocalStaticSample
	early   []webrtc.ICECandidateInit // came before the description
	ready   bool                      // the other side's description is there
	playing bool
	closed  chan struct{}
	relay   string // host name of the relay that may be used

	mu   sync.Mutex     // guards what follows
	over bool           // no goroutine begins any more
	wg   sync.WaitGroup // goroutines that play and receive

	hears   atomic.Bool // a track of audio has come; there is one
	sent    atomic.Int64
	samples atomic.Int64
	frames  atomic.Int64
}

// quiet is a logger that writes nothing: pion's lines hold addresses.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger { return quiet{} }
func (quiet) Trace(string)                           {}
func (quiet) Tracef(string, ...any)                  {}
func (quiet) Debug(string)                           {}
func (quiet) Debugf(string, ...any)                  {}
func (quiet) Info(string)                            {}
func (quiet) Infof(string, ...any)                   {}
func (quiet) Warn(string)                            {}
func (quiet) Warnf(string, ...any)                   {}
func (quiet) Error(string)                           {}
func (quiet) Errorf(string, ...any)                  {}

// api makes pion speak Opus, take VP8, and say nothing.
func (e *Engine) api() (*webrtc.API, error) {
	codecs := &webrtc.MediaEngine{}
	audio := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: sampleRate, Channels: 2, SDPFmtpLine: opusParameters},
		PayloadType:        111,
	}
	video := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []webrtc.RTCPFeedback{
			{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}},
		PayloadType: 96,
	}
	if err := codecs.RegisterCodec(audio, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	if err := codecs.RegisterCodec(video, webrtc.RTPCodecTypeVideo); err != nil {
		return nil, err
	}
	chain := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(codecs, chain); err != nil {
		return nil, err
	}
	var s webrtc.SettingEngine
	s.LoggerFactory = quiet{}
	s.SetICEMulticastDNSMode(e.o.names())
	s.SetIncludeLoopbackCandidate(e.o.Loopback)
	if e.o.relayed() {
		s.SetRelayAcceptanceMinWait(0) // nothing better is to come
	}
	s.SetICETimeouts(3*time.Second, 10*time.Second, time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(chain), webrtc.WithSettingEngine(s)), nil
}

// relayed reports whether the relay's addresses are the only ones.
func (o *Options) relayed() bool { return o.AlwaysRelay || o.TCP }

// names says what becomes of the names that browsers put in place of their own
// addresses: they are asked for in the local network, unless no address of it
// is of use.
func (o *Options) names() ice.MulticastDNSMode {
	if o.relayed() {
		return ice.MulticastDNSModeDisabled
	}
	return ice.MulticastDNSModeQueryOnly
}

// servers are the relay's places that the options allow.
func (e *Engine) servers(r wire.Relay) []webrtc.ICEServer {
	urls := slices.DeleteFunc(slices.Clone(r.URLs), func(u string) bool {
		tcp := strings.Contains(u, "transport=tcp") || strings.HasPrefix(u, "turns:")
		return e.o.TCP && !tcp
	})
	if len(urls) == 0 {
		return nil
	}
	return []webrtc.ICEServer{{URLs: urls, Username: r.Username, Credential: r.Credential}}
}

// connect makes a connection; nothing leaves before a description is made.
func (e *Engine) connect(r wire.Relay) (*connection, error) {
	api, err := e.api()
	if err != nil {
		return nil, err
	}
	config := webrtc.Configuration{
		Certificates: []webrtc.Certificate{e.cert}, ICEServers: e.servers(r),
		BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire,
	}
	if e.o.relayed() {
		config.ICETransportPolicy = webrtc.ICETransportPolicyRelay
		if len(config.ICEServers) == 0 {
			return nil, &client.Failure{Code: "no_relay", Text: "the server has no relay for this", Hint: "call without --always-relay and --tcp, or ask the operator"}
		}
	}
	c := &connection{e: e, closed: make(chan struct{}), relay: relayHost(r.URLs)}
	if c.pc, err = api.NewPeerConnection(config); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		_ = c.pc.Close()
		return nil, err
	}
	return c, nil
}

// prepare adds what is sent and says who hears of what happens.
func (c *connection) prepare() (err error) {
	e := c.e
	c.track, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: sampleRate, Channels: 2}, "audio", "clarion")
	if err != nil {
		return err
	}
	c.pc.OnICECandidate(func(i *webrtc.ICECandidate) {
		if i == nil {
			return
		}
		init := i.ToJSON()
		candidate := client.CallCandidate{Candidate: baseless(init.Candidate)}
		if init.SDPMid != nil {
			candidate.Mid = *init.SDPMid
		}
		if init.SDPMLineIndex != nil {
			candidate.Line = int(*init.SDPMLineIndex)
		}
		e.post(c, func() {
			if c == e.pc {
				_ = e.o.Core.CandidateCall(context.Background(), e.id, candidate) // a lost one is made up for by a restart
			}
		})
	})
	c.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		e.post(c, func() { e.changed(context.Background(), c, s) })
	})
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if c.enter() {
			defer c.wg.Done()
			c.receive(t)
		}
	})
	return nil
}

// offer makes an offer of audio both ways, and of taking video.
func (c *connection) offer(restart bool) (string, error) {
	if !restart {
		if _, err := c.pc.AddTrack(c.track); err != nil {
			return "", err
		}
		if _, err := c.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return "", err
		}
	}
	if err := c.settle(); err != nil {
		return "", err
	}
	c.ready = false
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return "", err
	}
	return c.describe(offer)
}

// settle takes back an offer that nobody answered. The library has no rollback
// (RFC 9429 §4.1.10.2), so the answer before stands in for the one that is lost;
// the offer that follows has another name and key for ICE, whose answer counts.
func (c *connection) settle() error {
	before := c.pc.CurrentRemoteDescription()
	if before == nil || c.pc.SignalingState() != webrtc.SignalingStateHaveLocalOffer {
		return nil
	}
	return c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: before.SDP})
}

// baseless takes the address out of a candidate that it was found from: for the
// relay's, one of this device's own. Nobody needs it to connect (RFC 8839 §5.1
// has the zero address and port 9 for one that is kept).
func baseless(candidate string) string {
	fields := strings.Fields(candidate)
	for i := 0; i+1 < len(fields); i++ {
		switch fields[i] {
		case "raddr":
			zero := "0.0.0.0"
			if strings.Contains(fields[i+1], ":") {
				zero = "::"
			}
			fields[i+1] = zero
		case "rport":
			fields[i+1] = "9"
		}
	}
	return strings.Join(fields, " ")
}

// asked refuses a description of more than was asked for: sound, and perhaps a
// picture.
func asked(d webrtc.SessionDescription) error {
	parsed, err := d.Unmarshal()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, m := range parsed.MediaDescriptions {
		kind := m.MediaName.Media
		if seen[kind] || (kind != "audio" && kind != "video") {
			return errMore
		}
		seen[kind] = true
	}
	if !seen["audio"] {
		return errMore
	}
	return nil
}

func (c *connection) describe(d webrtc.SessionDescription) (string, error) {
	if err := c.pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	return d.SDP, nil
}

// take sets the other side's description; of an offer it returns the answer.
func (c *connection) take(d client.CallDescribed) (answer string, err error) {
	kind := webrtc.SDPTypeAnswer
	if d.Offer {
		kind = webrtc.SDPTypeOffer
	}
	theirs := webrtc.SessionDescription{Type: kind, SDP: d.SDP}
	if err := asked(theirs); err != nil {
		return "", unfit(err)
	}
	if err := c.pc.SetRemoteDescription(theirs); err != nil {
		return "", unfit(err)
	}
	if d.Offer {
		if !d.Restart {
			if _, err := c.pc.AddTrack(c.track); err != nil {
				return "", err
			}
		}
		made, err := c.pc.CreateAnswer(nil)
		if err != nil {
			return "", err
		}
		if answer, err = c.describe(made); err != nil {
			return "", err
		}
	}
	c.ready = true
	for _, i := range c.early {
		_ = c.pc.AddICECandidate(i)
	}
	c.early = nil
	return answer, nil
}

// candidate takes one of the other side's, now or once its description is
// there. One that cannot be used is passed over: there are others.
func (c *connection) candidate(k client.CallCandidate) {
	line := uint16(k.Line)
	i := webrtc.ICECandidateInit{Candidate: k.Candidate, SDPMid: &k.Mid, SDPMLineIndex: &line}
	if !c.ready {
		c.early = append(c.early, i)
		return
	}
	_ = c.pc.AddICECandidate(i)
}

// way says how media flow now, and through which relay if it is this side's.
func (c *connection) way() (path, relay string) {
	for _, s := range c.pc.GetSenders() {
		t := s.Transport()
		if t == nil || t.ICETransport() == nil {
			continue
		}
		pair, err := t.ICETransport().GetSelectedCandidatePair()
		if err != nil || pair == nil {
			continue
		}
		switch {
		case pair.Local.Typ == webrtc.ICECandidateTypeRelay:
			return "relay", c.relay
		case pair.Remote.Typ == webrtc.ICECandidateTypeRelay:
			return "relay", ""
		}
		return "direct", ""
	}
	return "", ""
}

// relayHost is the host of the relay's places; empty when they are of several.
func relayHost(urls []string) (host string) {
	for _, u := range urls {
		scheme, at, _ := strings.Cut(u, ":")
		if !strings.HasPrefix(scheme, "turn") {
			continue
		}
		at, _, _ = strings.Cut(at, "?")
		if name, _, err := net.SplitHostPort(at); err == nil {
			at = name
		}
		if host != "" && host != at {
			return ""
		}
		host = at
	}
	return host
}

// close ends the connection and waits for what it started.
func (c *connection) close() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	close(c.closed)
	_ = c.pc.GracefulClose()
	c.wg.Wait()
}
