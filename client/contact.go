// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"cmp"
	"context"
	"slices"
	"time"

	"clarion.chat/clarion/wire"
)

// contact is a person this vault knows, with the identity key that counts.
type contact struct {
	Handle       wire.Handle
	State        string // ContactState
	How          string // empty: not checked
	CheckedAt    int64  // Unix seconds
	Identity     [32]byte
	Conversation conversationID // zero: none
}

// Fields describes the record.
func (p *contact) Fields(c *wire.Coder) {
	p.Handle.Fields(c)
	c.String(&p.State, 16)
	c.String(&p.How, 32)
	c.I64(&p.CheckedAt)
	c.Fixed(p.Identity[:])
	p.Conversation.Fields(c)
}

func (p *contact) checked() *Checked {
	if p == nil || p.How == "" {
		return nil
	}
	return &Checked{How: p.How, At: time.Unix(p.CheckedAt, 0).UTC()}
}

func (p *contact) public() Contact {
	out := Contact{Handle: p.Handle, State: ContactState(p.State), Checked: p.checked()}
	if p.Conversation != (conversationID{}) {
		out.Conversation = p.Conversation.String()
	}
	return out
}

func (p *contact) accepted() bool { return p != nil && p.State == string(ContactAccepted) }
func (p *contact) blocked() bool  { return p != nil && p.State == string(ContactBlocked) }

// putContact writes a contact and notes that the recovery blob is behind.
func (c *Client) putContact(ch *change, p *contact) {
	c.contacts[p.Handle] = p
	ch.put(c.record("contact", p.Handle), p)
	c.self.BlobDirty = true
	ch.put(recordSelf, c.self)
}

// Contacts lists the people this vault knows, by handle.
func (c *Client) Contacts(ctx context.Context) ([]Contact, error) {
	var list []Contact
	err := c.withAccount(ctx, func() error {
		for _, p := range c.contacts {
			list = append(list, p.public())
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Contact) int { return cmp.Compare(a.Handle.String(), b.Handle.String()) })
	return list, err
}

// Block refuses a person: requests and messages from them are no longer shown,
// and their introductions are dropped unread. Somebody who is no contact must
// be in the directory, unless it cannot be asked; Accept undoes it.
func (c *Client) Block(ctx context.Context, handle string) error {
	return c.withAccount(ctx, func() error {
		h, err := wire.ParseHandle(handle, c.self.Handle.Host)
		if err != nil {
			return fail(FailHandle, err)
		}
		if h == c.self.Handle {
			return fail(FailOneself, nil)
		}
		if c.contacts[h] == nil {
			if _, err := c.lookUp(ctx, h); nobody(err) && AsFailure(err).Code != FailIdentity {
				return err
			}
		}
		var ch change
		p := contact{Handle: h}
		if old := c.contacts[h]; old != nil {
			p = *old
		}
		p.State = string(ContactBlocked)
		c.putContact(&ch, &p)
		ch.drop(c.record("req", h))
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		c.tryUpkeep(ctx)
		return nil
	})
}
