// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import "context"

// DoorName is one of a server's two doors.
type DoorName string

// The two doors. They share nothing stored, and no connection serves both.
const (
	AccountDoor DoorName = "account"
	MailboxDoor DoorName = "mailbox"
)

// Dialer opens connections to a server's doors: WebSocket, natively by a
// package outside the core, in the browser by the browser.
type Dialer interface {
	// Dial connects to URL/door/NAME. An error means: not reachable now.
	Dial(ctx context.Context, server string, door DoorName) (Conn, error)
}

// Conn carries whole frames, in order. Recv is called by one goroutine, Send
// by another. Close ends both.
type Conn interface {
	Send(ctx context.Context, frame []byte) error
	Recv(ctx context.Context) ([]byte, error)
	Close() error
}
