// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"

	"clarion.chat/clarion/wire"
)

// Decline lets a contact request drop: the person is not told, is no contact,
// and may ask again. FailNoContact when there is no request of theirs.
func (c *Client) Decline(ctx context.Context, handle string) error {
	return c.withAccount(ctx, func() error {
		h, err := wire.ParseHandle(handle, c.self.Handle.Host)
		if err != nil {
			return fail(FailHandle, err)
		}
		p := c.contacts[h]
		if p == nil || p.State != string(ContactPending) {
			return fail(FailNoContact, nil)
		}
		var ch change
		c.dropContact(&ch, h)
		ch.drop(c.record("req", h))
		return c.commitAndUpkeep(ctx, &ch)
	})
}

// Unblock takes a block back. Somebody with whom a conversation exists, or who
// was checked, is an accepted contact again; anybody else is a stranger, who
// may ask. FailNoContact when the person is not blocked.
func (c *Client) Unblock(ctx context.Context, handle string) error {
	return c.withAccount(ctx, func() error {
		h, err := wire.ParseHandle(handle, c.self.Handle.Host)
		if err != nil {
			return fail(FailHandle, err)
		}
		p := c.contacts[h]
		if !p.blocked() {
			return fail(FailNoContact, nil)
		}
		var ch change
		if p.Conversation == (conversationID{}) && p.How == "" {
			c.dropContact(&ch, h)
		} else {
			n := *p
			n.State = string(ContactAccepted)
			c.putContact(&ch, &n)
		}
		return c.commitAndUpkeep(ctx, &ch)
	})
}

// dropContact forgets a contact and notes that the recovery blob is behind.
func (c *Client) dropContact(ch *change, h wire.Handle) {
	delete(c.contacts, h)
	ch.drop(c.record("contact", h))
	c.self.BlobDirty = true
	ch.put(recordSelf, c.self)
}

func (c *Client) commitAndUpkeep(ctx context.Context, ch *change) error {
	if err := c.commit(ctx, ch); err != nil {
		return err
	}
	c.tryUpkeep(ctx)
	return nil
}
