// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"encoding/binary"
	"time"

	"github.com/pion/stun/v3"
)

// Types of STUN messages that a client sends (RFC 8489 §5, RFC 8656 §17): five
// requests and one indication. The methods of RFC 6062, by which a relay would
// open TCP connections for others, are not among them.
const (
	typeBinding          = 0x0001
	typeAllocate         = 0x0003
	typeRefresh          = 0x0004
	typeCreatePermission = 0x0008
	typeChannelBind      = 0x0009
	typeSend             = 0x0016

	typeAllocated = 0x0103 // success, of the relay
	typeRefreshed = 0x0104
)

const (
	headerSTUN    = 20 // bytes (RFC 8489 §5)
	headerChannel = 4  // bytes (RFC 8656 §12.4)
	cookie        = 0x2112A442

	// maxPacket is the longest message or packet that is taken, in bytes. It is
	// above what fits an Ethernet frame, and a multiple of four.
	maxPacket = 2044

	// Life is how long an allocation lasts without a refresh, at the longest.
	// RFC 8656 §7.2 makes it the default.
	Life = 10 * time.Minute
)

// frameSize returns how long a frame is, whose first four bytes are head, and
// false when it is none: a STUN message, or ChannelData, which is padded to
// four bytes where there is a stream (RFC 8656 §12.5).
func frameSize(head [4]byte, padded bool) (int, bool) {
	n := int(binary.BigEndian.Uint16(head[2:]))
	switch head[0] >> 6 {
	case 0:
		return headerSTUN + n, n%4 == 0
	case 1:
		if padded {
			n = (n + 3) &^ 3
		}
		return headerChannel + n, head[0] <= 0x4F
	}
	return 0, false
}

// gate stands before the library: it lets through what a client may send.
type gate struct {
	key func(name string, method stun.Method) ([]byte, bool)
}

// admit returns what the library may see of one frame, or nil.
func (g *gate) admit(frame []byte) []byte {
	if len(frame) < headerChannel || len(frame) > maxPacket {
		return nil
	}
	size, ok := frameSize([4]byte(frame), false)
	if !ok || size > len(frame) {
		return nil
	}
	if frame[0]>>6 == 1 {
		return frame
	}
	if size != len(frame) || binary.BigEndian.Uint32(frame[4:]) != cookie {
		return nil
	}
	switch binary.BigEndian.Uint16(frame) {
	case typeBinding, typeCreatePermission, typeChannelBind, typeSend:
		return frame
	case typeAllocate:
		return g.shorten(frame, stun.MethodAllocate)
	case typeRefresh:
		return g.shorten(frame, stun.MethodRefresh)
	}
	return nil
}

// shorten puts Life in the place of a longer LIFETIME, which the library would
// grant up to an hour, and signs the request anew with the key of its name. A
// request that is not signed rightly passes as it is, to be refused.
func (g *gate) shorten(frame []byte, method stun.Method) []byte {
	m := &stun.Message{Raw: append([]byte(nil), frame...)}
	if m.Decode() != nil {
		return nil
	}
	asked, err := m.Get(stun.AttrLifetime)
	if err != nil || len(asked) != 4 || binary.BigEndian.Uint32(asked) <= uint32(Life/time.Second) {
		return frame
	}
	var name stun.Username
	if name.GetFrom(m) != nil {
		return frame
	}
	key, ok := g.key(name.String(), method)
	if !ok || stun.MessageIntegrity(key).Check(m) != nil {
		return frame
	}
	short := &stun.Message{Type: m.Type, TransactionID: m.TransactionID}
	short.WriteHeader()
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrLifetime:
			short.Add(a.Type, binary.BigEndian.AppendUint32(nil, uint32(Life/time.Second)))
		case stun.AttrMessageIntegrity, stun.AttrMessageIntegritySHA256, stun.AttrFingerprint:
		default:
			short.Add(a.Type, a.Value)
		}
	}
	if stun.MessageIntegrity(key).AddTo(short) != nil {
		return nil
	}
	return short.Raw
}
