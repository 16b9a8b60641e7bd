// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Limits of a recording.
const (
	waitFor  = 10              // packets that may overtake one before it counts as lost: 200 ms
	longest  = 60 * sampleRate // samples of silence that one gap makes at most
	strayed  = 25              // packets in a row from before what was written: the count began anew
	warmUp   = 3840            // samples that a decoder drops at the start (RFC 7845 §4.2)
	oggFirst = 2               // flags of a page (RFC 3533 §6)
	oggLast  = 4
)

// recorder writes an Ogg/Opus file (RFC 7845) of the packets of a call, as one
// stream through all of its connections. Packets are put in order; in place of
// those that are lost stand packets that make a decoder bridge the gap, as RFC
// 7845 §4.1 has it, so that the recording is as long as the call. The time
// between two connections is left out.
type recorder struct {
	mu      sync.Mutex // one connection's receiver at a time, and the engine at the end
	out     io.Writer
	err     error // the first that writing met; nothing is written after it
	table   [256]uint32
	serial  uint32
	page    uint32
	granule uint64
	held    []byte // the last packet: its page says so if none follows

	// ---- of the present track ----
	known   bool
	next    uint16 // sequence number
	at      uint32 // timestamp at which what is written ends
	toc     byte
	late    int
	waiting map[uint16]heard
}

// heard is a packet that waits for those before it.
type heard struct {
	at      uint32
	payload []byte
}

func newRecorder(out io.Writer) *recorder {
	r := &recorder{out: out, serial: rand.Uint32()}
	for i := range r.table {
		v := uint32(i) << 24
		for range 8 {
			if v&(1<<31) != 0 {
				v = v<<1 ^ 0x04c11db7
			} else {
				v <<= 1
			}
		}
		r.table[i] = v
	}
	return r
}

// packet takes a packet of RTP as it came. What is no Opus is passed over: its
// time is a gap.
func (r *recorder) packet(seq uint16, at uint32, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		r.known, r.next, r.at, r.late, r.waiting = true, seq, at, 0, map[uint16]heard{}
	}
	if int16(seq-r.next) < 0 {
		if r.late++; r.late >= strayed {
			r.endTrack()
		}
		return
	}
	r.late = 0
	r.waiting[seq] = heard{at, payload}
	r.inOrder()
	for len(r.waiting) > waitFor {
		r.skip()
	}
}

// track ends a track: what waits is written, and another may begin.
func (r *recorder) track() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endTrack()
}

func (r *recorder) endTrack() {
	for len(r.waiting) > 0 {
		r.skip()
	}
	r.known = false
}

// inOrder writes what nothing is missing before.
func (r *recorder) inOrder() {
	for {
		h, there := r.waiting[r.next]
		if !there {
			return
		}
		delete(r.waiting, r.next)
		r.next++
		r.write(h)
	}
}

// skip gives up what is missing before the first packet that waits.
func (r *recorder) skip() {
	first, found := uint16(0), false
	for seq := range r.waiting {
		if !found || seq-r.next < first-r.next {
			first, found = seq, true
		}
	}
	r.next = first
	r.inOrder()
}

// write writes a packet at its time. A part of a gap that no frame fits into
// stays, and adds to the next.
func (r *recorder) write(h heard) {
	d, err := duration(h.payload)
	if err != nil {
		return
	}
	switch gap := int32(h.at - r.at); {
	case gap > longest:
		r.bridge(longest)
		r.at = h.at
	case gap < -sampleRate: // its clock was put back
		r.at = h.at
	default:
		r.bridge(gap)
	}
	r.toc = h.payload[0]
	r.put(h.payload)
	r.at += samples(d)
}

// bridge makes a decoder fill a gap: a frame of no bytes stands for a lost one
// (RFC 6716 §3.2.1).
func (r *recorder) bridge(gap int32) {
	frame := samples(frameTime(r.toc))
	for ; gap >= int32(frame); gap -= int32(frame) {
		r.put([]byte{r.toc &^ 3})
		r.at += frame
	}
}

// put writes the packet before this one, and holds this one.
func (r *recorder) put(packet []byte) {
	if r.page == 0 {
		head := append([]byte("OpusHead\x01\x02"), make([]byte, 9)...) // version 1, two channels
		binary.LittleEndian.PutUint16(head[10:], warmUp)
		binary.LittleEndian.PutUint32(head[12:], sampleRate)
		r.flush(head, oggFirst)
		r.flush([]byte("OpusTags\x07\x00\x00\x00clarion\x00\x00\x00\x00"), 0)
	}
	if r.held != nil {
		r.flushHeld(0)
	}
	r.held = packet
}

func (r *recorder) flushHeld(flags byte) {
	if d, err := duration(r.held); err == nil {
		r.granule += uint64(samples(d))
	}
	r.flush(r.held, flags)
	r.held = nil
}

// flush writes a page of one packet (RFC 3533 §6).
func (r *recorder) flush(packet []byte, flags byte) {
	segments := len(packet)/255 + 1
	page := make([]byte, 27, 27+segments+len(packet))
	copy(page, "OggS")
	page[5] = flags
	binary.LittleEndian.PutUint64(page[6:], r.granule)
	binary.LittleEndian.PutUint32(page[14:], r.serial)
	binary.LittleEndian.PutUint32(page[18:], r.page)
	page[26] = byte(segments)
	for range segments - 1 {
		page = append(page, 255)
	}
	page = append(page, byte(len(packet)%255))
	page = append(page, packet...)
	var sum uint32
	for _, b := range page {
		sum = sum<<8 ^ r.table[byte(sum>>24)^b]
	}
	binary.LittleEndian.PutUint32(page[22:], sum)
	r.page++
	if r.err == nil {
		_, r.err = r.out.Write(page)
	}
}

// close ends the file. Of a call in which nothing was heard nothing is written.
func (r *recorder) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endTrack()
	if r.held != nil {
		r.flushHeld(oggLast)
	}
}

// samples is how many samples at 48 kHz a time is.
func samples(d time.Duration) uint32 { return uint32(d * sampleRate / time.Second) }
