// SPDX-License-Identifier: AGPL-3.0-or-later

// Command clarion is a person's command line: it registers, meets people,
// writes, listens and asks what the server holds.
//
// What it prints on stdout is data; what goes wrong goes to stderr with a code,
// a sentence and a hint; the exit status says which kind of thing went wrong
// (failure.go has the one table). One file holds each group of commands, and
// what they share stands in program.go (parsing and ending), session.go (the
// client core while a command runs), kept.go (what one command met and the
// next listen tells), shape.go (JSON) and text.go (for people).
package main
