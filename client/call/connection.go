// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// opusParameters ask the other side for what this one sends: a constant bit
// rate and no silence suppression, since sizes that vary tell what is said
// (RFC 7587 §6.1).
const opusParameters = "minptime=20;maxaveragebitrate=24000;stereo=0;cbr=1;usedtx=0;useinbandfec=1"

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

	sent    atomic.Int64
	samples atomic.Int64
	frames  atomic.Int64
	played  atomic.Bool
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
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryOnly) // browsers hide their own addresses behind such names
	s.SetIncludeLoopbackCandidate(e.o.Loopback)
	s.SetICETimeouts(3*time.Second, 10*time.Second, time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(chain), webrtc.WithSettingEngine(s)), nil
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
	if e.relayOnly() {
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

// relayOnly reports whether no other candidates than the relay's are wanted.
func (e *Engine) relayOnly() bool { return e.o.AlwaysRelay || e.o.TCP }

// related is what a candidate says of where it was gathered.
var related = regexp.MustCompile(` raddr \S+ rport \d+`)

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
		candidate := client.CallCandidate{Candidate: init.Candidate}
		if e.relayOnly() { // by TCP, a candidate of the relay names this device's address beside it
			candidate.Candidate = related.ReplaceAllString(candidate.Candidate, " raddr 0.0.0.0 rport 0")
		}
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
	c.ready = false
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return "", err
	}
	return c.describe(offer)
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
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: d.SDP}); err != nil {
		return "", fmt.Errorf("the other side's description: %w", err)
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

// play begins to send, once.
func (c *connection) play() {
	if c.playing || !c.enter() {
		return
	}
	c.playing = true
	go func() { defer c.wg.Done(); c.send() }()
}

// enter counts a goroutine that close waits for, unless it is closed.
func (c *connection) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.wg.Add(1)
	}
	return !c.over
}

// send writes packets when they are due: the file's, then silence, all of one
// size. A write that fails is a packet lost.
func (c *connection) send() {
	quietPacket, size := silence(), 0
	var packets [][]byte
	if s := c.e.o.Play; s != nil {
		packets, size = s.packets, s.largest+2
	}
	size = max(size, 60) // 24 kbit/s in packets of 20 ms, as a browser sends
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		packet := quietPacket
		if n < len(packets) {
			packet = packets[n]
		} else {
			c.played.Store(true)
		}
		d, err := duration(packet)
		if err != nil {
			continue
		}
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-c.closed:
			return
		}
		due = due.Add(d)
		if c.track.WriteSample(media.Sample{Data: pad(packet, size), Duration: d}) == nil {
			c.sent.Add(1)
		}
	}
}

// receive takes a track to its end: audio into the file, video to be counted.
// It runs in a goroutine of pion's.
func (c *connection) receive(t *webrtc.TrackRemote) {
	var out *oggwriter.OggWriter
	audio := t.Kind() == webrtc.RTPCodecTypeAudio
	if w := c.e.o.Record; w != nil && audio {
		if made, err := oggwriter.NewWith(struct{ io.Writer }{w}, sampleRate, 2); err == nil {
			out = made
			defer func() { _ = out.Close() }()
		}
	}
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		if !audio {
			if p.Marker {
				c.frames.Add(1)
			}
			continue
		}
		if d, err := duration(p.Payload); err == nil {
			c.samples.Add(int64(d * sampleRate / time.Second))
		}
		if out != nil {
			_ = out.WriteRTP(p)
		}
	}
}

// close ends the connection and waits for what it started.
func (c *connection) close() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	close(c.closed)
	_ = c.pc.Close()
	c.wg.Wait()
}
