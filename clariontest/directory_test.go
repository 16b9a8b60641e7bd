// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// directoryLie falsifies the directory's answers to one client.
type directoryLie struct {
	chain    func(name string, entries [][]byte) [][]byte
	packages func(name string, packages [][]byte) [][]byte
}

// tap falsifies while lie is set.
func (d *directoryLie) tap() *Tap {
	return &Tap{Down: func(l *Link, ref wire.Ref, body wire.Body) bool {
		switch b := body.(type) {
		case *wire.Chain:
			if asked, ok := l.Asked(ref).(*wire.LookUp); ok && d.chain != nil {
				b.Entries = d.chain(asked.Name, b.Entries)
			}
		case *wire.KeyPackages:
			if asked, ok := l.Asked(ref).(*wire.TakeKeyPackages); ok && d.packages != nil {
				b.KeyPackages = d.packages(asked.Name, b.KeyPackages)
			}
		}
		return true
	}}
}

// forgedChain is a whole chain under a handle, by whoever has no key of it.
func forgedChain(t *testing.T, h wire.Handle, like *keydir.Entry) [][]byte {
	chain, _ := falsePerson(t, h, like, time.Now())
	return chain
}

// falsePerson is forgedChain with a key package that belongs to it: all that a
// server needs to stand in for somebody whom nobody has met yet.
func falsePerson(t *testing.T, h wire.Handle, like *keydir.Entry, now time.Time) (chain, packages [][]byte) {
	t.Helper()
	device, deviceKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, identity, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, recovery, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := *like
	e.Handle, e.Seq, e.Prev, e.Devices = h, 0, [32]byte{}, [][32]byte{[32]byte(device)}
	e.IdentityKey = [32]byte(identity.Public().(ed25519.PublicKey))
	e.RecoveryKey = [32]byte(recovery.Public().(ed25519.PublicKey))
	signed, err := keydir.SignEntry(e, identity, recovery)
	if err != nil {
		t.Fatal(err)
	}
	from, until := now.Add(-time.Hour).Unix(), now.Add(30*day).Unix()
	certificate := keydir.SignCertificate(keydir.Certificate{Handle: h, DeviceKey: [32]byte(device), NotBefore: from, NotAfter: until}, identity)
	kp, _, err := mls.NewKeyPackage(rand.Reader, deviceKey, certificate, uint64(from), uint64(until), false)
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{signed}, [][]byte{kp}
}

// TestDirectoryLies: whatever the directory says of Ada that she did not sign,
// or that does not go on from what was seen before, is refused by name, and
// nothing is left of the attempt.
func TestDirectoryLies(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	eve, _ := s.Register("eve")
	ada.Online()
	k := s.Knock(s.URL, client.MailboxDoor)
	chainOf := func(name string) [][]byte { return k.Must(s, &wire.LookUp{Name: name}).(*wire.Chain).Entries }
	real, evil := chainOf("ada"), chainOf("eve")
	account, err := keydir.Verify(s.Host, real)
	if err != nil {
		t.Fatal(err)
	}
	eves, err := keydir.Verify(s.Host, evil)
	if err != nil {
		t.Fatal(err)
	}
	me, err := eve.WhoAmI(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	if me.Handle == account.Newest.Handle {
		t.Fatal("two people under one handle")
	}
	swap := func(from, to [32]byte) func(string, [][]byte) [][]byte {
		return func(_ string, entries [][]byte) [][]byte {
			last := bytes.ReplaceAll(entries[len(entries)-1], from[:], to[:])
			if bytes.Equal(last, entries[len(entries)-1]) {
				t.Error("nothing was swapped")
			}
			return append(entries[:len(entries)-1:len(entries)-1], last)
		}
	}
	forged := forgedChain(t, account.Newest.Handle, &account.Newest)
	falseChain, falsePackages := falsePerson(t, account.Newest.Handle, &account.Newest, s.Clock.Now())
	evesPackages := k.Must(s, &wire.TakeKeyPackages{Name: "eve"}).(*wire.KeyPackages).KeyPackages
	only := func(lie [][]byte) func(string, [][]byte) [][]byte {
		return func(name string, honest [][]byte) [][]byte {
			if name != "ada" {
				return honest
			}
			return lie
		}
	}
	for name, lie := range map[string]directoryLie{
		"a key package for another identity": {packages: only(evesPackages)},
		"another person's chain":             {chain: only(evil)},
		"a second chain under the handle":    {chain: only(forged)},
		"a whole false person":               {chain: only(falseChain), packages: only(falsePackages)},
		"a swapped identity key":             {chain: swap(account.Newest.IdentityKey, eves.Newest.IdentityKey)},
		"another's inbox key":                {chain: swap(account.Newest.InboxKey, eves.Newest.InboxKey)},
		"another's inbox":                    {chain: swap(account.Newest.Inbox, eves.Newest.Inbox)},
		"an empty chain":                     {chain: only(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			omar, _ := s.RegisterWith("omar-"+strings.ToLower(rand.Text()[:6]), Options{Dialer: (&lie).tap()})
			t.Cleanup(omar.Stop)
			inv, err := ada.Invite(Context(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			_, err = omar.Accept(Context(t), inv.Link)
			FailsWith(t, err, client.FailIdentity)
			if list, err := omar.Conversations(Context(t)); err != nil || len(list) > 0 {
				t.Errorf("left behind: %v (%v)", list, err)
			}
		})
	}
	t.Run("a chain that does not go on", func(t *testing.T) { chainBreaks(t, s, ada, real) })
}

// chainBreaks: Omar has seen Ada's chain and talked with her; later the
// directory shows another one under her name, well formed and well signed.
func chainBreaks(t *testing.T, s *Server, ada *Client, real [][]byte) {
	account, err := keydir.Verify(s.Host, real)
	if err != nil {
		t.Fatal(err)
	}
	forged := forgedChain(t, account.Newest.Handle, &account.Newest)
	lie := &directoryLie{}
	omar, _ := s.RegisterWith("omar", Options{Dialer: lie.tap()})
	conv := Meet(ada, omar)
	exchange(ada, omar, conv, "before the lie")
	omar.Stop()
	lie.chain = func(name string, honest [][]byte) [][]byte {
		if name == "ada" {
			return forged
		}
		return honest
	}
	omar = omar.Reopen().Online()
	_, err = omar.NewGroup(Context(t), "Harbour", []string{"ada"})
	FailsWith(t, err, client.FailIdentity)
	exchange(ada, omar, conv, "the conversation itself is not touched")
	exchange(omar, ada, conv, "by what the directory says")
}
