// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"

	"clarion.chat/clarion/wire"
)

// RelayServers asks the server for the means to relay a call of a conversation:
// where, and a credential that begins relaying until Expires. It is asked anew
// for each call. The codes are those of the conversation's obstacle, no_relay,
// and those of any command.
func (c *Client) RelayServers(ctx context.Context, conversation string) (r wire.Relay, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		if err := c.ensureMailbox(ctx, v); err != nil {
			return err
		}
		if err := c.catchUp(ctx, v); err != nil {
			return err
		}
		if code := v.obstacle(); code != "" {
			return obstacleFailure(code)
		}
		s, err := c.mailboxDoor(ctx)
		if err != nil {
			return err
		}
		got, err := ask[*wire.Relay](ctx, s, &wire.RelayCredentials{Mailbox: v.Mailbox, Pass: v.newest().pass(v.Mailbox)})
		if err == nil {
			r = *got
		}
		return err
	})
	return r, err
}
