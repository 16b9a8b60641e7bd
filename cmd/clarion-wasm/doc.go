// SPDX-License-Identifier: AGPL-3.0-or-later

// Command clarion-wasm is the client core for the browser: the same package
// client as in the terminal, with the browser's WebSocket as its dialer and
// Promises at its edge. It is the only place of the tree that imports
// syscall/js, and it runs in a worker of its own, since one thread serves all
// its goroutines.
//
// The rule of the edge: a function that JavaScript calls never waits. It
// starts a goroutine and returns a Promise, or puts what it was given into a
// queue. Whoever waited in a callback would wait for an event loop that is
// itself waiting for the callback.
//
// Built for another system than js/wasm the program only says what it is for.
package main
