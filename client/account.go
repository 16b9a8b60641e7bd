// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

const (
	certificateLife = 90 * 24 * time.Hour
	packageLife     = 85 * 24 * time.Hour
	packageStock    = 20                  // one-time key packages kept on the server
	packageLow      = 8                   // refill below
	clockSlack      = maxSkew + time.Hour // so that what is made now holds by everybody's clock
)

// Register makes keys on this device and an account on the server, and returns
// the 24 words of the recovery sheet, which exist nowhere else from then on,
// unless they were asked to be kept until ForgetSheet.
// When it was interrupted, calling it again with the same name completes it.
func (c *Client) Register(ctx context.Context, p RegisterParams) (words []string, err error) {
	err = c.do(ctx, func() error {
		words, err = c.register(ctx, p)
		return err
	})
	return words, err
}

func (c *Client) register(ctx context.Context, p RegisterParams) ([]string, error) {
	if c.self != nil && c.self.Stage != stageMaking {
		return nil, fail(FailRegistered, nil)
	}
	if !wire.ValidName(p.Name) {
		return nil, wire.Refuse(wire.CodeNameInvalid)
	}
	server, err := cleanServer(p.Server)
	if err != nil {
		return nil, err
	}
	s, err := c.dial(ctx, server, AccountDoor, "")
	if err != nil {
		return nil, err
	}
	defer s.close()
	if c.skewed(s) {
		return nil, wire.Refuse(wire.CodeClockSkew)
	}
	keys, err := c.prepare(ctx, p, server, s.hello.Host)
	if err != nil {
		return nil, err
	}
	c.self.Incarnation = s.hello.Incarnation
	if err := c.sendRegister(ctx, s, p.Invite); err != nil {
		if !refusedWith(err, wire.CodeNameTaken) || c.resumed(ctx, s) != nil {
			if !unreachable(err) {
				c.abandon(ctx)
			}
			return nil, err
		}
	}
	var ch change
	c.self.Stage, c.self.BlobTaken = stageReady, c.self.BlobVersion
	ch.put(recordSelf, c.self)
	ch.put(recordServer, &metServer{s.hello.ServerKey})
	if !p.KeepSheet {
		ch.drop(recordWord)
	}
	return keys.words, c.commit(ctx, &ch)
}

// prepare draws the account's keys and keeps them, with the words' entropy,
// until the server has answered; or takes up what an earlier try left.
func (c *Client) prepare(ctx context.Context, p RegisterParams, server, host string) (*recoveryKeys, error) {
	entropy := make([]byte, 32)
	if c.self != nil && c.self.Handle == (wire.Handle{Name: p.Name, Host: host}) {
		b, err := c.vault.Get(ctx, recordWord)
		if err == nil {
			return newRecoveryKeys(b)
		}
	}
	if p.Words != nil {
		_, given, err := recoveryFromWords(p.Words)
		if err != nil {
			return nil, err
		}
		entropy = given
	} else if err := c.random(entropy); err != nil {
		return nil, err
	}
	keys, err := newRecoveryKeys(entropy)
	if err != nil {
		return nil, err
	}
	s := &self{Stage: stageMaking, Server: server, Handle: wire.Handle{Name: p.Name, Host: host}, Registered: c.now().Unix()}
	for _, secret := range [][]byte{s.Identity[:], s.Device[:], s.IDSecret[:], s.RecordKey[:]} {
		if err := c.random(secret); err != nil {
			return nil, err
		}
	}
	if err := c.makeDevice(s); err != nil {
		return nil, err
	}
	e, err := c.newEntry(s, keys, nil)
	if err != nil {
		return nil, err
	}
	s.Chain = [][]byte{e}
	s.BlobVersion, s.BlobDirty = 1, false
	var ch change
	c.self = s
	ch.put(recordSelf, s)
	ch.putBytes(recordWord, entropy)
	return keys, c.commit(ctx, &ch)
}

// makeDevice certifies the device key and founds the self group, from whose
// exporter the inbox's key and pass come.
func (c *Client) makeDevice(s *self) error {
	c.certify(s)
	id := make([]byte, 32)
	if err := c.random(id); err != nil {
		return err
	}
	now := c.now()
	g, err := mls.Create(c.rand, id, s.deviceKey(), s.Certificate, uint64(now.Add(-clockSlack).Unix()), uint64(now.Add(packageLife).Unix()))
	if err != nil {
		return err
	}
	s.SelfGroup = g.Marshal()
	return nil
}

// certify makes a fresh certificate of the device key.
func (c *Client) certify(s *self) {
	now := c.now()
	s.Certificate = keydir.SignCertificate(keydir.Certificate{
		Handle: s.Handle, DeviceKey: s.devicePublic(), IdentityKey: s.identityPublic(),
		NotBefore: now.Add(-clockSlack).Unix(), NotAfter: now.Add(certificateLife - clockSlack).Unix(),
	}, s.identityKey())
}

// inboxSecrets come from the exporter of the person's own group.
type inboxSecrets struct {
	key  *ecdh.PrivateKey
	pass wire.Pass
}

func (s *self) inbox() (*inboxSecrets, error) {
	g, err := mls.UnmarshalGroup(s.SelfGroup, s.deviceKey())
	if err != nil {
		return nil, err
	}
	defer g.Forget()
	key, err := ecdh.X25519().NewPrivateKey(g.Export("clarion inbox key", nil, 32))
	if err != nil {
		return nil, err
	}
	return &inboxSecrets{key: key, pass: wire.Pass(g.Export("clarion inbox pass", nil, 32))}, nil
}

// ownInbox is where introductions for this account arrive, and what opens it.
func (c *Client) ownInbox() (*inboxSecrets, wire.MailboxID, error) {
	a, err := c.self.account()
	if err != nil {
		return nil, wire.MailboxID{}, err
	}
	in, err := c.self.inbox()
	return in, a.Newest.Inbox, err
}

// newEntry makes the next entry of the chain: entry 0 when after is nil.
// recovery may be nil when the identity key stays. The inbox is new, as the
// self group that its key and pass come from is.
func (c *Client) newEntry(s *self, recovery *recoveryKeys, after *keydir.Account) ([]byte, error) {
	in, err := s.inbox()
	if err != nil {
		return nil, err
	}
	e := keydir.Entry{
		Handle: s.Handle, Hour: c.now().Unix() / 3600, IdentityKey: s.identityPublic(),
		InboxKey: [32]byte(in.key.PublicKey().Bytes()), Devices: [][32]byte{s.devicePublic()},
	}
	var recoverySign ed25519.PrivateKey
	if recovery != nil {
		e.RecoveryKey, e.RecoverySealKey, recoverySign = recovery.signPublic(), recovery.sealPublic(), recovery.sign
	}
	if after != nil {
		e.Seq, e.Prev = after.Newest.Seq+1, after.Head
		e.RecoveryKey, e.RecoverySealKey = after.Newest.RecoveryKey, after.Newest.RecoverySealKey
		e.Hour = max(e.Hour, after.Newest.Hour)
	}
	if err := c.random(e.Inbox[:]); err != nil {
		return nil, err
	}
	return keydir.SignEntry(e, s.identityKey(), recoverySign)
}

// sendRegister sends the account as the vault has it. It also brings an
// account back to a server whose data are older than the account.
func (c *Client) sendRegister(ctx context.Context, s *session, invite string) error {
	in, err := c.self.inbox()
	if err != nil {
		return err
	}
	packages, last, err := c.makePackages(ctx, packageStock, true)
	if err != nil {
		return err
	}
	blob, err := c.sealBlob(c.makeBlob(), c.self.BlobVersion)
	if err != nil {
		return err
	}
	r := &wire.Register{
		Chain: c.self.Chain, Certificate: c.self.Certificate, InboxPass: in.pass.Hash(),
		KeyPackages: packages, LastResort: last, RecoveryBlob: blob, BlobVersion: c.self.BlobVersion, Invite: invite,
	}
	r.Authorisation = c.authorise(r.SignedBytes(c.self.Handle.Host, s.hello.Challenge))
	_, err = ask[*wire.Done](ctx, s, r)
	return err
}

func (c *Client) authorise(b []byte) wire.Signature {
	return wire.Signature(ed25519.Sign(c.self.deviceKey(), b))
}

// resumed reports nil when the name that is taken is taken by this very device.
func (c *Client) resumed(ctx context.Context, s *session) error {
	return c.signInOnly(ctx, s)
}

// abandon forgets keys of an account that the server refused.
func (c *Client) abandon(ctx context.Context) {
	var ch change
	ch.drop(recordSelf)
	ch.drop(recordWord)
	_ = scan(ctx, c.vault, "kp/", func(key string, _ []byte) error { ch.drop(key); return nil })
	if c.commit(ctx, &ch) == nil {
		c.self = nil
	}
}

// makePackages draws key packages and keeps their private parts in the vault
// before anybody sees them.
func (c *Client) makePackages(ctx context.Context, n int, withLast bool) (packages [][]byte, last []byte, err error) {
	// Whoever takes one of them checks the certificate too: it must live as long.
	c.certify(c.self)
	now := c.now()
	from, until := uint64(now.Add(-clockSlack).Unix()), uint64(now.Add(packageLife).Unix())
	var ch change
	ch.put(recordSelf, c.self)
	for i := range n + 1 {
		lastResort := i == n
		if lastResort && !withLast {
			break
		}
		kp, priv, err := mls.NewKeyPackage(c.rand, c.self.deviceKey(), c.self.Certificate, from, until, lastResort)
		if err != nil {
			return nil, nil, err
		}
		rec := keptPackage{Private: priv.Marshal(), LastResort: lastResort, Until: int64(until)}
		ch.put("kp/"+hex.EncodeToString(priv.Ref()), &rec)
		if lastResort {
			last = kp
		} else {
			packages = append(packages, kp)
		}
	}
	return packages, last, c.commit(ctx, &ch)
}

// keptPackage is the private part of a key package that the server gives out.
type keptPackage struct {
	Private    []byte
	LastResort bool
	Until      int64
	Joined     [][]byte // epochs that a last resort led into; see epochMark
}

// maxJoined bounds how many groups one last resort serves; there is a new one
// every few weeks.
const maxJoined = 4096

// Fields describes the record.
func (k *keptPackage) Fields(c *wire.Coder) {
	c.Bytes(&k.Private, wire.MaxBody)
	c.Bool(&k.LastResort)
	c.I64(&k.Until)
	c.BytesList(&k.Joined, maxJoined, 32)
}

// WhoAmI tells the account and device of this vault.
func (c *Client) WhoAmI(ctx context.Context) (me Me, err error) {
	err = c.withAccount(ctx, func() error {
		identity, device := c.self.identityPublic(), c.self.devicePublic()
		me = Me{
			Handle: c.self.Handle, Server: c.self.Server, Fingerprint: fingerprint(identity),
			Device: fingerprint(device), Registered: time.Unix(c.self.Registered, 0).UTC(),
		}
		var met metServer
		found, err := get(ctx, c.vault, recordServer, &met)
		if found {
			me.ServerKey = hex.EncodeToString(met.Key[:])
		}
		return err
	})
	return me, err
}

func fingerprint(key [32]byte) string {
	h := sha256.Sum256(key[:])
	return hex.EncodeToString(h[:])
}

// derive expands a secret for one purpose (HKDF-Expand, SHA-256).
func derive(secret []byte, info string, n int) []byte {
	b, err := hkdf.Expand(sha256.New, secret, info, n)
	if err != nil {
		panic("client: derive: " + err.Error()) // only lengths past 255·32 fail
	}
	return b
}
