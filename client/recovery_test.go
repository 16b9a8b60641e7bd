// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// blobWriter is an account's keys and chain, without a server.
type blobWriter struct {
	keys  *recoveryKeys
	chain [][]byte
}

func newBlobWriter(t *testing.T, identities ...byte) *blobWriter {
	t.Helper()
	keys, err := newRecoveryKeys(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &blobWriter{keys: keys}
	var a *keydir.Account
	for n, seed := range identities {
		key := testIdentity(seed)
		e := keydir.Entry{
			Handle: testHandle, Seq: uint64(n), Hour: 1, IdentityKey: [32]byte(key[32:]), RecoveryKey: keys.signPublic(),
			RecoverySealKey: keys.sealPublic(), Devices: [][32]byte{{seed}},
		}
		if a != nil {
			e.Prev = a.Head
		}
		b, err := keydir.SignEntry(e, key, keys.sign)
		if err != nil {
			t.Fatal(err)
		}
		w.chain = append(w.chain, b)
		if a, err = keydir.Verify(testHandle.Host, w.chain); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func testIdentity(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
}

// write signs and seals a blob as the device with the identity seed would.
func (w *blobWriter) write(t *testing.T, seed byte, number uint64, b recoveryBlob) *wire.RecoveryBlob {
	t.Helper()
	key := testIdentity(seed)
	c := &Client{self: &self{Handle: testHandle, Identity: [32]byte(key.Seed()), Chain: w.chain}}
	sealed, err := c.sealBlob(b, number)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.RecoveryBlob{Version: number, Blob: sealed}
}

func (w *blobWriter) seal(t *testing.T, h wire.Handle, plain []byte) []byte {
	t.Helper()
	sealed, err := sealTo(w.keys.sealPublic(), blobPurpose, h, plain)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestRecoveryBlobIsSigned: what is sealed to the recovery key counts only with
// the signature of an identity key of the account, under its number.
func TestRecoveryBlobIsSigned(t *testing.T) {
	w := newBlobWriter(t, 1, 2)
	b := recoveryBlob{Contacts: []contact{{Handle: testHandle, State: "accepted", How: "digits"}}}
	good := w.write(t, 2, 9, b)
	resign := func(by byte, change func(*signedBlob)) *wire.RecoveryBlob {
		s := signedBlob{Number: 9, Content: wire.MustMarshal(&b)}
		s.Signature = wire.Signature(ed25519.Sign(testIdentity(by), s.toSign(testHandle)))
		change(&s)
		return &wire.RecoveryBlob{Version: 9, Blob: w.seal(t, testHandle, wire.MustMarshal(&s))}
	}
	other := wire.Handle{Name: "omar", Host: testHandle.Host}
	foreign := signedBlob{Number: 9, Content: wire.MustMarshal(&b)}
	foreign.Signature = wire.Signature(ed25519.Sign(testIdentity(2), foreign.toSign(other)))
	for _, c := range []struct {
		what  string
		got   *wire.RecoveryBlob
		floor uint64
		code  string // of the problem; empty for none
		taken bool
	}{
		{"the account's own", good, 0, "", true},
		{"built by this test as the account does", resign(2, func(*signedBlob) {}), 9, "", true},
		{"of an identity before the newest", w.write(t, 1, 9, b), 0, FailBlobOlder, true},
		{"below what the server took from this vault", good, 10, FailBlobOlder, true},
		{"sealed by somebody else", resign(3, func(*signedBlob) {}), 0, FailBlobNotSigned, false},
		{"unsigned", &wire.RecoveryBlob{Version: 9, Blob: w.seal(t, testHandle, wire.MustMarshal(&b))}, 0, FailBlobNotSigned, false},
		{"without a signature's bytes", resign(2, func(s *signedBlob) { s.Signature = wire.Signature{} }), 0, FailBlobNotSigned, false},
		{"with other content", resign(2, func(s *signedBlob) { s.Content = wire.MustMarshal(&recoveryBlob{MarksOff: true}) }), 0, FailBlobNotSigned, false},
		{"given under another number", &wire.RecoveryBlob{Version: 10, Blob: good.Blob}, 0, FailBlobNotSigned, false},
		{"with another number written in", resign(2, func(s *signedBlob) { s.Number = 8 }), 0, FailBlobNotSigned, false},
		{"signed for another account of these words", &wire.RecoveryBlob{Version: 9, Blob: w.seal(t, testHandle, wire.MustMarshal(&foreign))}, 0, FailBlobNotSigned, false},
		{"sealed for another account of these words", &wire.RecoveryBlob{Version: 9, Blob: w.seal(t, other, wire.MustMarshal(&foreign))}, 0, FailBlobUnreadable, false},
		{"none", &wire.RecoveryBlob{Version: 9}, 0, FailBlobUnreadable, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			var ch change
			client := &Client{clock: time.Now}
			got := client.takeBlob(&ch, w.keys, testHandle, w.chain, c.got, c.floor)
			if taken := len(got.Contacts) == 1; taken != c.taken {
				t.Errorf("taken is %v", taken)
			}
			code := ""
			if len(ch.events) > 0 {
				code = ch.events[0].(Problem).Code
			}
			if code != c.code || len(ch.events) > 1 {
				t.Errorf("told %q, not %q", code, c.code)
			}
		})
	}
}
