// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"clarion.chat/clarion/client/vault"
)

// Draft is what a person began to write in a conversation. It lies in this
// device's vault alone.
type Draft struct {
	Conversation string
	Text         string
}

func draftRecord(v *conversation) string { return "draft/" + v.ID.String() }

// SetDraft keeps what is being written, at most 16,000 bytes of UTF-8; an
// empty text forgets it. Nothing is sent.
func (c *Client) SetDraft(ctx context.Context, conversation, text string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		switch {
		case err != nil:
			return err
		case len(text) > maxText:
			return fail(FailTooLong, nil)
		case !utf8.ValidString(text):
			return fail(FailNotText, nil)
		}
		var ch change
		if text == "" {
			ch.drop(draftRecord(v))
		} else {
			ch.putBytes(draftRecord(v), []byte(text))
		}
		return c.commit(ctx, &ch)
	})
}

// Draft returns what is being written in a conversation, or nothing.
func (c *Client) Draft(ctx context.Context, conversation string) (text string, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		b, err := c.vault.Get(ctx, draftRecord(v))
		if errors.Is(err, vault.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fail(FailVault, err)
		}
		text = string(b)
		return nil
	})
	return text, err
}

// Drafts lists what is being written anywhere.
func (c *Client) Drafts(ctx context.Context) (list []Draft, err error) {
	err = c.withAccount(ctx, func() error {
		return scan(ctx, c.vault, "draft/", func(key string, b []byte) error {
			list = append(list, Draft{strings.TrimPrefix(key, "draft/"), string(b)})
			return nil
		})
	})
	return list, err
}
