// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// forgeBlob seals a blob of nobody's to the recovery key that the directory
// shows to all: marks off, no contact, no conversation, then a signature's
// place left empty.
func forgeBlob(t *testing.T, k *Knock, s *Server, name string, number uint64) []byte {
	t.Helper()
	a, err := keydir.Verify(s.Host, k.Must(s, &wire.LookUp{Name: name}).(*wire.Chain).Entries)
	if err != nil {
		t.Fatal(err)
	}
	content := append([]byte{1, 1}, make([]byte, 8)...)
	signed := binary.BigEndian.AppendUint64(nil, number)
	signed = binary.BigEndian.AppendUint32(signed, uint32(len(content)))
	signed = append(append(signed, content...), make([]byte, 64)...)
	padded := make([]byte, wire.SizeClass(len(signed)+52)-48)
	binary.BigEndian.PutUint32(padded, uint32(len(signed)))
	copy(padded[4:], signed)
	pub, err := ecdh.X25519().NewPublicKey(a.Newest.RecoverySealKey[:])
	if err != nil {
		t.Fatal(err)
	}
	to, err := hpke.NewDHKEMPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES128GCM(), wire.ToSign("clarion recovery blob v1", s.Host, []byte(name)), padded)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestRecoveryBlobForged: a server that gives a blob of its own making, or one
// from before the account last came back, is told of; the account comes back.
func TestRecoveryBlobForged(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	var first *wire.RecoveryBlob // as the server got it
	watch := &Tap{Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
		if p, is := body.(*wire.PutRecoveryBlob); is && first == nil {
			first = &wire.RecoveryBlob{Version: p.Version, Blob: p.Blob}
		}
		return true
	}}
	omar, words := s.RegisterWith("omar", Options{Dialer: watch})
	Meet(ada, omar)
	omar.Stop()
	if first == nil {
		t.Fatal("no blob was sent")
	}
	k := s.Knock(s.URL, client.MailboxDoor)
	lie := func(change func(*wire.RecoveryBlob)) *Client {
		t.Helper()
		lied := false // the first answer alone, so that the device can go on above the number that is held
		c := s.Open("omar", Options{Dialer: &Tap{Down: func(_ *Link, _ wire.Ref, body wire.Body) bool {
			if b, is := body.(*wire.RecoveryBlob); is && !lied {
				lied = true
				change(b)
			}
			return true
		}}})
		if err := c.Restore(Context(t), client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
			t.Fatalf("the account did not come back: %v", err)
		}
		return c
	}

	forged := lie(func(b *wire.RecoveryBlob) { b.Blob = forgeBlob(t, k, s, "omar", b.Version) })
	forged.AwaitProblem(client.FailBlobNotSigned)
	if people, err := forged.Contacts(Context(t)); err != nil || len(people) != 0 {
		t.Errorf("contacts are %+v (%v)", people, err)
	}
	Meet(ada, forged) // and it goes on
	forged.Stop()

	older := lie(func(b *wire.RecoveryBlob) { *b = *first })
	older.AwaitProblem(client.FailBlobOlder)
	older.Stop()

	honest := lie(func(*wire.RecoveryBlob) {})
	people, err := honest.Contacts(Context(t))
	if err != nil || len(people) == 0 {
		t.Errorf("contacts are %+v (%v)", people, err)
	}
	honest.Stop()
	for _, e := range honest.Log {
		if p, is := e.(client.Problem); is {
			t.Errorf("an honest blob led to %s", p.Code)
		}
	}
}
