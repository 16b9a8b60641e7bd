// SPDX-License-Identifier: AGPL-3.0-or-later

package call

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// tape is a recorder whose file the test reads.
func tape() (*recorder, *bytes.Buffer) {
	var b bytes.Buffer
	return newRecorder(&b), &b
}

// say is packet n of 20 ms of a talk that begins close to where both counts
// begin anew.
func say(r *recorder, n int) {
	r.packet(uint16(65530+n), uint32(1<<32-1000+n*960), []byte{0xf8, byte(n), 1, 2})
}

// numbers lists the packets of a file by their numbers, -1 for one that bridges
// a gap.
func numbers(t *testing.T, file *bytes.Buffer) (list []int) {
	t.Helper()
	s, err := ReadSource(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.packets {
		if len(p) == 1 {
			list = append(list, -1)
		} else {
			list = append(list, int(p[1]))
		}
	}
	return list
}

func same(t *testing.T, what string, got []int, want ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: the file has %v, not %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: the file has %v, not %v", what, got, want)
		}
	}
}

func TestRecordingKeepsOrderAndTime(t *testing.T) {
	for _, c := range []struct {
		what       string
		come, want []int
	}{
		{"in order", []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"one overtakes, one comes twice", []int{0, 2, 1, 1, 3, 2, 4}, []int{0, 1, 2, 3, 4}},
		{"two are lost", []int{0, 1, 4, 5}, []int{0, 1, -1, -1, 4, 5}},
		{"one comes when it counts as lost", []int{0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 13}, []int{0, -1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}},
	} {
		r, file := tape()
		for _, n := range c.come {
			say(r, n)
		}
		r.close()
		same(t, c.what, numbers(t, file), c.want...)
	}
}

// TestRecordingOfPauses: who sends nothing while they are silent counts the time
// but not the packets.
func TestRecordingOfPauses(t *testing.T) {
	r, file := tape()
	r.packet(1, 0, []byte{0xf8, 0, 9})
	r.packet(2, 5*960+100, []byte{0xf8, 1, 9})
	r.packet(3, 6*960+100, nil) // no Opus: a gap like another
	r.packet(4, 7*960+960, []byte{0xf8, 2, 9})
	r.close()
	same(t, "pauses", numbers(t, file), 0, -1, -1, -1, -1, 1, -1, -1, 2)

	// An hour makes a minute, and a clock that is put back nothing.
	r, file = tape()
	r.packet(1, 0, []byte{0xf8, 0, 9})
	r.packet(2, 3600*sampleRate, []byte{0xf8, 1, 9})
	r.packet(3, 10, []byte{0xf8, 2, 9})
	r.close()
	if got := numbers(t, file); len(got) != 3+60*50 || got[len(got)-1] != 2 || got[len(got)-2] != 1 {
		t.Errorf("the file has %d packets", len(got))
	}
}

// TestRecordingOfACountThatBeginsAnew: a sender that starts over is heard again.
func TestRecordingOfACountThatBeginsAnew(t *testing.T) {
	r, file := tape()
	r.packet(20000, 0, []byte{0xf8, 0, 9})
	for n := range 2 * strayed {
		r.packet(uint16(100+n), uint32(n*960), []byte{0xf8, byte(n), 9})
	}
	r.close()
	if got := numbers(t, file); len(got) != 1+strayed {
		t.Errorf("the file has %v", got)
	}
}

// TestRecordingIsAnOggFile: sums, positions and the last page's flag are as the
// format wants them, over two tracks.
func TestRecordingIsAnOggFile(t *testing.T) {
	r, file := tape()
	for n := range 30 {
		say(r, n)
	}
	r.track()
	r.packet(7, 77, append([]byte{0xf8}, make([]byte, 600)...))
	r.close()
	b, pages, at := file.Bytes(), 0, uint64(0)
	for len(b) > 0 {
		size := 27 + int(b[26])
		for _, n := range b[27:size] {
			size += int(n)
		}
		sum := binary.LittleEndian.Uint32(b[22:])
		binary.LittleEndian.PutUint32(b[22:], 0)
		var made uint32
		for _, x := range b[:size] {
			made = made<<8 ^ r.table[byte(made>>24)^x]
		}
		if made != sum || binary.LittleEndian.Uint32(b[18:]) != uint32(pages) {
			t.Errorf("page %d has the sum %08x, not %08x", pages, sum, made)
		}
		at = binary.LittleEndian.Uint64(b[6:])
		if last := len(b) == size; last != (b[5]&oggLast != 0) || (pages == 0) != (b[5]&oggFirst != 0) {
			t.Errorf("page %d has the flags %d", pages, b[5])
		}
		b, pages = b[size:], pages+1
	}
	if pages != 2+31 || at != 31*960 {
		t.Errorf("%d pages end at %d", pages, at)
	}
}

// TestRecordingOfNothing leaves the file as it was; one that fails is given up.
func TestRecordingOfNothing(t *testing.T) {
	r, file := tape()
	r.close()
	if file.Len() != 0 {
		t.Error("a file begins though nothing was said")
	}
	f := &full{}
	r = newRecorder(f)
	for n := range 10 {
		say(r, n)
	}
	r.close()
	if f.tries != 1 || r.err == nil {
		t.Errorf("a full disk was tried %d times: %v", f.tries, r.err)
	}
}

type full struct{ tries int }

func (f *full) Write([]byte) (int, error) {
	f.tries++
	return 0, errors.New("full")
}

// TestOthersDecode: a decoder of others' takes the file, its padded packets of
// each kind and its bridges, and makes as much sound of it as was said.
func TestOthersDecode(t *testing.T) {
	var file bytes.Buffer
	r := newRecorder(&file)
	kinds := [][]byte{
		silence(),                                     // one frame
		{0xf9, 0xff, 0xfe, 0xff, 0xfe},                // two of one size
		{0xfa, 2, 0xff, 0xfe, 0xff, 0xfe, 0xff},       // two of two sizes
		{0xfb, 3, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe}, // three
	}
	at, seq := uint32(0), uint16(0)
	for n := range 100 {
		packet := kinds[n%len(kinds)]
		d, err := duration(packet)
		if err != nil {
			t.Fatal(err)
		}
		if n%10 != 5 { // each tenth is lost
			r.packet(seq, at, pad(packet, 60+n*7))
		}
		seq++
		at += samples(d)
	}
	r.close()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.ogg"), filepath.Join(dir, "out.raw")
	if err := os.WriteFile(in, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("opusdec", "--rate", "48000", in, "--force-stereo", out+".wav").CombinedOutput()
	if err != nil {
		t.Fatalf("opusdec (Debian's opus-tools): %v: %s", err, said)
	}
	if bytes.Contains(bytes.ToLower(said), []byte("error")) || bytes.Contains(bytes.ToLower(said), []byte("warning")) || bytes.Contains(said, []byte("hole")) {
		t.Errorf("opusdec says: %s", said)
	}
	info, err := os.Stat(out + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := (info.Size()-44)/4, int64(at)-warmUp; got < want-2880 || got > want {
		t.Errorf("of %d samples %d came out", want, got)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(uint16(1), uint32(960), []byte{0xf8, 1}, uint16(2), uint32(1<<31), []byte{0xfb, 3, 1})
	f.Fuzz(func(t *testing.T, s1 uint16, a1 uint32, p1 []byte, s2 uint16, a2 uint32, p2 []byte) {
		r, file := tape()
		r.packet(s1, a1, p1)
		r.packet(s2, a2, p2)
		r.packet(s2+20, a2+20*960, p1)
		r.close()
		if file.Len() > 0 {
			if _, err := ReadSource(file); err != nil && !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
		}
	})
}
