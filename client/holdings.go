// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"strings"

	"clarion.chat/clarion/wire"
)

// SignedHoldings is the server's answer with what checks its signature:
// Ed25519 under ServerKey over wire.Holdings.SignedBytes(Host).
type SignedHoldings struct {
	wire.Holdings
	Host      string
	ServerKey [32]byte
}

// recordServer holds the server as this device met it first. Its key signs the
// answers about holdings; another one later is another server's, or needs a
// word of the operator.
const recordServer = "server"

type metServer struct{ Key [32]byte }

// Fields describes the record.
func (m *metServer) Fields(c *wire.Coder) { c.Fixed(m.Key[:]) }

// meetServer keeps the server's key when none is kept yet.
func (c *Client) meetServer(ctx context.Context, s *session) error {
	var met metServer
	found, err := get(ctx, c.vault, recordServer, &met)
	if err != nil || found {
		return err
	}
	var ch change
	ch.put(recordServer, &metServer{s.hello.ServerKey})
	return c.commit(ctx, &ch)
}

// TrustServerKey takes a key, 64 hex digits of Ed25519, for the server's from
// now on, after a person compared it with the operator by another way. Errors:
// server_key_invalid.
func (c *Client) TrustServerKey(ctx context.Context, key string) error {
	return c.withAccount(ctx, func() error {
		b, err := ParseServerKey(key)
		if err != nil {
			return err
		}
		var ch change
		ch.put(recordServer, &metServer{b})
		return c.commit(ctx, &ch)
	})
}

// ParseServerKey reads the 64 hex digits of a server's key. Errors:
// server_key_invalid.
func ParseServerKey(text string) (key [32]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(key) {
		return key, fail(FailServerKeyText, err)
	}
	return [32]byte(b), nil
}

// Holdings asks what the server holds about this account, and checks the
// signature of the answer by the key that the server had when this device met
// it. Errors: server_key_differs, bad_signature.
func (c *Client) Holdings(ctx context.Context) (out *SignedHoldings, err error) {
	err = c.withAccount(ctx, func() error {
		s, err := c.accountDoor(ctx)
		if err != nil {
			return err
		}
		var met metServer
		if _, err := get(ctx, c.vault, recordServer, &met); err != nil {
			return err
		}
		if s.hello.ServerKey != met.Key {
			return fail(FailServerKey, nil)
		}
		h, err := ask[*wire.Holdings](ctx, s, &wire.GetHoldings{})
		if err != nil {
			return err
		}
		if h.Account != c.self.Handle.String() || !ed25519.Verify(met.Key[:], h.SignedBytes(c.self.Handle.Host), h.Signature[:]) {
			return wire.Refuse(wire.CodeBadSignature)
		}
		out = &SignedHoldings{Holdings: *h, Host: c.self.Handle.Host, ServerKey: met.Key}
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
