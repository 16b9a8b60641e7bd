// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dial opens a server's doors natively: WebSocket over TCP or TLS, one
// frame to a message. It stands outside the client core, which knows only the
// interface client.Dialer and so builds for the browser without net/http.
package dial
