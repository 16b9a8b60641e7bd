// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"io"
	"strings"

	"golang.org/x/term"

	"clarion.chat/clarion/client"
)

// pipe is a face without a terminal: a line in, a line out.
type pipe struct {
	out   io.Writer
	typed chan string
}

// newPipe starts the reader of in, which ends with in; a read that blocks
// cannot be ended from outside, so it may outlive the talk.
func newPipe(in io.Reader, out io.Writer) *pipe {
	p := &pipe{out: out, typed: make(chan string)}
	go func() {
		defer close(p.typed)
		r := bufio.NewReaderSize(in, maxTyped)
		for {
			// A line past the buffer comes in parts; each is past the longest
			// message and refused as such.
			text, err := r.ReadString('\n')
			if text = strings.TrimRight(text, "\r\n"); text != "" {
				p.typed <- text
			}
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *pipe) lines() <-chan string  { return p.typed }
func (p *pipe) keys() <-chan struct{} { return nil }
func (p *pipe) close()                {}

func (p *pipe) show(text string) error {
	_, err := io.WriteString(p.out, text+"\n")
	return closedOutput(err)
}

func (p *pipe) writing(text string) {
	if text != "" {
		_ = p.show("- " + text)
	}
}

// screen is a terminal in raw mode with a line editor at its foot. What is
// shown goes above the line that is being typed.
type screen struct {
	out     io.Writer
	fd      int
	before  *term.State // to put the terminal back
	editor  *term.Terminal
	typed   chan string
	pressed chan struct{}
}

const typeHere = "> "

func newScreen(inv *invocation, fd int) (*screen, error) {
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, &client.Failure{Code: failOutput, Text: "the terminal cannot be used", Hint: "pipe the lines in instead", Cause: err}
	}
	s := &screen{out: inv.out, fd: fd, before: before, typed: make(chan string), pressed: make(chan struct{}, 1)}
	s.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{inv.in, inv.out}, typeHere)
	s.editor.SetBracketedPasteMode(true)
	s.fit()
	s.editor.AutoCompleteCallback = func(string, int, rune) (string, int, bool) {
		s.fit()
		wake(s.pressed)
		return "", 0, false
	}
	go s.read()
	return s, nil
}

// read is the editor's one reader; like a pipe's it may outlive the talk.
func (s *screen) read() {
	defer close(s.typed)
	for {
		text, err := s.editor.ReadLine()
		if err != nil && err != term.ErrPasteIndicator {
			return
		}
		s.typed <- text
	}
}

// fit follows the terminal's size.
func (s *screen) fit() {
	if width, height, err := term.GetSize(s.fd); err == nil && width > 0 && height > 0 {
		_ = s.editor.SetSize(width, height)
	}
}

func (s *screen) lines() <-chan string  { return s.typed }
func (s *screen) keys() <-chan struct{} { return s.pressed }

func (s *screen) show(text string) error {
	_, err := s.editor.Write([]byte(text + "\n"))
	return closedOutput(err)
}

// writing shows who is writing in front of the line that is typed.
func (s *screen) writing(text string) {
	if text != "" {
		text = "(" + text + ") "
	}
	s.editor.SetPrompt(text + typeHere)
	_, _ = s.editor.Write(nil) // draws that line again
}

func (s *screen) close() {
	s.editor.SetBracketedPasteMode(false)
	_ = term.Restore(s.fd, s.before)
	_, _ = io.WriteString(s.out, "\n")
}
