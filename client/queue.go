// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"encoding/hex"
)

// FailMessageID: a message id that is not 32 hex digits, or that another text
// has already.
const FailMessageID = "message_id_invalid"

// Queue writes a text down to be sent, under an id of the caller's choice (32
// hex digits, random), and returns without sending: FlushConversation does, or
// the next connection. The same id with the same text again changes nothing
// and returns the message as it stands, so that a program which lost the
// answer may ask once more. Errors: FailMessageID, and those of Send.
func (c *Client) Queue(ctx context.Context, conversation, id, text string) (m Message, err error) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 16 {
		return m, fail(FailMessageID, err)
	}
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		i, _, err := c.findItem(ctx, nil, v, [16]byte(b))
		if err != nil {
			return err
		}
		if i != nil && (!i.Own || i.Text != text) {
			return fail(FailMessageID, nil)
		}
		if i == nil {
			if i, err = c.queue(ctx, v, [16]byte(b), text); err != nil {
				return err
			}
		}
		m = i.public(v.ID)
		return nil
	})
	return m, err
}
