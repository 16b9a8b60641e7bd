// SPDX-License-Identifier: AGPL-3.0-or-later

// Command clariond is a Clarion server and its operator's commands.
//
// What it prints on stdout is data; what goes wrong goes to stderr with a code,
// a sentence and a hint; the exit status says which kind of thing went wrong
// (failure.go has the one table). config.go is the manual of the settings.
package main
