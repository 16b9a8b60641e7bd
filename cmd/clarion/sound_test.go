// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

const soundRate = 48000

// soundCommands are the scripts' commands about sound:
//
//	tone FILE HERTZ [FLAG...]  makes an Ogg/Opus file of two seconds of a tone
//	sounds FILE HERTZ          the file has at least a second of that tone in it
func soundCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"tone": func(ts *testscript.TestScript, _ bool, args []string) {
			hertz, err := strconv.ParseFloat(args[1], 64)
			ts.Check(err)
			ts.Check(makeTone(ts.MkAbs(args[0]), hertz, args[2:]...))
		},
		"sounds": func(ts *testscript.TestScript, neg bool, args []string) {
			hertz, err := strconv.ParseFloat(args[1], 64)
			ts.Check(err)
			seconds, err := toneIn(ts.MkAbs(args[0]), hertz)
			ts.Check(err)
			if (seconds >= 1) == neg {
				ts.Fatalf("%s has %.1f s of %.0f Hz", args[0], seconds, hertz)
			}
		},
	}
}

// makeTone lets an encoder of others' make the file.
func makeTone(file string, hertz float64, flags ...string) error {
	var raw bytes.Buffer
	for n := range 2 * soundRate {
		sample := int16(12000 * math.Sin(2*math.Pi*hertz*float64(n)/soundRate))
		if err := binary.Write(&raw, binary.LittleEndian, sample); err != nil {
			return err
		}
	}
	flags = append([]string{"--quiet", "--raw", "--raw-rate", fmt.Sprint(soundRate), "--raw-chan", "1", "--bitrate", "24"}, flags...)
	cmd := exec.Command("opusenc", append(flags, "-", file)...)
	cmd.Stdin = &raw
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("opusenc (Debian's opus-tools): %v: %s", err, out)
	}
	return nil
}

// toneIn decodes a file, by others' decoder, and counts how many seconds of it
// are mostly one tone.
func toneIn(file string, hertz float64) (seconds float64, err error) {
	raw, err := os.CreateTemp("", "sound")
	if err != nil {
		return 0, err
	}
	defer os.Remove(raw.Name())
	defer raw.Close()
	if out, err := exec.Command("opusdec", "--quiet", "--rate", fmt.Sprint(soundRate), "--force-stereo", file, raw.Name()+".wav").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("opusdec (Debian's opus-tools): %v: %s", err, out)
	}
	defer os.Remove(raw.Name() + ".wav")
	b, err := os.ReadFile(raw.Name() + ".wav")
	if err != nil {
		return 0, err
	}
	const window = soundRate / 10
	b = b[min(44, len(b)):] // a WAV's head
	for len(b) >= 4*window {
		if tonal(b[:4*window], hertz) {
			seconds += 0.1
		}
		b = b[4*window:]
	}
	return seconds, nil
}

// tonal reports whether most of the power of a window's left channel is at one
// frequency (Goertzel), and there is any.
func tonal(b []byte, hertz float64) bool {
	n := len(b) / 4
	w := 2 * math.Cos(2*math.Pi*hertz/soundRate)
	var power, one, two float64
	for i := range n {
		s := float64(int16(binary.LittleEndian.Uint16(b[4*i:])))
		power += s * s
		one, two = s+w*one-two, one
	}
	at := one*one + two*two - w*one*two
	return power/float64(n) > 1e4 && 2*at/float64(n) > 0.7*power
}
