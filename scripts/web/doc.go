// SPDX-License-Identifier: AGPL-3.0-or-later

// Command web builds the web app into web/dist, from the root of the tree, so
// that the server's program can take it in: the packages of npm, the core, the
// messages, the page. It does what has changed and nothing else; what it did
// is noted in .cache.
//
// Exit status: 0 the app is built; 1 it is not; 3 something is missing on this
// machine, and how to install it is printed.
package main
