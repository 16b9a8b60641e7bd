// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Errors of files to play.
var (
	// ErrNotOgg: the file is no Ogg file, or it is cut off within a page.
	ErrNotOgg = errors.New("this is no Ogg file")
	// ErrNotOpus: the file's first stream is not Opus of one or two channels.
	ErrNotOpus = errors.New("this is no Ogg/Opus file of one or two channels")
	// ErrTooLong: the file holds more than maxPackets.
	ErrTooLong = errors.New("the file is longer than two hours")
	// ErrTooLarge: a packet of the file has more than maxPacket bytes.
	ErrTooLarge = errors.New("the file has packets of more than 1,100 bytes, which do not fit into the network's; encode it at a lower rate, or in shorter frames")
)

const (
	maxPackets = 2 * 3600 * 50 // two hours in packets of 20 ms
	maxPacket  = 1100          // bytes; padded, under RTP, SRTP and TURN it still is no more than 1,200
)

// Source is what is played: the Opus packets of a file, in order.
type Source struct {
	packets [][]byte
	largest int // bytes
}

// ReadSource reads an Ogg file (RFC 3533) whose first stream is Opus (RFC 7845)
// to its end. Other streams in it are passed over.
func ReadSource(r io.Reader) (*Source, error) {
	s := &Source{}
	pages := &pageReader{in: bufio.NewReader(r)}
	for n := 0; ; {
		packet, err := pages.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch n++; {
		case n == 1:
			if len(packet) < 19 || !bytes.HasPrefix(packet, []byte("OpusHead")) || packet[9] < 1 || packet[9] > 2 {
				return nil, ErrNotOpus
			}
		case n == 2: // OpusTags
		case len(s.packets) == maxPackets:
			return nil, ErrTooLong
		default:
			if _, err := duration(packet); err != nil {
				continue // an empty or damaged packet is a gap, as on the network
			}
			if len(packet) > maxPacket {
				return nil, ErrTooLarge
			}
			s.packets = append(s.packets, packet)
			s.largest = max(s.largest, len(packet))
		}
	}
	if len(s.packets) == 0 {
		return nil, ErrNotOpus
	}
	return s, nil
}

// pageReader gives the packets of the first stream of an Ogg file.
type pageReader struct {
	in     *bufio.Reader
	serial uint32
	known  bool
	ready  [][]byte
	part   []byte // of a packet that goes on in the next page
}

func (p *pageReader) next() ([]byte, error) {
	for len(p.ready) == 0 {
		if err := p.page(); err != nil {
			return nil, err
		}
	}
	packet := p.ready[0]
	p.ready = p.ready[1:]
	return packet, nil
}

// page reads one page: a header of 27 bytes, a table of segments, the segments.
// A packet is the segments up to one of fewer than 255 bytes.
func (p *pageReader) page() error {
	var head [27]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return ErrNotOgg
	}
	if string(head[:4]) != "OggS" || head[4] != 0 {
		return ErrNotOgg
	}
	table := make([]byte, head[26])
	if _, err := io.ReadFull(p.in, table); err != nil {
		return ErrNotOgg
	}
	size := 0
	for _, n := range table {
		size += int(n)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(p.in, body); err != nil {
		return ErrNotOgg
	}
	serial := binary.LittleEndian.Uint32(head[14:18])
	if !p.known {
		p.serial, p.known = serial, true
	}
	if serial != p.serial {
		return nil
	}
	continued := head[5]&1 != 0
	if !continued {
		p.part = nil
	}
	lost := continued && p.part == nil // the page with its beginning is not there
	for _, n := range table {
		p.part = append(p.part, body[:n]...)
		body = body[n:]
		if n < 255 {
			if !lost {
				p.ready = append(p.ready, p.part)
			}
			p.part, lost = nil, false
		}
		if len(p.part) > 1<<20 {
			return ErrNotOgg
		}
	}
	return nil
}
