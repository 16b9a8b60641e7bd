// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"bytes"
	"errors"
	"testing"
)

// sample has one field of each kind of the Coder with a small limit.
type sample struct {
	small  []byte
	text   string
	flag   bool
	counts []Seq
	list   [][]byte
}

func (s *sample) Fields(c *Coder) {
	c.Bytes(&s.small, 4)
	c.String(&s.text, 4)
	c.Bool(&s.flag)
	List(c, &s.counts, 2)
	c.BytesList(&s.list, 2, 4)
}

func TestCoderLimits(t *testing.T) {
	within := sample{[]byte("1234"), "äö", true, []Seq{1, 2}, [][]byte{[]byte("1234"), {}}}
	if _, err := Marshal(&within); err != nil {
		t.Fatalf("at the limits: %v", err)
	}
	for name, past := range map[string]sample{
		"bytes":        {small: []byte("12345")},
		"text":         {text: "12345"},
		"list":         {counts: []Seq{1, 2, 3}},
		"bytes list":   {list: [][]byte{{}, {}, {}}},
		"list element": {list: [][]byte{[]byte("12345")}},
	} {
		if _, err := Marshal(&past); !errors.Is(err, ErrTooLarge) {
			t.Errorf("writing %s past its limit gives %v", name, err)
		}
	}
}

func TestCoderReadLimits(t *testing.T) {
	empty := func(count byte) []byte { return []byte{0, 0, 0, count} }
	for name, tc := range map[string]struct {
		bytes []byte
		want  error
	}{
		"smallest":       {bytes.Join([][]byte{empty(0), empty(0), {0}, empty(0), empty(0)}, nil), nil},
		"flag of 2":      {bytes.Join([][]byte{empty(0), empty(0), {2}, empty(0), empty(0)}, nil), ErrMalformed},
		"not UTF-8":      {bytes.Join([][]byte{empty(0), empty(1), {0xff}, {0}, empty(0), empty(0)}, nil), ErrMalformed},
		"bytes past":     {append(empty(5), make([]byte, 64)...), ErrTooLarge},
		"list past":      {append(bytes.Join([][]byte{empty(0), empty(0), {0}, empty(3)}, nil), make([]byte, 64)...), ErrTooLarge},
		"longer than is": {append(empty(4), 1, 2, 3), ErrMalformed},
		"nothing":        {nil, ErrMalformed},
	} {
		var s sample
		if err := Unmarshal(tc.bytes, &s); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestCoderFirstErrorSticks(t *testing.T) {
	first := errors.New("first")
	c := Coder{}
	c.Fail(first)
	c.Fail(ErrMalformed)
	if c.err != first {
		t.Errorf("the error is %v, want the first", c.err)
	}
}

func TestMustMarshalPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a value past its limits did not panic")
		}
	}()
	MustMarshal(&sample{text: "12345"})
}
