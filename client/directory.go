// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// pinned is the part of a person's chain that this vault has seen. A later
// answer of the directory must begin with it.
type pinned struct {
	Handle wire.Handle
	Chain  [][]byte
}

// Fields describes the record.
func (p *pinned) Fields(c *wire.Coder) {
	p.Handle.Fields(c)
	c.BytesList(&p.Chain, wire.MaxChain, wire.MaxEntry)
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
	if found && !continues(old.Chain, chain) {
		return nil, fail(FailIdentity, errors.New("the directory's chain does not go on from the one seen before"))
	}
	if len(chain) > len(old.Chain) {
		var ch change
		ch.put(c.record("dir", h), &pinned{Handle: h, Chain: chain})
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
	if found && everNamed(h.Host, p.Chain, key) {
		return nil
	}
	if _, err := c.lookUp(ctx, h); err != nil {
		return err
	}
	if _, err := get(ctx, c.vault, c.record("dir", h), &p); err != nil {
		return err
	}
	if !everNamed(h.Host, p.Chain, key) {
		return fail(FailIdentity, nil)
	}
	return nil
}

// everNamed reports whether an entry of the chain, the newest or one before,
// names key as the identity. A leaf that was added in good faith stays in the
// group for a while after its person came back with a new identity; the way
// back takes it out.
func everNamed(host string, chain [][]byte, key [32]byte) bool {
	for n := len(chain); n > 0; n-- {
		if a, err := keydir.Verify(host, chain[:n]); err == nil && a.Newest.IdentityKey == key {
			return true
		}
	}
	return false
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
