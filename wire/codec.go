// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// ErrMalformed is the error of every decoder for bytes that no encoder makes.
var ErrMalformed = errors.New("malformed bytes")

// Coder describes a value's encoding once, for both directions: each type has
// one Fields method that names its fields in order, and the Coder writes them
// or reads them. A reader cannot drift from its writer this way.
//
// The first error sticks; later calls do nothing. Lengths are checked against
// the limit and the bytes at hand before anything is allocated. Writing leaves
// the value untouched, so that one value may be written for several readers at
// the same time.
type Coder struct {
	buf     []byte
	reading bool
	err     error
}

// Value is anything with one description of its fields.
type Value interface{ Fields(*Coder) }

// Marshal returns v's encoding. It fails when a field is past its limit.
func Marshal(v Value) ([]byte, error) {
	c := Coder{}
	v.Fields(&c)
	return c.buf, c.err
}

// MustMarshal is Marshal for values whose limits hold by construction.
func MustMarshal(v Value) []byte {
	b, err := Marshal(v)
	if err != nil {
		panic("wire: value past its own limits: " + err.Error())
	}
	return b
}

// Unmarshal reads v from exactly b. v shares no memory with b afterwards.
func Unmarshal(b []byte, v Value) error {
	c := Coder{buf: b, reading: true}
	v.Fields(&c)
	if c.err == nil && len(c.buf) != 0 {
		return ErrMalformed
	}
	return c.err
}

// Reading reports the direction, for the rare field whose meaning needs it.
func (c *Coder) Reading() bool { return c.reading }

// Fail records an error, as a Fields method does for a value it refuses.
func (c *Coder) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// take returns the next n bytes when reading, or nil after failing.
func (c *Coder) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || len(c.buf) < n {
		c.err = ErrMalformed
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

// U8 codes one byte.
func (c *Coder) U8(v *uint8) {
	if !c.reading {
		c.buf = append(c.buf, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

// U16 codes two bytes.
func (c *Coder) U16(v *uint16) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint16(c.buf, *v)
	} else if b := c.take(2); b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
}

// U32 codes four bytes.
func (c *Coder) U32(v *uint32) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint32(c.buf, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

// U64 codes eight bytes.
func (c *Coder) U64(v *uint64) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint64(c.buf, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

// I64 codes a signed integer as eight bytes, two's complement.
func (c *Coder) I64(v *int64) {
	u := uint64(*v)
	c.U64(&u)
	if c.reading {
		*v = int64(u)
	}
}

// Bool codes one byte, 0 or 1 and nothing else.
func (c *Coder) Bool(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	c.U8(&b)
	if b > 1 {
		c.Fail(ErrMalformed)
	}
	if c.reading {
		*v = b == 1
	}
}

// Fixed codes exactly len(b) bytes in place.
func (c *Coder) Fixed(b []byte) {
	if !c.reading {
		c.buf = append(c.buf, b...)
	} else if got := c.take(len(b)); got != nil {
		copy(b, got)
	}
}

// Bytes codes a vector of at most limit bytes, with a four-byte length.
func (c *Coder) Bytes(v *[]byte, limit int) {
	n := c.length(len(*v), limit)
	if !c.reading {
		if c.err == nil {
			c.buf = append(c.buf, *v...)
		}
		return
	}
	if b := c.take(n); b != nil {
		*v = append([]byte{}, b...)
	}
}

// String codes UTF-8 of at most limit bytes.
func (c *Coder) String(v *string, limit int) {
	b := []byte(*v)
	c.Bytes(&b, limit)
	if !utf8.Valid(b) {
		c.Fail(ErrMalformed)
	} else if c.reading {
		*v = string(b)
	}
}

// length codes a count and holds it to its limit.
func (c *Coder) length(have, limit int) int {
	n := uint32(have)
	if !c.reading && have > limit {
		c.Fail(ErrTooLarge)
		return 0
	}
	c.U32(&n)
	if c.err != nil {
		return 0
	}
	if uint64(n) > uint64(limit) {
		c.Fail(ErrTooLarge)
		return 0
	}
	return int(n)
}

// List codes a vector of at most limit values, each described by its own Fields.
func List[T any, P interface {
	*T
	Value
}](c *Coder, v *[]T, limit int) {
	n := c.length(len(*v), limit)
	if !c.reading {
		for i := range *v {
			P(&(*v)[i]).Fields(c)
		}
		return
	}
	// Grow as elements arrive: a false count must not allocate.
	*v = nil
	for i := 0; i < n && c.err == nil; i++ {
		var e T
		P(&e).Fields(c)
		if c.err == nil {
			*v = append(*v, e)
		}
	}
}

// BytesList codes a vector of at most limit byte strings of at most each bytes.
func (c *Coder) BytesList(v *[][]byte, limit, each int) {
	n := c.length(len(*v), limit)
	if c.reading {
		*v = nil
	}
	for i := 0; i < n && c.err == nil; i++ {
		var e []byte
		if !c.reading {
			e = (*v)[i]
		}
		c.Bytes(&e, each)
		if c.reading && c.err == nil {
			*v = append(*v, e)
		}
	}
}

// StringList codes a vector of at most limit strings of at most each bytes.
func (c *Coder) StringList(v *[]string, limit, each int) {
	n := c.length(len(*v), limit)
	if c.reading {
		*v = nil
	}
	for i := 0; i < n && c.err == nil; i++ {
		var s string
		if !c.reading {
			s = (*v)[i]
		}
		c.String(&s, each)
		if c.reading && c.err == nil {
			*v = append(*v, s)
		}
	}
}
