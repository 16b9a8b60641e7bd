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
	"errors"

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

// signedBlob is what is sealed. Anybody can seal to the recovery key, which the
// directory shows; that the account wrote it, its identity key says.
type signedBlob struct {
	Number    uint64 // the version that the server keeps it under
	Content   []byte // a recoveryBlob
	Signature wire.Signature
}

// Fields describes the value.
func (b *signedBlob) Fields(c *wire.Coder) {
	c.U64(&b.Number)
	c.Bytes(&b.Content, wire.MaxBlob)
	c.Fixed(b.Signature[:])
}

func (b *signedBlob) toSign(h wire.Handle) []byte {
	return wire.ToSign(blobSignature, h.Host, []byte(h.Name), binary.BigEndian.AppendUint64(nil, b.Number), b.Content)
}

const (
	blobPurpose   = "clarion recovery blob v1"
	blobSignature = "clarion recovery blob signature v1"
)

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

// sealBlob signs the blob under its number and seals it to the recovery key
// that the directory names.
func (c *Client) sealBlob(b recoveryBlob, number uint64) ([]byte, error) {
	a, err := c.self.account()
	if err != nil {
		return nil, err
	}
	content, err := wire.Marshal(&b)
	if err != nil {
		return nil, err
	}
	signed := signedBlob{Number: number, Content: content}
	signed.Signature = wire.Signature(ed25519.Sign(c.self.identityKey(), signed.toSign(c.self.Handle)))
	plain, err := wire.Marshal(&signed)
	if err != nil {
		return nil, err
	}
	return sealTo(a.Newest.RecoverySealKey, blobPurpose, c.self.Handle, plain)
}

// openBlob opens what sealBlob made and verifies that an identity key of the
// account signed it under this number. signers are the identity keys that the
// verified chain names, oldest first; current says that the newest of them
// did. Failures: FailBlobUnreadable, FailBlobNotSigned.
func openBlob(keys *recoveryKeys, h wire.Handle, signers [][]byte, got *wire.RecoveryBlob) (b recoveryBlob, current bool, err error) {
	plain, err := openWith(keys.seal, blobPurpose, h, got.Blob)
	if err != nil {
		return recoveryBlob{}, false, fail(FailBlobUnreadable, err)
	}
	var signed signedBlob
	if err := wire.Unmarshal(plain, &signed); err != nil {
		return recoveryBlob{}, false, fail(FailBlobNotSigned, err)
	}
	if signed.Number != got.Version {
		return recoveryBlob{}, false, fail(FailBlobNotSigned, errors.New("it was signed under another number"))
	}
	toSign, by := signed.toSign(h), -1
	for i, key := range signers {
		if ed25519.Verify(key, toSign, signed.Signature[:]) {
			by = i
		}
	}
	if by < 0 {
		return recoveryBlob{}, false, fail(FailBlobNotSigned, nil)
	}
	if err := wire.Unmarshal(signed.Content, &b); err != nil {
		return recoveryBlob{}, false, fail(FailBlobUnreadable, err)
	}
	return b, string(signers[by]) == string(signers[len(signers)-1]), nil
}

// takeBlob reads the blob that the server gave for a verified chain. One that
// is none of the account's gives nothing and is told: whoever has the words
// comes back all the same. An older one than could be expected is taken and
// told: floor is a number that this vault saw the server take, 0 for none.
func (c *Client) takeBlob(ch *change, keys *recoveryKeys, h wire.Handle, chain [][]byte, got *wire.RecoveryBlob, floor uint64) recoveryBlob {
	b, current, err := openBlob(keys, h, identities(h.Host, chain), got)
	switch {
	case err != nil:
		ch.tell(c.problem("", 0, AsFailure(err)))
		return recoveryBlob{}
	case !current || got.Version < floor:
		ch.tell(c.problem("", 0, fail(FailBlobOlder, nil)))
	}
	return b
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
	err := c.putBlob(ctx, s, c.self.BlobVersion)
	if refusedWith(err, wire.CodeBlobOutdated) { // a copy of this vault was here: go on above its number
		held, asked := ask[*wire.RecoveryBlob](ctx, s, &wire.GetRecoveryBlob{})
		if asked != nil {
			return asked
		}
		err = c.putBlob(ctx, s, held.Version)
	}
	if err != nil {
		return err
	}
	var ch change
	c.self.BlobDirty, c.self.BlobTaken = false, c.self.BlobVersion
	ch.put(recordSelf, c.self)
	return c.commit(ctx, &ch)
}

// putBlob sends the blob under a fresh number above one.
func (c *Client) putBlob(ctx context.Context, s *session, above uint64) error {
	number, err := c.nextBlobVersion(ctx, above)
	if err != nil {
		return err
	}
	sealed, err := c.sealBlob(c.makeBlob(), number)
	if err != nil {
		return err
	}
	_, err = ask[*wire.Done](ctx, s, &wire.PutRecoveryBlob{Version: number, Blob: sealed})
	return err
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
