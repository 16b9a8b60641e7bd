// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"testing"

	"clarion.chat/clarion/wire"
)

// key derives a key pair from a label, so that failures repeat.
func key(label string) (ed25519.PrivateKey, [32]byte) {
	seed := sha256.Sum256([]byte(label))
	private := ed25519.NewKeyFromSeed(seed[:])
	return private, [32]byte(private[32:])
}

// owner holds what a person's devices and recovery sheet hold.
type owner struct {
	identity, recovery ed25519.PrivateKey
	entry              Entry
	chain              [][]byte
}

const testHost = "example.org:8443"

// newOwner returns an account with entry 0 and n devices.
func newOwner(t testing.TB, name string, n int) *owner {
	o := &owner{}
	o.identity, o.entry.IdentityKey = key(name + " identity")
	o.recovery, o.entry.RecoveryKey = key(name + " recovery")
	o.entry.RecoverySealKey = sha256.Sum256([]byte(name + " seal"))
	o.entry.Handle = wire.Handle{Name: name, Host: testHost}
	o.entry.Hour = 500_000
	o.entry.Inbox = wire.MailboxID(sha256.Sum256([]byte(name + " inbox")))
	for i := range n {
		o.entry.Devices = append(o.entry.Devices, sha256.Sum256([]byte{byte(i)}))
	}
	slices.SortFunc(o.entry.Devices, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	o.add(t, o.recovery)
	return o
}

// add signs the entry as it stands, appends it and prepares the one after.
func (o *owner) add(t testing.TB, recovery ed25519.PrivateKey) {
	b, err := SignEntry(o.entry, o.identity, recovery)
	if err != nil {
		t.Fatalf("sign entry %d: %v", o.entry.Seq, err)
	}
	o.chain = append(o.chain, b)
	o.entry.Seq++
	o.entry.Prev = sha256.Sum256(b)
	o.entry.Devices = slices.Clone(o.entry.Devices)
}

// newIdentity puts another identity key in the entry to come.
func (o *owner) newIdentity(label string) { o.identity, o.entry.IdentityKey = key(label) }

func (o *owner) verify(t testing.TB) *Account {
	a, err := Verify(testHost, o.chain)
	if err != nil {
		t.Fatalf("a true chain of %d entries is refused: %v", len(o.chain), err)
	}
	return a
}
