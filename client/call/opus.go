// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"errors"
	"time"
)

// errPacket: bytes that are no Opus packet (RFC 6716 §3.4).
var errPacket = errors.New("no Opus packet")

// sampleRate is that of Opus on the network, whatever was recorded (RFC 7587 §4.1).
const sampleRate = 48000

// frameTime is how long one frame is, by the configuration number in the first
// five bits of a packet (RFC 6716 §3.1, table 2).
func frameTime(toc byte) time.Duration {
	config := toc >> 3
	switch {
	case config < 12:
		return []time.Duration{10, 20, 40, 60}[config%4] * time.Millisecond
	case config < 16:
		return []time.Duration{10, 20}[config%2] * time.Millisecond
	}
	return []time.Duration{2500, 5000, 10000, 20000}[config%4] * time.Microsecond
}

// frames counts the frames of a packet.
func frames(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, errPacket
	}
	switch packet[0] & 3 {
	case 0:
		return 1, nil
	case 1, 2:
		return 2, nil
	}
	if len(packet) < 2 || packet[1]&63 == 0 {
		return 0, errPacket
	}
	return int(packet[1] & 63), nil
}

// duration is how long a packet plays, at most 120 ms.
func duration(packet []byte) (time.Duration, error) {
	n, err := frames(packet)
	if err != nil {
		return 0, err
	}
	d := time.Duration(n) * frameTime(packet[0])
	if d > 120*time.Millisecond {
		return 0, errPacket
	}
	return d, nil
}

// pad makes a packet size bytes long by Opus padding (RFC 6716 §3.2.5), which
// every decoder passes over. A packet that is that long, or longer, or too
// close to it to be padded, is given back as it is; two bytes are enough room.
func pad(packet []byte, size int) []byte {
	if len(packet) >= size {
		return packet
	}
	toc, count, rest, err := split(packet)
	if err != nil {
		return packet
	}
	head := 2 + len(rest) // without padding
	switch {
	case head > size:
		return packet
	case head == size:
		return append([]byte{toc, count}, rest...)
	}
	// Each length byte of 255 stands for 254 bytes and another length byte.
	out := append(make([]byte, 0, size), toc, count|64)
	left := size - head - 1
	for left >= 255 {
		out = append(out, 255)
		left -= 255
	}
	out = append(out, byte(left))
	out = append(out, rest...)
	return append(out, make([]byte, size-len(out))...)
}

// split takes a packet apart as if it were of code 3: its first byte with that
// code, its count of frames without padding, and what follows.
func split(packet []byte) (toc, count byte, rest []byte, err error) {
	if _, err := duration(packet); err != nil {
		return 0, 0, nil, err
	}
	toc = packet[0] | 3
	switch packet[0] & 3 {
	case 0:
		return toc, 1, packet[1:], nil
	case 1:
		return toc, 2, packet[1:], nil
	case 2:
		return toc, 2 | 128, packet[1:], nil
	}
	rest = packet[2:]
	if packet[1]&64 == 0 {
		return toc, packet[1], rest, nil
	}
	padding := 0
	for {
		if len(rest) == 0 {
			return 0, 0, nil, errPacket
		}
		n := int(rest[0])
		rest = rest[1:]
		if n < 255 {
			padding += n
			break
		}
		padding += 254
	}
	if padding > len(rest) {
		return 0, 0, nil, errPacket
	}
	return toc, packet[1] &^ 64, rest[:len(rest)-padding], nil
}

// silence is a packet of 20 ms in which nothing is heard: a frame of one byte,
// from which a decoder makes silence.
func silence() []byte { return []byte{0xf8, 0xff, 0xfe} }
