// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

// LookUp asks for the directory chain of an account on this server.
type LookUp struct{ Name string }

// Kind names the frame.
func (*LookUp) Kind() Kind { return KindLookUp }

// Fields describes the frame.
func (l *LookUp) Fields(c *Coder) { c.String(&l.Name, MaxName) }

// Chain is an account's signed directory entries, from entry 0.
type Chain struct{ Entries [][]byte }

// Kind names the frame.
func (*Chain) Kind() Kind { return KindChain }

// Fields describes the frame.
func (d *Chain) Fields(c *Coder) { c.BytesList(&d.Entries, MaxChain, MaxEntry) }

// TakeKeyPackages takes one key package of each device of an account. Each is
// given once; when a device's are spent its last resort is given instead.
type TakeKeyPackages struct{ Name string }

// Kind names the frame.
func (*TakeKeyPackages) Kind() Kind { return KindTakeKeyPackages }

// Fields describes the frame.
func (t *TakeKeyPackages) Fields(c *Coder) { c.String(&t.Name, MaxName) }

// KeyPackages answers TakeKeyPackages: one per device.
type KeyPackages struct{ KeyPackages [][]byte }

// Kind names the frame.
func (*KeyPackages) Kind() Kind { return KindKeyPackages }

// Fields describes the frame.
func (k *KeyPackages) Fields(c *Coder) { c.BytesList(&k.KeyPackages, MaxPackages, MaxKeyPackage) }

// Introduce puts an introduction, sealed to the inbox key, into an inbox. A
// non-zero Invite spends that invite; a spent, expired or unknown one refuses
// the whole command. ID works as in Append.
type Introduce struct {
	Inbox  MailboxID
	ID     EnvelopeID
	Invite [32]byte // the invite's token, zero for none
	Body   []byte   // a size class long
}

// Kind names the frame.
func (*Introduce) Kind() Kind { return KindIntroduce }

// Fields describes the frame.
func (i *Introduce) Fields(c *Coder) {
	i.Inbox.Fields(c)
	i.ID.Fields(c)
	c.Fixed(i.Invite[:])
	c.Bytes(&i.Body, MaxBody)
}

// PutInvite lays a one-time invite into one's own inbox. The server learns the
// hash of a token that says nothing of the link's secret.
type PutInvite struct {
	Inbox     MailboxID
	Pass      Pass
	TokenHash [32]byte // SHA-256 of the token
	Days      uint8    // until it expires, 1 to MaxKeep
}

// Kind names the frame.
func (*PutInvite) Kind() Kind { return KindPutInvite }

// Fields describes the frame.
func (p *PutInvite) Fields(c *Coder) {
	p.Inbox.Fields(c)
	c.Fixed(p.Pass[:])
	c.Fixed(p.TokenHash[:])
	c.U8(&p.Days)
}
