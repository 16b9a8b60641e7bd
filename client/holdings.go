// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ed25519"

	"clarion.chat/clarion/wire"
)

// SignedHoldings is the server's answer with what checks its signature:
// Ed25519 under ServerKey over wire.Holdings.SignedBytes(Host).
type SignedHoldings struct {
	wire.Holdings
	Host      string
	ServerKey [32]byte
}

// Holdings asks what the server holds about this account, and checks the
// signature of the answer.
func (c *Client) Holdings(ctx context.Context) (out *SignedHoldings, err error) {
	err = c.withAccount(ctx, func() error {
		s, err := c.accountDoor(ctx)
		if err != nil {
			return err
		}
		h, err := ask[*wire.Holdings](ctx, s, &wire.GetHoldings{})
		if err != nil {
			return err
		}
		if h.Account != c.self.Handle.String() || !ed25519.Verify(s.hello.ServerKey[:], h.SignedBytes(c.self.Handle.Host), h.Signature[:]) {
			return wire.Refuse(wire.CodeBadSignature)
		}
		out = &SignedHoldings{Holdings: *h, Host: c.self.Handle.Host, ServerKey: s.hello.ServerKey}
		return nil
	})
	return out, err
}

// DeleteEverything removes the account and all that the server holds about
// it, then empties this vault. The answer says what cannot be reached.
func (c *Client) DeleteEverything(ctx context.Context) (d *wire.Deleted, err error) {
	err = c.withAccount(ctx, func() error {
		s, err := c.accountDoor(ctx)
		if err != nil {
			return err
		}
		sig := c.authorise(wire.ToSign(wire.PurposeDelete, c.self.Handle.Host, s.hello.Challenge[:], []byte(c.self.Handle.Name)))
		d, err = ask[*wire.Deleted](ctx, s, &wire.DeleteEverything{Authorisation: sig})
		if err != nil {
			return err
		}
		c.doors.closeAll()
		c.listening, c.online = false, false
		var ch change
		if err := scan(ctx, c.vault, "", func(key string, _ []byte) error { ch.drop(key); return nil }); err != nil {
			return err
		}
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		return c.load(ctx)
	})
	return d, err
}
