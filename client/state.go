// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// Limits of what the vault's own records hold.
const (
	maxState   = 64 << 20 // an MLS state
	maxList    = 1 << 14
	maxURL     = 512
	seenKept   = 512 // introductions remembered against repeats
	recordSelf = "self"
	recordWord = "words"
)

// stage is how far the making of an account came.
type stage uint8

const (
	stageMaking   stage = 1 // keys exist; the server may or may not know them
	stageReady    stage = 2
	stageReplaced stage = 3 // the directory names another device in our place
)

// self is the account and device of this vault.
type self struct {
	Stage       stage
	Server      string
	Handle      wire.Handle
	Identity    [32]byte // Ed25519 seed
	Device      [32]byte // Ed25519 seed
	IDSecret    [32]byte // derives envelope ids; never leaves the vault
	RecordKey   [32]byte // names the records about people
	Certificate []byte
	Chain       [][]byte
	SelfGroup   []byte // MLS state of the person's own devices
	Incarnation wire.Incarnation
	InboxSeq    uint64
	Seen        []wire.EnvelopeID // introductions taken, newest last
	BlobVersion uint64            // the highest number that a blob was signed under
	BlobTaken   uint64            // the highest that the server answered to have
	BlobDirty   bool
	MarksOff    bool
	Registered  int64
	Counter     uint64 // numbers outgoing introductions

	// While a new device key is being published: the one before it.
	Prior            [32]byte
	PriorCertificate []byte
}

// Fields describes the record.
func (s *self) Fields(c *wire.Coder) {
	c.U8((*uint8)(&s.Stage))
	c.String(&s.Server, maxURL)
	s.Handle.Fields(c)
	c.Fixed(s.Identity[:])
	c.Fixed(s.Device[:])
	c.Fixed(s.IDSecret[:])
	c.Fixed(s.RecordKey[:])
	c.Bytes(&s.Certificate, wire.MaxEntry)
	c.BytesList(&s.Chain, wire.MaxChain, wire.MaxEntry)
	c.Bytes(&s.SelfGroup, maxState)
	c.Fixed(s.Incarnation[:])
	c.U64(&s.InboxSeq)
	wire.List(c, &s.Seen, seenKept)
	c.U64(&s.BlobVersion)
	c.U64(&s.BlobTaken)
	c.Bool(&s.BlobDirty)
	c.Bool(&s.MarksOff)
	c.I64(&s.Registered)
	c.U64(&s.Counter)
	c.Fixed(s.Prior[:])
	c.Bytes(&s.PriorCertificate, wire.MaxEntry)
}

func (s *self) identityKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(s.Identity[:]) }
func (s *self) deviceKey() ed25519.PrivateKey   { return ed25519.NewKeyFromSeed(s.Device[:]) }

func (s *self) devicePublic() [32]byte {
	return [32]byte(s.deviceKey().Public().(ed25519.PublicKey))
}

func (s *self) identityPublic() [32]byte {
	return [32]byte(s.identityKey().Public().(ed25519.PublicKey))
}

// account verifies the own chain; it was verified when it was stored.
func (s *self) account() (*keydir.Account, error) {
	return keydir.Verify(s.Handle.Host, s.Chain)
}

// record names what the vault keeps of a person. The name stands unsealed in
// the vault's file, so it is keyed: it tells nobody whom it is about.
func (c *Client) record(kind string, h wire.Handle) string {
	return c.keyed(kind, []byte(h.Host), []byte(h.Name))
}

// keyed names a record of a kind by what would tell something in clear.
func (c *Client) keyed(kind string, parts ...[]byte) string {
	mac := hmac.New(sha256.New, c.self.RecordKey[:])
	mac.Write(wire.ToSign(kind, "", parts...))
	return kind + "/" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// load reads the loop's state from the vault.
func (c *Client) load(ctx context.Context) error {
	known := c.convs
	c.self = nil
	c.convs = map[conversationID]*conversation{}
	c.contacts = map[wire.Handle]*contact{}
	b, err := c.vault.Get(ctx, recordSelf)
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fail(FailVault, err)
	}
	s := new(self)
	if err := wire.Unmarshal(b, s); err != nil {
		return fail(FailVault, err)
	}
	c.self = s
	err = scan(ctx, c.vault, "contact/", func(_ string, b []byte) error {
		p := new(contact)
		if err := wire.Unmarshal(b, p); err != nil {
			return err
		}
		c.contacts[p.Handle] = p
		return nil
	})
	if err != nil {
		return fail(FailVault, err)
	}
	err = scan(ctx, c.vault, "conv/", func(_ string, b []byte) error {
		v := new(conversation)
		if err := wire.Unmarshal(b, v); err != nil {
			return err
		}
		// After a failed commit somebody up the stack may hold the conversation:
		// it is read again in place, so that there are never two of one.
		if was := known[v.ID]; was != nil {
			if was.group != nil {
				was.group.Forget()
			}
			*was, v = *v, was
		}
		c.convs[v.ID] = v
		c.leaversDue(v)
		if v.Status == statusBroken {
			c.brokenAt[v.ID] = c.now() // so that it is begun anew in this run too
		}
		return nil
	})
	if err != nil {
		return fail(FailVault, err)
	}
	return nil
}

// scan calls f for each record under prefix, in the order of keys.
func scan(ctx context.Context, v vault.Vault, prefix string, f func(key string, value []byte) error) error {
	return scanFrom(ctx, v, prefix, "", f)
}

// scanFrom is scan for the keys after one.
func scanFrom(ctx context.Context, v vault.Vault, prefix, after string, f func(key string, value []byte) error) error {
	for {
		records, err := v.Scan(ctx, prefix, after, 256)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := f(r.Key, r.Value); err != nil {
				return err
			}
			after = r.Key
		}
		if len(records) < 256 {
			return nil
		}
	}
}

// get reads one record into v; found is false when there is none.
func get(ctx context.Context, from vault.Vault, key string, v wire.Value) (found bool, err error) {
	b, err := from.Get(ctx, key)
	if errors.Is(err, vault.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fail(FailVault, err)
	}
	if err := wire.Unmarshal(b, v); err != nil {
		return false, fail(FailVault, err)
	}
	return true, nil
}

// optional codes a pointer: a flag and, when it is set, the value.
func optional[T any, P interface {
	*T
	wire.Value
}](c *wire.Coder, v **T) {
	there := *v != nil
	c.Bool(&there)
	if !there {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(T)
	}
	P(*v).Fields(c)
}
