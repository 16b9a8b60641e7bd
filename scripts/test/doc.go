// SPDX-License-Identifier: AGPL-3.0-or-later

// Command test runs everything that `make test` promises: the web app built,
// its types, its lint rules and its tests, those in a real browser against the
// real programs too; the form of the sources, vet, staticcheck, every Go test
// with the race detector, the core's tests as WebAssembly under node and in
// Chromium, and each fuzz target for a moment. It shows what fails with its
// output, is never silent for long, and ends with one line:
//
//	clarion: 1234 passed, 0 failed
//
// Every test and subtest counts as one; so does each check that is no test by
// itself. What does not build, does not end or is skipped counts as failed.
//
// Exit status: 0 all passed; 1 something failed, or nothing ran; 3 something
// is missing on this machine, and how to install it is printed.
//
// With -fuzz TIME it runs only the fuzz targets, each for that long.
package main
