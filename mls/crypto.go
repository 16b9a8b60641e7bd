// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/subtle"
	"io"
)

// The one cipher suite (RFC 9420 §17.1) and its sizes in bytes.
const (
	protocolVersion = 1
	cipherSuite     = 1

	secretSize = sha256.Size // KDF.Nh
	keySize    = 16          // AEAD.Nk
	nonceSize  = 12          // AEAD.Nn
	tagSize    = 16
	hpkeKey    = 32
	kemSize    = 32
)

const labelPrefix = "MLS 1.0 "

// secret is a KDF.Nh sized secret; an array, so that it can be zeroed.
type secret [secretSize]byte

func toSecret(b []byte) (s secret) {
	copy(s[:], b)
	return s
}

func hash(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

// refHash is RefHash of RFC 9420 §5.2.
func refHash(label string, value []byte) []byte {
	var w writer
	w.opaque([]byte(label))
	w.opaque(value)
	return hash(w.b)
}

func extract(salt, ikm []byte) secret {
	out, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		// Only a FIPS policy can refuse here, and then nothing else would work.
		panic("mls: HKDF refused: " + err.Error())
	}
	return toSecret(out)
}

// expandWithLabel is ExpandWithLabel of RFC 9420 §8.
func expandWithLabel(s []byte, label string, context []byte, n int) []byte {
	var w writer
	w.u16(uint16(n))
	w.opaque([]byte(labelPrefix + label))
	w.opaque(context)
	out, err := hkdf.Expand(sha256.New, s, string(w.b), n)
	if err != nil {
		panic("mls: HKDF refused: " + err.Error())
	}
	return out
}

func deriveSecret(s []byte, label string) secret {
	return toSecret(expandWithLabel(s, label, nil, secretSize))
}

// deriveTreeSecret is DeriveTreeSecret of RFC 9420 §9.
func deriveTreeSecret(s []byte, label string, generation uint32, n int) []byte {
	var w writer
	w.u32(generation)
	return expandWithLabel(s, label, w.b, n)
}

func mac(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(content)
	return h.Sum(nil)
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

func signContent(label string, content []byte) []byte {
	var w writer
	w.opaque([]byte(labelPrefix + label))
	w.opaque(content)
	return w.b
}

// signWithLabel is SignWithLabel of RFC 9420 §5.1.2.
func signWithLabel(key ed25519.PrivateKey, label string, content []byte) []byte {
	return ed25519.Sign(key, signContent(label, content))
}

func verifyWithLabel(key ed25519.PublicKey, label string, content, signature []byte) error {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signContent(label, content), signature) {
		return ErrSignature
	}
	return nil
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("mls: AES key of a wrong size")
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic("mls: AES-GCM refused: " + err.Error())
	}
	return a
}

func aeadSeal(key, nonce, aad, plaintext []byte) []byte {
	return newAEAD(key).Seal(nil, nonce, plaintext, aad)
}

func aeadOpen(key, nonce, aad, ciphertext []byte) ([]byte, error) {
	out, err := newAEAD(key).Open(nil, nonce, ciphertext, aad)
	if err != nil {
		return nil, ErrDecrypt
	}
	return out, nil
}

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

// hpkePrivate is a serialized X25519 private key.
type hpkePrivate [hpkeKey]byte

// deriveKeyPair is DeriveKeyPair of the suite's KEM (RFC 9180 §7.1.3).
func deriveKeyPair(ikm []byte) (hpkePrivate, []byte, error) {
	var priv hpkePrivate
	k, err := kem().DeriveKeyPair(ikm)
	if err != nil {
		return priv, nil, err
	}
	b, err := k.Bytes()
	if err != nil {
		return priv, nil, err
	}
	copy(priv[:], b)
	clear(b)
	return priv, k.PublicKey().Bytes(), nil
}

func newKeyPair(rand io.Reader) (hpkePrivate, []byte, error) {
	var ikm secret
	if _, err := io.ReadFull(rand, ikm[:]); err != nil {
		return hpkePrivate{}, nil, err
	}
	defer clear(ikm[:])
	return deriveKeyPair(ikm[:])
}

func (k *hpkePrivate) public() ([]byte, error) {
	p, err := kem().NewPrivateKey(k[:])
	if err != nil {
		return nil, ErrKeyMismatch
	}
	return p.PublicKey().Bytes(), nil
}

// hpkeCiphertext is HPKECiphertext of RFC 9420 §7.6.
type hpkeCiphertext struct{ kemOutput, ciphertext []byte }

func (c *hpkeCiphertext) encode(w *writer) {
	w.opaque(c.kemOutput)
	w.opaque(c.ciphertext)
}

func decodeHPKECiphertext(r *reader) hpkeCiphertext {
	return hpkeCiphertext{kemOutput: r.opaque(maxSmall), ciphertext: r.opaque(maxSmall)}
}

// encryptWithLabel is EncryptWithLabel of RFC 9420 §5.1.3. The ephemeral key
// comes from the standard library's own source of randomness.
func encryptWithLabel(public []byte, label string, context, plaintext []byte) (hpkeCiphertext, error) {
	pk, err := kem().NewPublicKey(public)
	if err != nil {
		return hpkeCiphertext{}, ErrInvalidLeaf
	}
	out, err := hpke.Seal(pk, hpke.HKDFSHA256(), hpke.AES128GCM(), signContent(label, context), plaintext)
	if err != nil {
		return hpkeCiphertext{}, err
	}
	return hpkeCiphertext{kemOutput: out[:kemSize], ciphertext: out[kemSize:]}, nil
}

// decryptWithLabel is DecryptWithLabel of RFC 9420 §5.1.3.
func decryptWithLabel(priv *hpkePrivate, label string, context []byte, c hpkeCiphertext) ([]byte, error) {
	if len(c.kemOutput) != kemSize {
		return nil, ErrDecrypt
	}
	k, err := kem().NewPrivateKey(priv[:])
	if err != nil {
		return nil, ErrKeyMismatch
	}
	sealed := append(append([]byte{}, c.kemOutput...), c.ciphertext...)
	out, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES128GCM(), signContent(label, context), sealed)
	if err != nil {
		return nil, ErrDecrypt
	}
	return out, nil
}
