// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"

	"clarion.chat/clarion/wire"
)

// recoveryKeys are what the 24 words stand for. They exist on the sheet, and
// in memory while an account is made or brought back.
type recoveryKeys struct {
	words []string
	sign  ed25519.PrivateKey
	seal  *ecdh.PrivateKey // opens the recovery blob
}

// newRecoveryKeys turns 32 bytes of entropy into words and keys (BIP 39 words;
// HKDF-SHA-256 with one label per key).
func newRecoveryKeys(entropy []byte) (*recoveryKeys, error) {
	if len(entropy) != 32 {
		return nil, fail(FailWords, nil)
	}
	signSeed, err := hkdf.Key(sha256.New, entropy, nil, "clarion recovery signature v1", 32)
	if err != nil {
		return nil, err
	}
	sealSeed, err := hkdf.Key(sha256.New, entropy, nil, "clarion recovery seal v1", 32)
	if err != nil {
		return nil, err
	}
	seal, err := ecdh.X25519().NewPrivateKey(sealSeed)
	if err != nil {
		return nil, err
	}
	return &recoveryKeys{words: wordsOf([32]byte(entropy)), sign: ed25519.NewKeyFromSeed(signSeed), seal: seal}, nil
}

// recoveryFromWords reads the sheet; the checksum in the last word is checked.
func recoveryFromWords(words []string) (keys *recoveryKeys, entropy []byte, err error) {
	e, ok := entropyOf(words)
	if !ok {
		return nil, nil, fail(FailWords, nil)
	}
	entropy = e[:]
	keys, err = newRecoveryKeys(entropy)
	return keys, entropy, err
}

func (k *recoveryKeys) signPublic() [32]byte { return [32]byte(k.sign.Public().(ed25519.PublicKey)) }
func (k *recoveryKeys) sealPublic() [32]byte { return [32]byte(k.seal.PublicKey().Bytes()) }

// blobContact and blobConversation are what a restored device starts from.
type blobConversation struct {
	ID      conversationID
	Direct  bool
	Name    string
	Members []wire.Handle
}

// Fields describes the value.
func (b *blobConversation) Fields(c *wire.Coder) {
	b.ID.Fields(c)
	c.Bool(&b.Direct)
	c.String(&b.Name, maxNameBytes)
	wire.List(c, &b.Members, maxMembers)
}

// recoveryBlob is the content of the blob before it is sealed and padded.
type recoveryBlob struct {
	Version       uint8
	MarksOff      bool
	Contacts      []contact
	Conversations []blobConversation
}

// Fields describes the value.
func (b *recoveryBlob) Fields(c *wire.Coder) {
	b.Version = 1
	c.U8(&b.Version)
	if b.Version != 1 {
		c.Fail(wire.ErrMalformed)
	}
	c.Bool(&b.MarksOff)
	wire.List(c, &b.Contacts, maxList)
	wire.List(c, &b.Conversations, maxList)
}

const blobPurpose = "clarion recovery blob v1"

// makeBlob gathers what a restored device needs. Its size is bounded by the
// server's limit; the oldest conversations would fall out first.
func (c *Client) makeBlob() recoveryBlob {
	b := recoveryBlob{MarksOff: c.self.MarksOff}
	for _, p := range c.contacts {
		b.Contacts = append(b.Contacts, *p)
	}
	for _, v := range c.convs {
		if v.Status.over() || v.Leaving {
			continue
		}
		b.Conversations = append(b.Conversations, blobConversation{ID: v.ID, Direct: v.Direct, Name: v.Name, Members: v.handles()})
	}
	return b
}

// sealBlob seals the blob to the recovery key that the directory names.
func (c *Client) sealBlob(b recoveryBlob) ([]byte, error) {
	a, err := c.self.account()
	if err != nil {
		return nil, err
	}
	plain, err := wire.Marshal(&b)
	if err != nil {
		return nil, err
	}
	return sealTo(a.Newest.RecoverySealKey, blobPurpose, c.self.Handle, plain)
}

// openBlob opens what sealBlob made.
func openBlob(keys *recoveryKeys, h wire.Handle, sealed []byte) (recoveryBlob, error) {
	var b recoveryBlob
	plain, err := openWith(keys.seal, blobPurpose, h, sealed)
	if err != nil {
		return b, err
	}
	return b, wire.Unmarshal(plain, &b)
}

// sealTo is HPKE base mode (RFC 9180: X25519, HKDF-SHA-256, AES-128-GCM) to a
// key of the person h, for one purpose. The result is a size class long.
func sealTo(key [32]byte, purpose string, h wire.Handle, plain []byte) ([]byte, error) {
	const overhead = 32 + 16 + 4 // encapsulated key, tag, length
	padded := make([]byte, wire.SizeClass(len(plain)+overhead)-32-16)
	c := paddedText{plain}
	copy(padded, wire.MustMarshal(&c))
	pub, err := ecdh.X25519().NewPublicKey(key[:])
	if err != nil {
		return nil, err
	}
	to, err := hpke.NewDHKEMPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES128GCM(), wire.ToSign(purpose, h.Host, []byte(h.Name)), padded)
}

// openWith opens what sealTo made.
func openWith(key *ecdh.PrivateKey, purpose string, h wire.Handle, sealed []byte) ([]byte, error) {
	priv, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, err
	}
	padded, err := hpke.Open(priv, hpke.HKDFSHA256(), hpke.AES128GCM(), wire.ToSign(purpose, h.Host, []byte(h.Name)), sealed)
	if err != nil {
		return nil, err
	}
	return unpad(padded)
}

// paddedText is a length and its bytes, before the zeros that fill the class.
type paddedText struct{ b []byte }

// Fields describes the value.
func (p *paddedText) Fields(c *wire.Coder) { c.Bytes(&p.b, maxState) }

// unpad reads the length at the front and checks that the rest is zero.
func unpad(padded []byte) ([]byte, error) {
	if len(padded) < 4 {
		return nil, wire.ErrMalformed
	}
	n := uint64(padded[0])<<24 | uint64(padded[1])<<16 | uint64(padded[2])<<8 | uint64(padded[3])
	if n > uint64(len(padded)-4) {
		return nil, wire.ErrMalformed
	}
	for _, b := range padded[4+n:] {
		if b != 0 {
			return nil, wire.ErrMalformed
		}
	}
	return padded[4 : 4+n], nil
}

// uploadBlob sends the recovery blob when it is behind.
func (c *Client) uploadBlob(ctx context.Context, s *session) error {
	if !c.self.BlobDirty {
		return nil
	}
	sealed, err := c.sealBlob(c.makeBlob())
	if err != nil {
		return err
	}
	put := &wire.PutRecoveryBlob{Blob: sealed}
	if put.Version, err = c.nextBlobVersion(ctx, c.self.BlobVersion); err != nil {
		return err
	}
	_, err = ask[*wire.Done](ctx, s, put)
	if refusedWith(err, wire.CodeBlobOutdated) { // a copy of this vault was here: go on above its number
		held, asked := ask[*wire.RecoveryBlob](ctx, s, &wire.GetRecoveryBlob{})
		if asked != nil {
			return asked
		}
		if put.Version, err = c.nextBlobVersion(ctx, held.Version); err != nil {
			return err
		}
		_, err = ask[*wire.Done](ctx, s, put)
	}
	if err != nil {
		return err
	}
	var ch change
	c.self.BlobDirty = false
	ch.put(recordSelf, c.self)
	return c.commit(ctx, &ch)
}

// nextBlobVersion counts up on disk first, so that no two blobs share a number.
// It goes up by chance: stored beside the name, a count of uploads would tell
// how often this person's conversations changed, and so which ones they are.
func (c *Client) nextBlobVersion(ctx context.Context, above uint64) (uint64, error) {
	var step [4]byte
	if err := c.random(step[:]); err != nil {
		return 0, err
	}
	var ch change
	c.self.BlobVersion = max(c.self.BlobVersion, above) + 1 + uint64(binary.BigEndian.Uint32(step[:]))
	ch.put(recordSelf, c.self)
	return c.self.BlobVersion, c.commit(ctx, &ch)
}
