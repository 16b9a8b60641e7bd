// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

func TestRegisterLookUpIntroduce(t *testing.T) {
	r := start(t, nil)
	ada, account := r.registered("ada")
	m := r.dial("mailbox")
	chain := ok[*wire.Chain](m, &wire.LookUp{Name: "ada"})
	if !slices.EqualFunc(chain.Entries, ada.chain, bytes.Equal) {
		t.Fatal("another chain than was registered")
	}
	m.refused(wire.CodeNoAccount, &wire.LookUp{Name: "omar"})
	m.refused(wire.CodeNameInvalid, &wire.LookUp{Name: "Omar"})

	// Each key package is given once, the last resort again and again.
	var given []string
	for range 4 {
		k := ok[*wire.KeyPackages](m, &wire.TakeKeyPackages{Name: "ada"})
		for _, p := range k.KeyPackages {
			given = append(given, string(p))
		}
	}
	slices.Sort(given)
	if !slices.Equal(given, []string{"last", "last", "one", "two"}) {
		t.Fatalf("given: %q", given)
	}
	count := ok[*wire.KeyPackageCount](account, &wire.PutKeyPackages{KeyPackages: [][]byte{[]byte("three")}})
	if count.Left != 1 || !count.LastResort {
		t.Fatalf("%+v", count)
	}

	inbox := ada.entry.Inbox
	intro := &wire.Introduce{Inbox: inbox, ID: fill[wire.EnvelopeID](), Body: body("hello")}
	if a := ok[*wire.Appended](m, intro); a.Seq != 1 {
		t.Fatalf("seq %d", a.Seq)
	}
	if a := ok[*wire.Appended](m, intro); a.Seq != 1 {
		t.Fatalf("the repeat got seq %d", a.Seq)
	}
	other := *intro
	other.Body = body("other")
	m.refused(wire.CodeIDReused, &other)
	m.refused(wire.CodeWrongPass, &wire.Read{Mailbox: inbox, Limit: 1})
	e := ok[*wire.Envelopes](m, &wire.Read{Mailbox: inbox, Pass: ada.inboxPass, Limit: 10})
	if len(e.Envelopes) != 1 || e.Envelopes[0].EnvelopeKind != wire.KindIntroduction || text(e.Envelopes[0].Body) != "hello" {
		t.Fatalf("%+v", e)
	}
	// An inbox takes introductions only, and a mailbox none.
	m.refused(wire.CodeWrongPass, &wire.Append{Mailbox: inbox, Pass: ada.inboxPass, EnvelopeKind: wire.KindMessage, Body: body("x")})
	m.refused(wire.CodeMailboxExists, &wire.CreateMailbox{Mailbox: inbox, Pass: ada.inboxPass.Hash(), Keep: 30})
	v, _ := r.conversation()
	m.refused(wire.CodeNoMailbox, &wire.Introduce{Inbox: v.id, ID: fill[wire.EnvelopeID](), Body: body("x")})
}

func TestInvites(t *testing.T) {
	r := start(t, nil)
	ada, _ := r.registered("ada")
	m := r.dial("mailbox")
	inbox := ada.entry.Inbox
	lay := func(days uint8) [32]byte {
		token := fill[[32]byte]()
		ok[*wire.Done](m, &wire.PutInvite{Inbox: inbox, Pass: ada.inboxPass, TokenHash: sha256.Sum256(token[:]), Days: days})
		return token
	}
	use := func(token [32]byte) *wire.Introduce {
		return &wire.Introduce{Inbox: inbox, ID: fill[wire.EnvelopeID](), Invite: token, Body: body("by your link")}
	}
	m.refused(wire.CodeWrongPass, &wire.PutInvite{Inbox: inbox, TokenHash: [32]byte{1}, Days: 1})
	m.refused(wire.CodeKeepRange, &wire.PutInvite{Inbox: inbox, Pass: ada.inboxPass, TokenHash: [32]byte{1}, Days: 31})
	m.refused(wire.CodeNoMailbox, &wire.PutInvite{Inbox: wire.MailboxID{1}, Pass: ada.inboxPass, Days: 1})

	first, late := lay(7), lay(1)
	intro := use(first)
	ok[*wire.Appended](m, intro)
	ok[*wire.Appended](m, intro) // a repeat spends nothing
	m.refused(wire.CodeInviteUsed, use(first))
	m.refused(wire.CodeInviteInvalid, use(fill[[32]byte]()))
	r.clock.forward(26 * time.Hour)
	m.refused(wire.CodeInviteExpired, use(late))
	// The purge leaves the row, so that the answer stays the right one.
	if err := r.srv.Purge(); err != nil {
		t.Fatal(err)
	}
	m.refused(wire.CodeInviteExpired, use(late))
	e := ok[*wire.Envelopes](m, &wire.Read{Mailbox: inbox, Pass: ada.inboxPass, Limit: 10})
	if len(e.Envelopes) != 1 {
		t.Fatalf("%d introductions, want 1: a refused one must not be stored", len(e.Envelopes))
	}
}

func TestRegisterRefusals(t *testing.T) {
	r := start(t, nil)
	ada, c := r.registered("ada")
	again := r.dial("account")
	m := ada.registration(again)
	ok[*wire.Done](again, m) // the same account once more: a retry

	thief := newPerson("ada", r.clock.now())
	c.refused(wire.CodeNameTaken, thief.registration(c))

	omar := newPerson("omar", r.clock.now())
	spoil := func(code wire.Code, change func(*wire.Register)) {
		t.Helper()
		m := omar.registration(c)
		change(m)
		c.refused(code, m)
	}
	spoil(wire.CodeBadSignature, func(m *wire.Register) { m.Authorisation[3] ^= 1 })
	spoil(wire.CodeBadSignature, func(m *wire.Register) { // another connection's challenge
		m.Authorisation = wire.Signature(ed25519.Sign(omar.device, m.SignedBytes(testHost, [32]byte{})))
	})
	spoil(wire.CodeBadEntry, func(m *wire.Register) { m.Chain = nil })
	spoil(wire.CodeBadEntry, func(m *wire.Register) {
		m.Chain = [][]byte{slices.Clone(m.Chain[0])}
		m.Chain[0][40] ^= 1
	})
	// Behind the length of four bytes stands the version.
	spoil(wire.CodeUnknownVersion, func(m *wire.Register) {
		m.Chain = [][]byte{slices.Clone(m.Chain[0])}
		m.Chain[0][4] = 2
	})
	spoil(wire.CodeUnknownVersion, func(m *wire.Register) { m.Certificate[4] = 2 })
	spoil(wire.CodeBadCertificate, func(m *wire.Register) { m.Certificate = thief.certificate() })
	spoil(wire.CodeBadCertificate, func(m *wire.Register) { m.Certificate[50] ^= 1 })
	spoil(wire.CodeMalformed, func(m *wire.Register) { m.InboxPass = wire.PassHash{} })
	spoil(wire.CodeMalformed, func(m *wire.Register) { m.KeyPackages = [][]byte{{}} })
	spoil(wire.CodeNotPadded, func(m *wire.Register) { m.RecoveryBlob = make([]byte, 513) })
	elsewhere := newPerson("omar", r.clock.now())
	elsewhere.entry.Handle.Host = "other.test"
	elsewhere.chain = [][]byte{elsewhere.sign(elsewhere.entry, elsewhere.recovery)}
	c.refused(wire.CodeBadEntry, elsewhere.registration(c))
	taken := newPerson("omar", r.clock.now())
	taken.entry.Inbox = ada.entry.Inbox
	taken.chain = [][]byte{taken.sign(taken.entry, taken.recovery)}
	c.refused(wire.CodeMailboxExists, taken.registration(c))

	// Nothing of all that was stored.
	ok[*wire.Done](c, omar.registration(c))
}

func TestClockSkew(t *testing.T) {
	r := start(t, nil)
	c := r.dial("account")
	now := r.clock.now()
	at := func(d time.Duration) *wire.Register { return newPerson("eve", now.Add(d)).registration(c) }
	c.refused(wire.CodeClockSkew, at(25*time.Hour))
	c.refused(wire.CodeClockSkew, at(80*24*time.Hour))
	c.refused(wire.CodeBadCertificate, at(-90*24*time.Hour))
	future := newPerson("eve", now.Add(120*24*time.Hour))
	future.entry.Hour = now.Unix() / 3600
	future.chain = [][]byte{future.sign(future.entry, future.recovery)}
	c.refused(wire.CodeBadCertificate, future.registration(c))
	ok[*wire.Done](c, at(6*time.Hour))
}

func TestSignIn(t *testing.T) {
	r := start(t, nil)
	ada, _ := r.registered("ada")
	c := r.dial("account")
	for _, m := range []wire.Body{&wire.CountKeyPackages{}, &wire.PutKeyPackages{}, &wire.PutRecoveryBlob{Blob: make([]byte, 512)},
		&wire.GetRecoveryBlob{}, &wire.GetHoldings{}, &wire.DeleteEverything{}, &wire.PutEntry{}} {
		c.refused(wire.CodeNotSignedIn, m)
	}
	c.refused(wire.CodeNoAccount, newPerson("omar", r.clock.now()).signIn(c))
	bad := ada.signIn(c)
	bad.Authorisation[0] ^= 1
	c.refused(wire.CodeBadSignature, bad)
	c.refused(wire.CodeBadSignature, ada.signIn(r.dial("account")))
	forged := *ada
	forged.identity = key()
	c.refused(wire.CodeBadCertificate, forged.signIn(c))
	unnamed := *ada
	unnamed.device = key()
	c.refused(wire.CodeBadCertificate, unnamed.signIn(c))
	c.refused(wire.CodeNotSignedIn, &wire.CountKeyPackages{})
	ok[*wire.Done](c, ada.signIn(c))
	if n := ok[*wire.KeyPackageCount](c, &wire.CountKeyPackages{}); n.Left != 2 {
		t.Fatalf("%+v", n)
	}
	// A blob of no higher version changes nothing; a retry is harmless.
	ok[*wire.Done](c, &wire.PutRecoveryBlob{Version: 5, Blob: body("five")})
	ok[*wire.Done](c, &wire.PutRecoveryBlob{Version: 5, Blob: body("five")})
	c.refused(wire.CodeBlobOutdated, &wire.PutRecoveryBlob{Version: 5, Blob: body("other")})
	c.refused(wire.CodeBlobOutdated, &wire.PutRecoveryBlob{Version: 4, Blob: body("five")})
	if b := ok[*wire.RecoveryBlob](c, &wire.GetRecoveryBlob{}); b.Version != 5 || text(b.Blob) != "five" {
		t.Fatalf("%+v", b)
	}
	c.refused(wire.CodeNotPadded, &wire.PutRecoveryBlob{Version: 6, Blob: make([]byte, 700)})
}

func TestPutEntry(t *testing.T) {
	r := start(t, nil)
	ada, c := r.registered("ada")
	m := r.dial("mailbox")
	ok[*wire.Appended](m, &wire.Introduce{Inbox: ada.entry.Inbox, ID: fill[wire.EnvelopeID](), Body: body("x")})

	// A new device and a new inbox; the old inbox goes with what is in it.
	old, oldDevice := ada.entry.Inbox, ada.device
	oldPass := ada.inboxPass
	ok[*wire.Done](m, &wire.Subscribe{Mailbox: old, Pass: oldPass, After: 1})
	ada.device, ada.inboxPass = key(), fill[wire.Pass]()
	put := &wire.PutEntry{
		Entry: ada.follow(nil, func(e *keydir.Entry) {
			e.Inbox, e.Devices = fill[wire.MailboxID](), [][32]byte{public(ada.device)}
		}),
		Certificate: ada.certificate(), InboxPass: ada.inboxPass.Hash(),
		KeyPackages: [][]byte{[]byte("new")}, LastResort: []byte("newest"),
	}
	forked := *put
	forked.Entry = slices.Clone(put.Entry)
	forked.Entry[60] ^= 1
	c.refused(wire.CodeBadEntry, &forked)
	ok[*wire.Done](c, put)
	ok[*wire.Done](c, put) // a retry
	if end := event[*wire.SubscriptionEnded](m); end.Reason != wire.CodeNoMailbox || end.Mailbox != old {
		t.Fatalf("%+v", end)
	}
	m.refused(wire.CodeNoMailbox, &wire.Read{Mailbox: old, Pass: oldPass, Limit: 1})
	ok[*wire.Envelopes](m, &wire.Read{Mailbox: ada.entry.Inbox, Pass: ada.inboxPass, Limit: 1})
	k := ok[*wire.KeyPackages](m, &wire.TakeKeyPackages{Name: "ada"})
	if len(k.KeyPackages) != 1 || string(k.KeyPackages[0]) != "new" {
		t.Fatalf("%q: the removed device's key packages must be gone", k.KeyPackages)
	}
	removed := *ada
	removed.device = oldDevice
	again := r.dial("account")
	again.refused(wire.CodeBadCertificate, removed.signIn(again))

	// An entry that does not follow any more.
	c.refused(wire.CodeBadEntry, &wire.PutEntry{Entry: ada.chain[0], Certificate: ada.certificate()})
	// A new identity key needs the recovery key.
	ada.identity = key()
	stolen := ada.entry
	stolen.Seq, stolen.Prev, stolen.IdentityKey = 2, sha256.Sum256(ada.chain[1]), public(ada.identity)
	c.refused(wire.CodeBadEntry, &wire.PutEntry{Entry: ada.sign(stolen, nil), Certificate: ada.certificate()})
}

// TestRecover is the way back after the loss of all devices: the recovery key
// alone puts an entry with a new identity key and a new device.
func TestRecover(t *testing.T) {
	r := start(t, nil)
	ada, old := r.registered("ada")
	c := r.dial("account")
	bad := ada.recover(c)
	bad.Authorisation = wire.Signature(ed25519.Sign(ada.device, bad.SignedBytes(testHost, c.hello.Challenge)))
	c.refused(wire.CodeBadSignature, bad)
	ok[*wire.Done](c, ada.recover(c))
	for _, m := range []wire.Body{&wire.GetHoldings{}, &wire.PutKeyPackages{}, &wire.DeleteEverything{}, &wire.CountKeyPackages{},
		&wire.PutRecoveryBlob{Blob: make([]byte, 512)}} {
		c.refused(wire.CodeNotSignedIn, m)
	}
	ok[*wire.RecoveryBlob](c, &wire.GetRecoveryBlob{})
	ada.identity, ada.device = key(), key()
	ok[*wire.Done](c, &wire.PutEntry{
		Entry: ada.follow(ada.recovery, func(e *keydir.Entry) {
			e.IdentityKey, e.Devices = public(ada.identity), [][32]byte{public(ada.device)}
		}),
		Certificate: ada.certificate(), KeyPackages: [][]byte{[]byte("back")},
	})
	if n := ok[*wire.KeyPackageCount](c, &wire.CountKeyPackages{}); n.Left != 1 || n.LastResort {
		t.Fatalf("%+v: those under the old identity key must be gone", n)
	}
	old.refused(wire.CodeNotSignedIn, &wire.CountKeyPackages{})
}

func TestHoldingsAndDeletion(t *testing.T) {
	r := start(t, func(c *Config) {
		c.Tenses = func() ([]string, []string) { return []string{"could"}, []string{"cannot"} }
		c.Beyond = func() []string { return []string{"copies on other people's devices"} }
	})
	ada, c := r.registered("ada")
	r.registered("omar")
	m := r.dial("mailbox")
	ok[*wire.Appended](m, &wire.Introduce{Inbox: ada.entry.Inbox, ID: fill[wire.EnvelopeID](), Body: body("x")})
	ok[*wire.Done](m, &wire.PutInvite{Inbox: ada.entry.Inbox, Pass: ada.inboxPass, TokenHash: [32]byte{9}, Days: 1})
	h := ok[*wire.Holdings](c, &wire.GetHoldings{})
	want := map[string]uint64{"account": 1, "device": 1, "directory_entry": 1, "key_package": 3, "recovery_blob": 1,
		"mailbox": 1, "mailbox_epoch": 1, "envelope": 1, "inbox_invite": 1}
	for _, row := range h.Tables {
		if row.Rows != want[row.Table] {
			t.Errorf("%s: %d rows, want %d", row.Table, row.Rows, want[row.Table])
		}
		delete(want, row.Table)
	}
	if len(want) != 0 {
		t.Errorf("not told: %v", want)
	}
	if h.Account != "ada@"+testHost || !slices.Equal(h.Could, []string{"could"}) || !slices.Equal(h.Cannot, []string{"cannot"}) {
		t.Errorf("%+v", h)
	}
	if !ed25519.Verify(c.hello.ServerKey[:], h.SignedBytes(testHost), h.Signature[:]) {
		t.Error("the answer's signature does not verify")
	}

	del := &wire.DeleteEverything{}
	c.refused(wire.CodeBadSignature, del)
	signed := wire.ToSign(wire.PurposeDelete, testHost, c.hello.Challenge[:], []byte("ada"))
	del.Authorisation = wire.Signature(ed25519.Sign(ada.device, signed))
	d := ok[*wire.Deleted](c, del)
	if !slices.Equal(d.Tables, h.Tables) || len(d.Beyond) != 1 {
		t.Errorf("%+v", d)
	}
	c.refused(wire.CodeNotSignedIn, &wire.GetHoldings{})
	m.refused(wire.CodeNoAccount, &wire.LookUp{Name: "ada"})
	m.refused(wire.CodeNoMailbox, &wire.Read{Mailbox: ada.entry.Inbox, Pass: ada.inboxPass, Limit: 1})
	c.refused(wire.CodeNameDeleted, newPerson("ada", r.clock.now()).registration(c))
	ok[*wire.Chain](m, &wire.LookUp{Name: "omar"})
	if _, err := r.srv.store.Holdings(context.Background(), "ada"); wire.CodeOf(err) != wire.CodeNoAccount {
		t.Error(err)
	}
}

func TestRegistrationPolicy(t *testing.T) {
	dir := t.TempDir()
	r := startIn(t, dir, func(c *Config) { c.Registration = RegistrationInvite })
	c := r.dial("account")
	ada, omar := newPerson("ada", r.clock.now()), newPerson("omar", r.clock.now())
	register := func(p *person, code string) *wire.Register {
		m := p.registration(c)
		m.Invite = code
		return m
	}
	c.refused(wire.CodeInviteNeeded, register(ada, ""))
	c.refused(wire.CodeInviteInvalid, register(ada, "NOSUCHCODE"))
	code, _, err := NewCode(dir, 7, r.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	late, expires, err := NewCode(dir, 1, r.clock.now())
	if err != nil || expires.Before(r.clock.now().Add(24*time.Hour)) {
		t.Fatal(expires, err)
	}
	ok[*wire.Done](c, register(ada, code))
	ok[*wire.Done](c, register(ada, code)) // a retry
	c.refused(wire.CodeInviteUsed, register(omar, code))
	r.clock.forward(26 * time.Hour)
	c.refused(wire.CodeInviteExpired, register(omar, late))
	r.stop()

	r = startIn(t, dir, func(c *Config) { c.Registration = RegistrationClosed })
	c = r.dial("account")
	c.refused(wire.CodeClosed, register(omar, code))
}

// TestRegisterAfterRestore restores a server to before a device was replaced
// under a new identity key: the device that outlived it brings the entries
// that the backup lacks, even where registration is closed.
func TestRegisterAfterRestore(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	r := startIn(t, data, nil)
	ada, _ := r.registered("ada")
	if err := Backup(data, file); err != nil {
		t.Fatal(err)
	}
	c := r.dial("account")
	was := c.hello.Incarnation
	ok[*wire.Done](c, ada.recover(c))
	ada.identity, ada.device, ada.inboxPass = key(), key(), fill[wire.Pass]()
	for range 2 { // two entries, of which the first names another device only
		ada.device = key()
		ok[*wire.Done](c, &wire.PutEntry{
			Entry: ada.follow(ada.recovery, func(e *keydir.Entry) {
				e.IdentityKey, e.Inbox, e.Devices = public(ada.identity), fill[wire.MailboxID](), [][32]byte{public(ada.device)}
			}),
			Certificate: ada.certificate(), InboxPass: ada.inboxPass.Hash(),
		})
	}
	r.stop()
	if _, err := Restore(data, file); err != nil {
		t.Fatal(err)
	}

	r = startIn(t, data, func(c *Config) { c.Registration = RegistrationClosed })
	c = r.dial("account")
	if c.hello.Incarnation == was {
		t.Fatal("the restore made no new incarnation")
	}
	c.refused(wire.CodeBadCertificate, ada.signIn(c))
	thief := newPerson("ada", r.clock.now())
	thief.follow(nil, func(e *keydir.Entry) { e.InboxKey = [32]byte{1} })
	c.refused(wire.CodeNameTaken, thief.registration(c))
	again := ada.registration(c)
	again.BlobVersion, again.RecoveryBlob = 2, body("newer")
	ok[*wire.Done](c, again)
	if n := ok[*wire.KeyPackageCount](c, &wire.CountKeyPackages{}); n.Left != 2 || !n.LastResort {
		t.Fatalf("%+v", n)
	}
	if b := ok[*wire.RecoveryBlob](c, &wire.GetRecoveryBlob{}); b.Version != 2 || text(b.Blob) != "newer" {
		t.Fatalf("%+v", b)
	}
	m := r.dial("mailbox")
	if chain := ok[*wire.Chain](m, &wire.LookUp{Name: "ada"}); len(chain.Entries) != 3 {
		t.Fatalf("%d entries", len(chain.Entries))
	}
	ok[*wire.Envelopes](m, &wire.Read{Mailbox: ada.entry.Inbox, Pass: ada.inboxPass, Limit: 1})
	// A chain that ends before the stored one brings nothing back.
	old := *ada
	old.chain = ada.chain[:2]
	c.refused(wire.CodeBadCertificate, old.registration(c))
}
