// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"clarion.chat/clarion/wire"
)

// sortedHandles lists a map's handles in order.
func sortedHandles[T any](m map[wire.Handle]T) []wire.Handle {
	list := make([]wire.Handle, 0, len(m))
	for h := range m {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b wire.Handle) int { return cmp.Compare(a.String(), b.String()) })
	return list
}

// sorted lists the conversations in the order of their ids.
func (c *Client) sorted() []*conversation {
	list := make([]*conversation, 0, len(c.convs))
	for _, v := range c.convs {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *conversation) int { return cmp.Compare(string(a.ID[:]), string(b.ID[:])) })
	return list
}

// Conversations lists what this vault takes part in, or took part in until it
// was removed. It reads at most one record for each.
func (c *Client) Conversations(ctx context.Context) ([]Conversation, error) {
	var list []Conversation
	err := c.withAccount(ctx, func() error {
		for _, v := range c.sorted() {
			out, err := c.listed(ctx, v)
			if err != nil {
				return err
			}
			list = append(list, out)
		}
		return nil
	})
	return list, err
}

// Find resolves what a person types: an id, an unambiguous beginning of one of
// at least four digits, a group's name, or a handle.
func (c *Client) Find(ctx context.Context, what string) (found Conversation, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.find(what)
		if err == nil {
			found = c.public(v)
		}
		return err
	})
	return found, err
}

func (c *Client) find(what string) (*conversation, error) {
	var matches []*conversation
	for _, v := range c.sorted() {
		id := v.ID.String()
		if id == what {
			return v, nil
		}
		if (len(what) >= 4 && strings.HasPrefix(id, what)) || (!v.Direct && v.Name == what) {
			matches = append(matches, v)
		}
	}
	if h, err := wire.ParseHandle(what, c.self.Handle.Host); err == nil {
		if p := c.contacts[h]; p != nil {
			if v := c.convs[p.Conversation]; v != nil {
				return v, nil
			}
		}
	}
	if len(matches) == 1 {
		return matches[0], nil
	}
	f := fail(FailNoConversation, nil)
	if h, err := wire.ParseHandle(what, c.self.Handle.Host); err == nil && len(matches) == 0 {
		f.Hint = "if this is a person, `clarion accept " + h.Name + "` opens a conversation; `clarion conversations` lists yours"
	}
	if len(matches) > 1 {
		return nil, fail(FailAmbiguous, nil)
	}
	return nil, f
}

// open finds a conversation by its id.
func (c *Client) byID(id string) (*conversation, error) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 16 || c.convs[conversationID(b)] == nil {
		return nil, fail(FailNoConversation, err)
	}
	return c.convs[conversationID(b)], nil
}
