// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "encoding/binary"

// Limits on what comes from outside, checked before anything is allocated.
const (
	// MaxMessage is the largest encoding accepted or made, in bytes. A Welcome
	// with a full tree of MaxLeaves members fits.
	MaxMessage = 1 << 24
	// MaxLeaves is the largest number of leaves in a ratchet tree.
	MaxLeaves = 1 << 14

	maxSmall = 1 << 16 // credentials, ids, extensions: bytes
	maxList  = 1 << 10 // entries of a capability or extension list
)

// reader takes the presentation language of RFC 9420 §2 apart. The first
// fault is kept and everything read after it is zero, so callers check once.
type reader struct {
	b   []byte
	err error
}

func newReader(b []byte) *reader {
	r := &reader{b: b}
	if len(b) > MaxMessage {
		r.fail(ErrTooLarge)
	}
	return r
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// take returns the next n bytes without copying them.
func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		r.fail(ErrMalformed)
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// varint reads the length prefix of RFC 9420 §2.1.2; only the shortest form
// is legal.
func (r *reader) varint() int {
	first := r.u8()
	size := 1 << (first >> 6)
	if size == 8 {
		r.fail(ErrMalformed)
		return 0
	}
	v := uint32(first & 0x3f)
	for i := 1; i < size; i++ {
		v = v<<8 | uint32(r.u8())
	}
	if r.err == nil && varintLen(int(v)) != size {
		r.fail(ErrMalformed)
		return 0
	}
	return int(v)
}

// raw reads a vector of at most limit bytes without copying it.
func (r *reader) raw(limit int) []byte {
	n := r.varint()
	if n > limit {
		r.fail(ErrTooLarge)
		return nil
	}
	return r.take(n)
}

// opaque reads a vector of at most limit bytes into memory of its own, so that
// what we keep never shares memory with what the caller handed in.
func (r *reader) opaque(limit int) []byte {
	b := r.raw(limit)
	if r.err != nil {
		return nil
	}
	return append([]byte{}, b...)
}

// sub reads a vector and returns a reader over its contents.
func (r *reader) sub(limit int) *reader {
	b := r.raw(limit)
	return &reader{b: b, err: r.err}
}

// join carries the fault of a sub-reader over to its parent.
func (r *reader) join(s *reader) {
	if s.err != nil {
		r.fail(s.err)
	}
}

// each calls f until the vector that comes next is used up, at most max times.
func (r *reader) each(limit, max int, f func(*reader)) {
	s := r.sub(limit)
	for n := 0; s.err == nil && len(s.b) > 0; n++ {
		if n == max {
			s.fail(ErrTooLarge)
			break
		}
		f(s)
	}
	r.join(s)
}

// present reads the presence octet of an optional value (RFC 9420 §2.1.1).
func (r *reader) present() bool {
	switch r.u8() {
	case 0:
		return false
	case 1:
		return r.err == nil
	}
	r.fail(ErrMalformed)
	return false
}

func (r *reader) u16s() []uint16 {
	var out []uint16
	r.each(maxSmall, maxList, func(r *reader) { out = append(out, r.u16()) })
	return out
}

// end returns the first fault, and bytes left over are one.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = ErrMalformed
	}
	return r.err
}

func varintLen(n int) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<14:
		return 2
	}
	return 4
}

// writer builds an encoding. It cannot fail: everything it is given has been
// bounded before.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) put(v []byte) { w.b = append(w.b, v...) }

func (w *writer) varint(n int) {
	switch varintLen(n) {
	case 1:
		w.u8(uint8(n))
	case 2:
		w.u16(uint16(n) | 1<<14)
	default:
		w.u32(uint32(n) | 2<<30)
	}
}

func (w *writer) opaque(v []byte) {
	w.varint(len(v))
	w.put(v)
}

// vector writes what f writes, with its length in front.
func (w *writer) vector(f func(*writer)) {
	var in writer
	f(&in)
	w.opaque(in.b)
}

func (w *writer) present(yes bool) {
	if yes {
		w.u8(1)
	} else {
		w.u8(0)
	}
}

func (w *writer) u16s(v []uint16) {
	w.vector(func(w *writer) {
		for _, x := range v {
			w.u16(x)
		}
	})
}

// encoder is anything with a place in the wire format.
type encoder interface{ encode(*writer) }

func marshal(e encoder) []byte {
	var w writer
	e.encode(&w)
	return w.b
}
