// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"time"

	"clarion.chat/clarion/wire"
)

// doors are the client's connections, each opened when first needed. They are
// apart so that no connection shows the server more than one of: who I am,
// which inbox is mine, which mailboxes I read, whom I look up.
type doors struct {
	account   *session
	inbox     *session
	mailbox   *session
	directory *session
}

func (d *doors) all() []*session {
	return []*session{d.account, d.inbox, d.mailbox, d.directory}
}

func (d *doors) closeAll() {
	for _, s := range d.all() {
		s.close()
	}
	*d = doors{}
}

// dial opens one connection and holds the server to its host and clock.
func (c *Client) dial(ctx context.Context, server string, door DoorName, host string) (*session, error) {
	s, err := openSession(ctx, c.dialer, server, door, c.wake, c.pace)
	if err != nil {
		return nil, err
	}
	s.ahead = s.hello.Time - c.now().Unix()
	if err := checkHost(server, s.hello.Host, host); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// checkHost refuses a server that bears another host than the one addressed.
// On the loopback interface the address is only a way there (a proxy, a port
// forward), and the host is what the server says it is, once and for good.
func checkHost(server, says, known string) error {
	if known != "" {
		if says != known {
			return fail(FailWrongHost, nil)
		}
		return nil
	}
	a, _, ok := splitURL(server)
	if ok && wire.ValidHost(says) && (a.loopback() || a.host == says) {
		return nil
	}
	return fail(FailWrongHost, nil)
}

// maxSkew is how far the clocks may be apart where signed times are made.
const maxSkew = 12 * time.Hour

// skewed reports whether this device's clock and the server's disagree so
// much that certificates made now would be refused by others. Its time is that
// of the Hello: ask it only of a connection that was just opened.
func (c *Client) skewed(s *session) bool {
	d := c.now().Sub(time.Unix(s.hello.Time, 0))
	return d > maxSkew || d < -maxSkew
}

func (c *Client) reuse(ctx context.Context, slot **session, door DoorName) (*session, error) {
	if s := *slot; s != nil && !s.lost() {
		return s, nil
	}
	s, err := c.dial(ctx, c.self.Server, door, c.self.Handle.Host)
	if err != nil {
		return nil, err
	}
	if c.skewed(s) { // whatever leaves now would bear a false time
		s.close()
		return nil, wire.Refuse(wire.CodeClockSkew)
	}
	c.skewTold = false
	*slot = s
	return s, nil
}

// directoryDoor is for look-ups, key packages and introductions.
func (c *Client) directoryDoor(ctx context.Context) (*session, error) {
	return c.reuse(ctx, &c.doors.directory, MailboxDoor)
}

// inboxDoor is for the own inbox alone.
func (c *Client) inboxDoor(ctx context.Context) (*session, error) {
	return c.reuse(ctx, &c.doors.inbox, MailboxDoor)
}

// mailboxDoor is for conversations' mailboxes.
func (c *Client) mailboxDoor(ctx context.Context) (*session, error) {
	return c.reuse(ctx, &c.doors.mailbox, MailboxDoor)
}

// accountDoor returns a signed-in connection.
func (c *Client) accountDoor(ctx context.Context) (*session, error) {
	if s := c.doors.account; s != nil && !s.lost() {
		return s, nil
	}
	s, err := c.reuse(ctx, &c.doors.account, AccountDoor)
	if err != nil {
		return nil, err
	}
	err = c.signIn(ctx, s)
	if err == nil {
		err = c.meetServer(ctx, s)
	}
	if err != nil {
		s.close()
		c.doors.account = nil
		return nil, err
	}
	return s, nil
}
