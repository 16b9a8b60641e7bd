// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// player gives the packets of a call in order: the file's, then silence, all of
// one size. A connection that follows another goes on where that one was; one
// of them plays at a time.
type player struct {
	packets [][]byte
	size    int // of every packet, in bytes
	next    int
	over    atomic.Bool // all was played; Run reads it
}

func (p *player) load(s *Source) {
	const usual = 60 // 24 kbit/s in packets of 20 ms, as a browser sends
	p.size = usual
	if s != nil {
		p.packets, p.size = s.packets, max(usual, s.largest+2)
	}
}

func (p *player) packet() []byte {
	packet := silence()
	if p.next < len(p.packets) {
		packet = p.packets[p.next]
		p.next++
	} else {
		p.over.Store(true)
	}
	return pad(packet, p.size)
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
	p := &c.e.player
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		packet := p.packet()
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
		if c.track.WriteSample(media.Sample{Data: packet, Duration: d}) == nil {
			c.sent.Add(1)
		}
	}
}

// receive takes a track to its end: audio into the file, video to be counted.
// It runs in a goroutine of pion's.
func (c *connection) receive(t *webrtc.TrackRemote) {
	audio := t.Kind() == webrtc.RTPCodecTypeAudio
	out := c.e.recorder
	switch {
	case !audio:
		out = nil
	case !c.hears.CompareAndSwap(false, true):
		return // a second one that no description spoke of
	case out != nil:
		defer out.track()
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
			c.samples.Add(int64(samples(d)))
		}
		if out != nil {
			out.packet(p.SequenceNumber, p.Timestamp, p.Payload)
		}
	}
}
