// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"clarion.chat/clarion/client"
)

// harmless returns what a terminal may be given of text that somebody else
// wrote: every character that could move the cursor, change colours, reorder
// or hide what stands around it is shown by its number instead. Line feeds
// stay; bytes that are no UTF-8 become U+FFFD.
func harmless(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteByte('\n')
		case r == '\t':
			b.WriteString("    ")
		case orders(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// orders reports whether a terminal would take r for an order, not a sign.
func orders(r rune) bool {
	switch {
	case unicode.Is(unicode.Cc, r): // C0, DEL, C1: escape sequences begin here
		return true
	case unicode.Is(unicode.Bidi_Control, r): // overrides and isolates
		return true
	case r == '\u2028' || r == '\u2029': // line breaks under another name
		return true
	case r == '\u200b' || r == '\u2060' || r == '\ufeff' || r == '\u00ad': // unseen
		return true
	case r >= 0xe0000 && r <= 0xe007f: // tags: unseen text
		return true
	}
	return false
}

// line is harmless for a place that has one line only.
func line(s string) string {
	return strings.ReplaceAll(harmless(strings.ReplaceAll(s, "\r\n", "\n")), "\n", " ⏎ ")
}

// block is harmless for text of several lines. Each line after the first is
// marked, so that no message can look like another's.
func block(s, margin string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(harmless(s), "\n", "\n"+margin+"| ")
}

// style colours output for a person at a terminal, and leaves it plain for
// everything else.
type style struct{ colour bool }

func newStyle(out io.Writer, getenv func(string) string) style {
	_, ok := terminal(out)
	return style{colour: ok && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// terminal returns the descriptor of a stream that is one.
func terminal(stream any) (fd int, ok bool) {
	if o, is := stream.(*output); is {
		stream = o.to
	}
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

func (s style) paint(sequence, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + sequence + "m" + text + "\x1b[0m"
}

func (s style) dim(text string) string    { return s.paint("2", text) }
func (s style) strong(text string) string { return s.paint("1", text) }
func (s style) good(text string) string   { return s.paint("32", text) }
func (s style) look(text string) string   { return s.paint("33", text) }

// table writes rows in aligned columns. Cells are made harmless here; paint
// may colour a cell after it was padded and may be nil.
func table(out io.Writer, rows [][]string, paint func(row, column int, padded string) string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			row[i] = line(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for y, row := range rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1] // nothing to align with at the end of a line
		}
		for x, cell := range row {
			pad := widths[x] - utf8.RuneCountInString(cell)
			if x == len(row)-1 {
				pad = 0
			}
			if paint != nil {
				cell = paint(y, x, cell)
			}
			b.WriteString(cell)
			if x < len(row)-1 {
				b.WriteString(strings.Repeat(" ", pad+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// moment writes a time for a person, in the device's zone.
func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// howChecked says in words what is known of a person's identity.
func howChecked(c *client.Checked) string {
	if c == nil {
		return "not checked"
	}
	switch c.How {
	case client.CheckedInviteLink:
		return "checked by invite link"
	case client.CheckedCameByLink:
		return "came by your link, not yet checked"
	case client.CheckedDigits:
		return "checked by digits"
	case client.CheckedQR:
		return "checked by scanned code"
	case client.CheckedNotSince:
		return "identity changed, not checked since"
	case client.CheckedChanged:
		return "identity changed after it was checked"
	}
	return c.How
}

// checkedPaint colours what howChecked says; the words carry the meaning.
func (s style) checkedPaint(c *client.Checked, text string) string {
	switch {
	case c == nil, c.How == client.CheckedCameByLink:
		return s.dim(text)
	case c.How == client.CheckedChanged, c.How == client.CheckedNotSince:
		return s.look(text)
	}
	return s.good(text)
}
