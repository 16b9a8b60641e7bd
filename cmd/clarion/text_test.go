// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 漢 🎺 👩‍🚀":                "plain é 漢 🎺 👩‍🚀", // joiners of emoji stay
		"\x1b]0;title\x07":               "<U+001B>]0;title<U+0007>",
		"a\rb":                           "a<U+000D>b",
		"a\tb":                           "a    b",
		"c1 \u009b31m":                   "c1 <U+009B>31m",
		"\u202etxt.exe\u2066\u2069":      "<U+202E>txt.exe<U+2066><U+2069>",
		"\u200e\u200f\u061c":             "<U+200E><U+200F><U+061C>",
		"un\u200bseen\ufeff\u2060\u00ad": "un<U+200B>seen<U+FEFF><U+2060><U+00AD>",
		"tag\U000e0041":                  "tag<U+E0041>",
		"line\u2028\u2029":               "line<U+2028><U+2029>",
		"del\x7f":                        "del<U+007F>",
		"bad \xff\xfe":                   "bad \ufffd\ufffd",
	} {
		if got := harmless(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
	if got := line("one\r\ntwo\nthree"); got != "one ⏎ two ⏎ three" {
		t.Errorf("line: %q", got)
	}
	if got := block("one\r\ntwo\nthree", "  "); got != "one\n  | two\n  | three" {
		t.Errorf("block: %q", got)
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("x\x1b[2Jy\u202e")
	f.Add("\xff\r\n\u2066")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{harmless(s), block(s, " ")} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q is no UTF-8", out)
			}
			for _, r := range out {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
					t.Fatalf("%q lets %U through", out, r)
				}
			}
		}
		if strings.Contains(line(s), "\n") {
			t.Fatalf("line(%q) has two lines", s)
		}
	})
}

// FuzzJSON: a line of JSON holds what was written, and nothing that a terminal
// would obey.
func FuzzJSON(f *testing.F) {
	f.Add("x\x1b[2Jy\u202e\u009b31m\x7f")
	f.Add("\u2066a\u2069\u200b\ufeff\u00ad\U000e0041\u2028 <&> \"\\ 👩\u200d🚀")
	f.Fuzz(func(t *testing.T, s string) {
		var b bytes.Buffer
		if err := writeJSON(&b, map[string]string{"text": s}); err != nil {
			t.Fatal(err)
		}
		line, ended := strings.CutSuffix(b.String(), "\n")
		for _, r := range line {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || orders(r) {
				t.Fatalf("%q lets %U through", line, r)
			}
		}
		var back map[string]string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || !ended || (utf8.ValidString(s) && back["text"] != s) {
			t.Fatalf("%q came back as %q, %v", s, back["text"], err)
		}
	})
}

func TestTableAligns(t *testing.T) {
	var b bytes.Buffer
	err := table(&b, [][]string{{"é", "x\x1b", "last"}, {"longer", "y", ""}}, func(_, column int, cell string) string {
		if column == 0 {
			return style{colour: true}.strong(cell)
		}
		return cell
	})
	want := "\x1b[1mé\x1b[0m       x<U+001B>  last\n\x1b[1mlonger\x1b[0m  y\n"
	if err != nil || b.String() != want {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

func TestColoursOnlyForATerminal(t *testing.T) {
	for _, env := range []map[string]string{{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}} {
		if newStyle(new(bytes.Buffer), func(k string) string { return env[k] }).colour {
			t.Errorf("colours into a buffer with %v", env)
		}
	}
}

// TestArgumentsAreText: bytes that are no text are refused before anything is
// made of them, here as on stdin.
func TestArgumentsAreText(t *testing.T) {
	var out, errs bytes.Buffer
	p := program{getenv: noEnvironment}
	status := p.Run(t.Context(), []string{"--home", t.TempDir(), "send", "omar", "bad\xff"}, strings.NewReader(""), &out, &errs)
	if status != exitUsage || !strings.Contains(errs.String(), "message_not_text") || out.Len() > 0 {
		t.Errorf("status %d, %q, %q", status, out.String(), errs.String())
	}
}
