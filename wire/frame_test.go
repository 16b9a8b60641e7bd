// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// kinds returns the kinds of the table of frames, ascending.
func kinds() []Kind {
	var all []Kind
	for kind := range bodies {
		all = append(all, kind)
	}
	slices.Sort(all)
	return all
}

// fill gives every exported field of v a drawn value within all limits. Empty
// vectors are what the decoder makes of them: nil for lists, empty for bytes.
func fill(t *rapid.T, v reflect.Value, name string) {
	switch x := v.Addr().Interface().(type) {
	case *EnvelopeKind:
		*x = EnvelopeKind(rapid.IntRange(1, 3).Draw(t, name))
		return
	case *[]byte:
		*x = append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, name)...)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Array:
		reflect.Copy(v, reflect.ValueOf(rapid.SliceOfN(rapid.Byte(), v.Len(), v.Len()).Draw(t, name)))
	case reflect.Slice:
		n := rapid.IntRange(0, 4).Draw(t, name+" length")
		if n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range n {
			fill(t, v.Index(i), fmt.Sprintf("%s %d", name, i))
		}
	case reflect.String:
		v.SetString(rapid.StringN(0, 16, MaxName).Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64Range(0, 1<<v.Type().Bits()-1).Draw(t, name))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, name))
	default:
		t.Fatalf("no rule to draw a %s", v.Type())
	}
}

// example returns the bytes of one frame of a kind, always the same.
func example(t testing.TB, kind Kind) []byte {
	draw := rapid.Custom(func(t *rapid.T) Body {
		rapid.Bool().Draw(t, "for bodies without fields")
		body := bodies[kind]()
		fill(t, reflect.ValueOf(body).Elem(), "body")
		return body
	})
	frame, err := EncodeFrame(Ref(kind), draw.Example(int(kind)))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// eachFrame runs a property on drawn frames of every kind.
func eachFrame(t *testing.T, property func(t *rapid.T, ref Ref, body Body, frame []byte)) {
	for _, kind := range kinds() {
		t.Run(fmt.Sprintf("%d_%T", kind, bodies[kind]()), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				body := bodies[kind]()
				fill(t, reflect.ValueOf(body).Elem(), "body")
				ref := Ref(rapid.Uint32().Draw(t, "ref"))
				frame, err := EncodeFrame(ref, body)
				if err != nil {
					t.Fatalf("encode: %v", err)
				}
				property(t, ref, body, frame)
			})
		})
	}
}

func TestFrameTable(t *testing.T) {
	for kind, make := range bodies {
		if got := make().Kind(); got != kind {
			t.Errorf("the table makes a body of kind %d under %d", got, kind)
		}
	}
}

func TestFrameRoundTrip(t *testing.T) {
	eachFrame(t, func(t *rapid.T, ref Ref, body Body, frame []byte) {
		gotRef, got, err := DecodeFrame(frame)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if gotRef != ref || !reflect.DeepEqual(got, body) {
			t.Fatalf("decoded %d %+v, want %d %+v", gotRef, got, ref, body)
		}
		if again, err := EncodeFrame(gotRef, got); err != nil || !bytes.Equal(again, frame) {
			t.Fatalf("encoded again as %x (%v), want %x", again, err, frame)
		}
	})
}

func TestFrameTruncatedOrExtended(t *testing.T) {
	eachFrame(t, func(t *rapid.T, ref Ref, _ Body, frame []byte) {
		for n := range frame {
			gotRef, got, err := DecodeFrame(frame[:n])
			if err == nil || got != nil {
				t.Fatalf("the first %d of %d bytes decode as %+v", n, len(frame), got)
			}
			if n >= 6 && gotRef != ref {
				t.Fatalf("ref %d beside the error, want %d", gotRef, ref)
			}
		}
		for _, extra := range []byte{0, 1, 0xff} {
			if _, _, err := DecodeFrame(append(bytes.Clone(frame), extra)); !errors.Is(err, ErrMalformed) {
				t.Fatalf("one byte more gives %v, want %v", err, ErrMalformed)
			}
		}
	})
}

// TestFrameOneEncoding changes one byte: what still decodes must encode to
// exactly the changed bytes, or two encodings would mean the same.
func TestFrameOneEncoding(t *testing.T) {
	eachFrame(t, func(t *rapid.T, _ Ref, _ Body, frame []byte) {
		at := rapid.IntRange(0, len(frame)-1).Draw(t, "at")
		frame[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		reencodes(t, frame)
	})
}

// reencodes fails unless frame is refused or is the encoding of what it says.
func reencodes(t interface{ Fatalf(string, ...any) }, frame []byte) {
	ref, body, err := DecodeFrame(frame)
	if err != nil {
		if body != nil {
			t.Fatalf("a body beside the error %v", err)
		}
		return
	}
	again, err := EncodeFrame(ref, body)
	if err != nil || !bytes.Equal(again, frame) {
		t.Fatalf("%x decodes, and encodes as %x (%v)", frame, again, err)
	}
}

// TestFrameSharesNoMemory overwrites the input after decoding: a body must not
// change with the buffer a socket reads into.
func TestFrameSharesNoMemory(t *testing.T) {
	eachFrame(t, func(t *rapid.T, _ Ref, body Body, frame []byte) {
		_, got, err := DecodeFrame(frame)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		clear(frame)
		if !reflect.DeepEqual(got, body) {
			t.Fatalf("the body changed with the buffer: %+v, want %+v", got, body)
		}
	})
}

// TestFrameWritingLeavesBody encodes one body from two goroutines, as a
// delivery to two subscribers is: under -race a write to the body is a fault.
func TestFrameWritingLeavesBody(t *testing.T) {
	eachFrame(t, func(t *rapid.T, ref Ref, body Body, frame []byte) {
		var writers sync.WaitGroup
		for range 2 {
			writers.Go(func() {
				if again, err := EncodeFrame(ref, body); err != nil || !bytes.Equal(again, frame) {
					t.Errorf("encoded beside another as %x (%v), want %x", again, err, frame)
				}
			})
		}
		writers.Wait()
	})
}

// allocated returns how many bytes f allocates on the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestFrameFalseCounts writes large numbers over every place of small frames:
// wherever a count stands, nothing near its size may be allocated.
func TestFrameFalseCounts(t *testing.T) {
	const most = 32 << 10 // the frames are below 2 KiB
	if got := allocated(func() { _ = make([]byte, runtime.NumCPU()<<16) }); got <= most {
		t.Fatalf("control: 64 KiB or more seem to allocate %d bytes", got)
	}
	for _, kind := range kinds() {
		t.Run(fmt.Sprintf("%d_%T", kind, bodies[kind]()), func(t *testing.T) {
			frame := example(t, kind)
			for at := 6; at+4 <= len(frame); at++ {
				for _, count := range [][]byte{{0, 0, 1, 0}, {0, 1, 0, 0}, {0, 4, 0, 0}, {0xff, 0xff, 0xff, 0xff}} {
					lie := bytes.Clone(frame)
					copy(lie[at:], count)
					if got := allocated(func() { DecodeFrame(lie) }); got > most {
						t.Fatalf("%x at byte %d of %d allocates %d bytes", count, at, len(frame), got)
					}
				}
			}
		})
	}
}

func TestFrameRefusals(t *testing.T) {
	_, body, err := DecodeFrame([]byte{0xff, 0xff, 0, 0, 0, 7, 1, 2})
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Code != CodeUnknownCommand || body != nil {
		t.Errorf("an unknown kind gives %v", err)
	}
	if ref, _, _ := DecodeFrame([]byte{0xff, 0xff, 0, 0, 0, 7}); ref != 7 {
		t.Errorf("an unknown kind has ref %d, want 7", ref)
	}
	if _, _, err := DecodeFrame(make([]byte, MaxFrame+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a frame past MaxFrame gives %v", err)
	}
	blocks := make([]Envelope, 5)
	for i := range blocks {
		blocks[i] = Envelope{EnvelopeKind: KindMessage, Body: make([]byte, MaxBody)}
	}
	if _, err := EncodeFrame(1, &Envelopes{Envelopes: blocks}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("encoding past MaxFrame gives %v", err)
	}
	if _, err := EncodeFrame(1, &Envelopes{Envelopes: blocks[:3]}); err != nil {
		t.Errorf("three of the largest envelopes give %v", err)
	}
}

// TestFrameLargestCommands holds the limits of parts to that of the whole: a
// command with everything at its limit must fit in one frame.
func TestFrameLargestCommands(t *testing.T) {
	full := func(n, each int) [][]byte {
		list := make([][]byte, n)
		for i := range list {
			list[i] = make([]byte, each)
		}
		return list
	}
	sentences := func() []string {
		list := make([]string, 256)
		for i := range list {
			list[i] = string(make([]byte, 1024))
		}
		return list
	}
	for _, body := range []Body{
		&Register{Chain: full(MaxChain, MaxEntry), Certificate: make([]byte, MaxEntry), KeyPackages: full(MaxPackages, MaxKeyPackage),
			LastResort: make([]byte, MaxKeyPackage), RecoveryBlob: make([]byte, MaxBlob)},
		&Chain{Entries: full(MaxChain, MaxEntry)},
		&KeyPackages{KeyPackages: full(MaxPackages, MaxKeyPackage)},
		&Append{EnvelopeKind: KindCommit, Body: make([]byte, MaxBody)},
		&Holdings{Could: sentences(), Cannot: sentences()},
	} {
		frame, err := EncodeFrame(1, body)
		if err != nil {
			t.Errorf("%T at its limits: %v", body, err)
			continue
		}
		if _, _, err := DecodeFrame(frame); err != nil {
			t.Errorf("%T at its limits does not decode: %v", body, err)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, kind := range kinds() {
		frame := example(f, kind)
		f.Add(frame)
		f.Add(frame[:len(frame)-1])
	}
	f.Fuzz(func(t *testing.T, frame []byte) { reencodes(t, frame) })
}
