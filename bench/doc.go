// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bench measures a Clarion server against a bare relay: a WebSocket, a
// group commit with the same durability, and the other side of the room. What
// the relay lacks (pass, epoch, id, catching up, keeping for thirty days) is
// what the difference pays for.
//
// Each server is a child process of this one. The same generator drives both
// over loopback sockets, in turns, so that a busy machine is busy for both;
// therefore the ratios mean something and the absolute figures little. It
// never fails for being slow, only when something goes wrong: an answer that
// is a refusal, a message acknowledged and not delivered, a child that ends.
//
// The web app is measured as people have it: in real Chromium, served by a real
// clariond, beside native clients on the same server.
//
// docs/performance.md has the method and the figures of one run.
package main
