// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// signIn opens the account door, and heals what a restore of the server undid:
// the account itself, newer directory entries, key packages.
func (c *Client) signIn(ctx context.Context, s *session) error {
	err := c.signInPrior(ctx, s)
	if err != nil {
		err = c.signInOnly(ctx, s)
	}
	again := s.hello.Incarnation != c.self.Incarnation
	if again && refusedWith(err, wire.CodeNoAccount, wire.CodeBadCertificate) {
		// The server may be older than the account, or than this device of it.
		return c.registerAgain(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := c.followOwnChain(ctx, s); err != nil {
		return err
	}
	if c.self.Prior != ([32]byte{}) {
		var ch change
		c.self.Prior, c.self.PriorCertificate = [32]byte{}, nil
		ch.put(recordSelf, c.self)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
	}
	if again {
		return c.restock(ctx, s)
	}
	return nil
}

// signInPrior signs in with the device key before the newest, when a crash
// came between making the newest and publishing it. followOwnChain then
// publishes the entry that names it, which makes the session the newest's.
func (c *Client) signInPrior(ctx context.Context, s *session) error {
	if c.self.PriorCertificate == nil || c.self.Prior == ([32]byte{}) {
		return errors.New("no prior device")
	}
	in := &wire.SignIn{Name: c.self.Handle.Name, Certificate: c.self.PriorCertificate}
	key := ed25519.NewKeyFromSeed(c.self.Prior[:])
	in.Authorisation = wire.Signature(ed25519.Sign(key, in.SignedBytes(c.self.Handle.Host, s.hello.Challenge)))
	_, err := ask[*wire.Done](ctx, s, in)
	return err
}

// signInOnly shows the device's certificate, made anew when it is half spent.
func (c *Client) signInOnly(ctx context.Context, s *session) error {
	cert, err := keydir.VerifyCertificate(c.self.Certificate, c.self.Handle.Host, 0)
	if err != nil {
		return err
	}
	if c.now().Add(certificateLife / 2).After(time.Unix(cert.NotAfter, 0)) {
		var ch change
		c.certify(c.self)
		ch.put(recordSelf, c.self)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
	}
	in := &wire.SignIn{Name: c.self.Handle.Name, Certificate: c.self.Certificate}
	in.Authorisation = c.authorise(in.SignedBytes(c.self.Handle.Host, s.hello.Challenge))
	_, err = ask[*wire.Done](ctx, s, in)
	if refusedWith(err, wire.CodeBadCertificate, wire.CodeBadSignature) && c.replaced(ctx) {
		return fail(FailDeviceReplaced, err)
	}
	return err
}

// replaced looks whether the directory names other devices than this one, by
// an entry that follows from the own chain; if so this vault is retired.
func (c *Client) replaced(ctx context.Context) bool {
	chain, err := c.lookUpChain(ctx, c.self.Handle)
	own := c.self.Chain
	if c.self.Prior != ([32]byte{}) {
		own = own[:len(own)-1] // its newest entry was never published, and another's was
	}
	if err != nil {
		return false
	}
	a, err := keydir.Verify(c.self.Handle.Host, chain)
	if err != nil || a.Newest.HasDevice(c.self.devicePublic()) {
		return false
	}
	ahead := len(chain) > len(own) && continues(own, chain)
	if !ahead && !overrules(c.self.Handle.Host, own, chain) {
		return false
	}
	var ch change
	c.self.Stage = stageReplaced
	ch.put(recordSelf, c.self)
	ch.tell(c.problem("", 0, fail(FailDeviceReplaced, nil)))
	return c.commit(ctx, &ch) == nil
}

// followOwnChain compares the directory's chain with the own one. A server
// that lost entries gets them again; entries by another own device are taken;
// anything else is another hand in one's own name.
func (c *Client) followOwnChain(ctx context.Context, s *session) error {
	chain, err := c.lookUpChain(ctx, c.self.Handle)
	if err != nil {
		return err
	}
	common := min(len(chain), len(c.self.Chain))
	for i := range common {
		if !bytes.Equal(chain[i], c.self.Chain[i]) {
			if c.replaced(ctx) {
				return fail(FailDeviceReplaced, nil)
			}
			return fail(FailIdentity, errors.New("the directory holds an entry that this account did not make"))
		}
	}
	for _, e := range c.self.Chain[common:] {
		if err := c.putEntry(ctx, s, e); err != nil {
			return err
		}
	}
	if len(chain) > len(c.self.Chain) {
		a, err := keydir.Verify(c.self.Handle.Host, chain)
		if err != nil {
			return fail(FailIdentity, err)
		}
		if !a.Newest.HasDevice(c.self.devicePublic()) && c.replaced(ctx) {
			return fail(FailDeviceReplaced, nil) // between signing in and looking
		}
		var ch change
		c.self.Chain = chain
		ch.put(recordSelf, c.self)
		return c.commit(ctx, &ch)
	}
	return nil
}

// putEntry publishes an entry of the own chain with what belongs to it.
func (c *Client) putEntry(ctx context.Context, s *session, entry []byte) error {
	in, err := c.self.inbox()
	if err != nil {
		return err
	}
	packages, last, err := c.makePackages(ctx, packageStock, true)
	if err != nil {
		return err
	}
	_, err = ask[*wire.Done](ctx, s, &wire.PutEntry{
		Entry: entry, Certificate: c.self.Certificate, InboxPass: in.pass.Hash(), KeyPackages: packages, LastResort: last,
	})
	return err
}

// registerAgain brings the account back to a server restored from before it.
func (c *Client) registerAgain(ctx context.Context, s *session) error {
	err := c.sendRegister(ctx, s, "")
	if refusedWith(err, wire.CodeNameTaken, wire.CodeBadEntry) && c.replaced(ctx) {
		return fail(FailDeviceReplaced, err) // by another device that came back by the words
	}
	if err != nil {
		return err
	}
	return c.inIncarnation(ctx, s.hello.Incarnation)
}

// restock gives a restored server new key packages and the blob.
func (c *Client) restock(ctx context.Context, s *session) error {
	packages, last, err := c.makePackages(ctx, packageStock, true)
	if err != nil {
		return err
	}
	if _, err := ask[*wire.KeyPackageCount](ctx, s, &wire.PutKeyPackages{KeyPackages: packages, LastResort: last}); err != nil {
		return err
	}
	return c.inIncarnation(ctx, s.hello.Incarnation)
}

// inIncarnation notes that the account is whole in this life of the server's
// data. The inbox is read from its start again: its numbering is older now.
func (c *Client) inIncarnation(ctx context.Context, in wire.Incarnation) error {
	var ch change
	if c.self.Incarnation != in {
		// Also when this device has nothing to put back: what others were told
		// was sent may be gone.
		ch.tell(c.problem("", 0, fail(FailServerRolled, nil)))
	}
	c.self.Incarnation = in
	c.self.InboxSeq = 0
	c.self.BlobDirty = true
	ch.put(recordSelf, c.self)
	if err := c.unsendIntroductions(ctx, &ch); err != nil {
		return err
	}
	for _, v := range c.sorted() {
		if v.Asked != 0 { // whom we asked for the way back may not have been told
			v.Asked = 0
			v.save(&ch)
		}
	}
	return c.commit(ctx, &ch)
}

// upkeep signs in and brings the server's side of the account up to date.
func (c *Client) upkeep(ctx context.Context) error {
	s, err := c.accountDoor(ctx)
	if err != nil {
		return err
	}
	count, err := ask[*wire.KeyPackageCount](ctx, s, &wire.CountKeyPackages{})
	if err != nil {
		return err
	}
	if count.Left < packageLow || !count.LastResort {
		packages, last, err := c.makePackages(ctx, packageStock-int(min(count.Left, packageStock)), !count.LastResort)
		if err != nil {
			return err
		}
		if _, err := ask[*wire.KeyPackageCount](ctx, s, &wire.PutKeyPackages{KeyPackages: packages, LastResort: last}); err != nil {
			return err
		}
		if err := c.dropOldPackages(ctx); err != nil {
			return err
		}
	}
	return c.uploadBlob(ctx, s)
}

// dropOldPackages forgets private parts whose key packages have expired.
func (c *Client) dropOldPackages(ctx context.Context) error {
	var ch change
	err := scan(ctx, c.vault, "kp/", func(key string, b []byte) error {
		var k keptPackage
		if err := wire.Unmarshal(b, &k); err != nil {
			return err
		}
		if k.Until < c.now().Unix() {
			ch.drop(key)
		}
		return nil
	})
	if err != nil {
		return fail(FailVault, err)
	}
	return c.commit(ctx, &ch)
}

// tryUpkeep is upkeep where failing now only means doing it later. Going online
// does more than upkeep, so what was asked for at once stays due, but for the
// recovery blob, which upkeep sends.
func (c *Client) tryUpkeep(ctx context.Context) {
	if err := c.upkeep(ctx); err != nil && !unreachable(err) {
		c.tell(c.problem("", 0, AsFailure(err)))
	}
	if c.blobOnly || c.upkeepAt.After(c.now()) {
		c.upkeepAt = c.now().Add(upkeepPace)
	}
}

// Restore brings an account back from its recovery sheet into an empty vault:
// a new identity key and device under the same handle, contacts and settings
// from the recovery blob, and a request to every conversation to add this
// device (one way back).
func (c *Client) Restore(ctx context.Context, p RestoreParams) error {
	return c.do(ctx, func() error { return c.restore(ctx, p) })
}

func (c *Client) restore(ctx context.Context, p RestoreParams) error {
	if c.self != nil && c.self.Stage == stageReady {
		return fail(FailRegistered, nil)
	}
	keys, _, err := recoveryFromWords(p.Words)
	if err != nil {
		return err
	}
	server, err := cleanServer(p.Server)
	if err != nil {
		return err
	}
	s, err := c.dial(ctx, server, AccountDoor, "")
	if err != nil {
		return err
	}
	defer s.close()
	if c.skewed(s) {
		return wire.Refuse(wire.CodeClockSkew)
	}
	h, err := wire.ParseHandle(p.Name, s.hello.Host)
	if err != nil || h.Host != s.hello.Host {
		return fail(FailHandle, err)
	}
	if c.self != nil && c.self.Stage == stageReplaced && c.self.Handle != h {
		return fail(FailRegistered, nil) // what it holds is another person's
	}
	in := &wire.SignIn{Name: h.Name, Recovery: true}
	in.Authorisation = wire.Signature(ed25519.Sign(keys.sign, in.SignedBytes(h.Host, s.hello.Challenge)))
	if _, err := ask[*wire.Done](ctx, s, in); err != nil {
		if refusedWith(err, wire.CodeBadSignature) {
			return &Failure{Code: FailWords, Text: "these 24 words are not this account's", Hint: "check the name, and the words in their order", Cause: err}
		}
		return err
	}
	sealed, err := ask[*wire.RecoveryBlob](ctx, s, &wire.GetRecoveryBlob{})
	if err != nil {
		return err
	}
	return c.takeOver(ctx, s, keys, h, server, sealed)
}

// takeOver makes the new device and publishes it. The vault knows all of it
// before the directory does.
func (c *Client) takeOver(ctx context.Context, s *session, keys *recoveryKeys, h wire.Handle, server string, sealed *wire.RecoveryBlob) error {
	me := &self{Stage: stageMaking, Server: server, Handle: h, Registered: c.now().Unix(), Incarnation: s.hello.Incarnation}
	for _, secret := range [][]byte{me.Identity[:], me.Device[:], me.IDSecret[:], me.RecordKey[:]} {
		if err := c.random(secret); err != nil {
			return err
		}
	}
	if c.self != nil && c.self.Handle == h { // this vault was the account's before: what it holds stays readable
		me.RecordKey, me.BlobTaken = c.self.RecordKey, c.self.BlobTaken
	}
	c.self = me
	if err := c.makeDevice(me); err != nil {
		return err
	}
	chain, err := c.lookUpChain(ctx, h)
	if err != nil {
		return err
	}
	a, err := keydir.Verify(h.Host, chain)
	if err != nil {
		return fail(FailIdentity, err)
	}
	if a.Newest.Handle != h {
		return fail(FailIdentity, errors.New("the directory answers with another account"))
	}
	if a.Newest.RecoveryKey != keys.signPublic() || a.Newest.RecoverySealKey != keys.sealPublic() {
		return fail(FailIdentity, errors.New("the directory names another recovery key"))
	}
	e, err := c.newEntry(me, keys, a)
	if err != nil {
		return err
	}
	var ch change
	blob := c.takeBlob(&ch, keys, h, chain, sealed, me.BlobTaken)
	me.Chain = append(chain, e)
	me.BlobVersion, me.BlobDirty, me.MarksOff = sealed.Version, true, blob.MarksOff
	ch.put(recordSelf, me)
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	if err := c.putEntry(ctx, s, e); err != nil {
		return err
	}
	me.Stage = stageReady
	ch.put(recordServer, &metServer{s.hello.ServerKey})
	for i := range blob.Contacts {
		c.putContact(&ch, &blob.Contacts[i])
	}
	c.awaitAll(&ch)
	c.awaitConversations(&ch, blob.Conversations)
	ch.put(recordSelf, me)
	if err := c.commit(ctx, &ch); err != nil {
		return err
	}
	c.askBackEverywhere(ctx)
	c.tryUpkeep(ctx)
	return nil
}
