// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// pinned is the part of a person's chain that this vault has seen. A later
// answer of the directory must begin with it.
type pinned struct {
	Handle wire.Handle
	Chain  [][]byte
	Former [][]byte // identity keys of entries that were overruled since
}

// Fields describes the record.
func (p *pinned) Fields(c *wire.Coder) {
	p.Handle.Fields(c)
	c.BytesList(&p.Chain, wire.MaxChain, wire.MaxEntry)
	c.BytesList(&p.Former, wire.MaxChain, 32)
}

// lookUpChain asks the directory, believing nothing yet.
func (c *Client) lookUpChain(ctx context.Context, h wire.Handle) ([][]byte, error) {
	s, err := c.directoryDoor(ctx)
	if err != nil {
		return nil, err
	}
	chain, err := ask[*wire.Chain](ctx, s, &wire.LookUp{Name: h.Name})
	if err != nil {
		return nil, err
	}
	return chain.Entries, nil
}

// lookUp asks the directory for a person and verifies the answer: every
// signature, and that it goes on from what was seen before. What is new is
// pinned.
func (c *Client) lookUp(ctx context.Context, h wire.Handle) (*keydir.Account, error) {
	if h.Host != c.self.Handle.Host {
		return nil, fail(FailOtherHost, nil)
	}
	chain, err := c.lookUpChain(ctx, h)
	if err != nil {
		return nil, err
	}
	a, err := keydir.Verify(h.Host, chain)
	if err != nil || a.Newest.Handle != h {
		return nil, fail(FailIdentity, err)
	}
	var old pinned
	found, err := get(ctx, c.vault, c.record("dir", h), &old)
	if err != nil {
		return nil, err
	}
	switch {
	case !found || continues(old.Chain, chain):
	case continues(chain, old.Chain):
		// A server restored from before the newest entries: the person's client
		// publishes them again, and until then what was seen counts.
		return keydir.Verify(h.Host, old.Chain)
	case !overrules(h.Host, old.Chain, chain):
		return nil, fail(FailIdentity, errors.New("the directory's chain does not go on from the one seen before"))
	}
	if !slices.EqualFunc(old.Chain, chain, bytes.Equal) {
		var ch change
		next := &pinned{Handle: h, Chain: chain, Former: old.Former}
		if found && !continues(old.Chain, chain) {
			next.Former = append(next.Former, identities(h.Host, old.Chain)...)
			next.Former = next.Former[max(0, len(next.Former)-wire.MaxChain):]
		}
		ch.put(c.record("dir", h), next)
		c.become(&ch, h, a.Newest.IdentityKey)
		if err := c.commit(ctx, &ch); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// continues reports whether chain begins with old.
func continues(old, chain [][]byte) bool {
	if len(chain) < len(old) {
		return false
	}
	for i, e := range old {
		if string(e) != string(chain[i]) {
			return false
		}
	}
	return true
}

// overrules reports whether chain may stand in old's place though it does not
// go on from it. A server that was restored may have forgotten an entry whose
// vault is lost too; then the person comes back by their words from the entry
// before it. Only the recovery key can do that: the part behind the fork must
// hold an entry that it signed, made no earlier than the newest one of old.
func overrules(host string, old, chain [][]byte) bool {
	common := 0
	for common < min(len(old), len(chain)) && bytes.Equal(old[common], chain[common]) {
		common++
	}
	if common == 0 || common == len(chain) {
		return false
	}
	was, err := keydir.Verify(host, old)
	if err != nil {
		return false
	}
	a, err := keydir.Verify(host, chain[:common])
	if err != nil {
		return false
	}
	recovered := false
	for _, e := range chain[common:] {
		next, how, err := a.Next(e)
		if err != nil {
			return false
		}
		a = next
		recovered = recovered || (how.ByRecovery && a.Newest.Hour >= was.Newest.Hour)
	}
	return recovered
}

// person verifies that the directory names key as the identity of h, or named
// it before, asking only when what is pinned does not say so already.
func (c *Client) person(ctx context.Context, h wire.Handle, key [32]byte) error {
	if h == c.self.Handle {
		if key == c.self.identityPublic() {
			return nil
		}
		return fail(FailIdentity, nil)
	}
	var p pinned
	found, err := get(ctx, c.vault, c.record("dir", h), &p)
	if err != nil {
		return err
	}
	if found && p.everNamed(key) {
		return nil
	}
	if _, err := c.lookUp(ctx, h); err != nil {
		return err
	}
	if _, err := get(ctx, c.vault, c.record("dir", h), &p); err != nil {
		return err
	}
	if !p.everNamed(key) {
		return fail(FailIdentity, nil)
	}
	return nil
}

// everNamed reports whether an entry of the chain, the newest or one before,
// names key as the identity. A leaf that was added in good faith stays in the
// group for a while after its person came back with a new identity; the way
// back takes it out.
func (p *pinned) everNamed(key [32]byte) bool {
	for _, k := range append(identities(p.Handle.Host, p.Chain), p.Former...) {
		if string(k) == string(key[:]) {
			return true
		}
	}
	return false
}

// identities lists the identity keys that a verified chain has named, entry by
// entry.
func identities(host string, chain [][]byte) [][]byte {
	var list [][]byte
	var a *keydir.Account
	for i, e := range chain {
		var err error
		if i == 0 {
			a, err = keydir.Verify(host, chain[:1])
		} else {
			a, _, err = a.Next(e)
		}
		if err != nil {
			return list
		}
		list = append(list, bytes.Clone(a.Newest.IdentityKey[:]))
	}
	return list
}

// validator checks each credential that MLS meets: it must be a device
// certificate of this host for exactly the leaf's signature key. Whether the
// identity is the directory's is asked after, where waiting is possible.
func (c *Client) validator() mls.ValidateFunc {
	host := c.self.Handle.Host
	return func(m mls.Member) error {
		_, err := memberCertificate(m, host)
		return err
	}
}

// memberCertificate reads the certificate of a leaf. Its time is not checked
// here: a leaf outlives its certificate while its device sleeps.
func memberCertificate(m mls.Member, host string) (*keydir.Certificate, error) {
	cert, err := keydir.VerifyCertificate(m.Credential, host, 0)
	if err != nil {
		return nil, err
	}
	if string(cert.DeviceKey[:]) != string(m.SignatureKey) {
		return nil, keydir.ErrSignature
	}
	return cert, nil
}

// takePackages fetches one key package per device of a person and checks that
// each is for a device that the directory names.
func (c *Client) takePackages(ctx context.Context, a *keydir.Account) ([][]byte, error) {
	s, err := c.directoryDoor(ctx)
	if err != nil {
		return nil, err
	}
	got, err := ask[*wire.KeyPackages](ctx, s, &wire.TakeKeyPackages{Name: a.Newest.Handle.Name})
	if err != nil {
		return nil, err
	}
	if len(got.KeyPackages) == 0 {
		return nil, wire.Refuse(wire.CodeNoKeyPackage)
	}
	now := c.now().Unix()
	for _, b := range got.KeyPackages {
		kp, err := mls.ParseKeyPackage(b)
		if err != nil {
			return nil, fail(FailIdentity, err)
		}
		if err := kp.Verify(uint64(now)); err != nil {
			return nil, fail(FailIdentity, err)
		}
		cert, err := memberCertificate(kp.Member(), a.Newest.Handle.Host)
		if err != nil {
			return nil, fail(FailIdentity, err)
		}
		if _, err := keydir.VerifyCertificate(kp.Member().Credential, a.Newest.Handle.Host, now); err != nil {
			return nil, wire.Refuse(wire.CodeNoKeyPackage) // the device slept past its certificate
		}
		if cert.Handle != a.Newest.Handle || cert.IdentityKey != a.Newest.IdentityKey || !a.Newest.HasDevice(cert.DeviceKey) {
			return nil, fail(FailIdentity, errors.New("a key package is for another identity or device"))
		}
	}
	return got.KeyPackages, nil
}
