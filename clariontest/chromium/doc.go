// SPDX-License-Identifier: AGPL-3.0-or-later

// Package chromium runs WebAssembly programs, above all test binaries, in a
// real headless Chromium: each in a dedicated Worker, as the core lives in the
// web app, with what it prints carried back over loopback. The browser can be
// closed, killed, crashed and started again on the same profile, and spoken to
// by the DevTools protocol over a pipe, with whose end it ends too.
package chromium
