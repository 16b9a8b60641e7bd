// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"crypto/sha256"
	"encoding/binary"
)

// Purposes of the signatures made at the account door.
const (
	PurposeRegister = "clarion register v1"
	PurposeSignIn   = "clarion sign in v1"
	PurposeRecover  = "clarion recover v1"
	PurposeDelete   = "clarion delete everything v1"
	PurposeHoldings = "clarion holdings v1"
)

// ToSign returns the bytes a signature covers: purpose, host and the parts,
// each with its length, so that no signature serves for another purpose,
// another host or other parts. The purpose says which key signs. There is no
// limit here that could cut a part off; lengths are eight bytes.
func ToSign(purpose, host string, parts ...[]byte) []byte {
	var b []byte
	for _, p := range append([][]byte{[]byte(purpose), []byte(host)}, parts...) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// Signature is an Ed25519 signature.
type Signature [64]byte

// Register makes an account. Chain holds the signed directory entries from
// entry 0; a device that outlived a restore of the server brings them all.
type Register struct {
	Chain         [][]byte // keydir.Signed, at most MaxChain
	Certificate   []byte   // keydir device certificate
	InboxPass     PassHash // opens the inbox that the newest entry names
	KeyPackages   [][]byte
	LastResort    []byte // key package that is given when the others are spent
	RecoveryBlob  []byte // sealed to the recovery key
	BlobVersion   uint64
	Invite        string    // registration invite code; empty when none is needed
	Authorisation Signature // by the device key: PurposeRegister, challenge, SHA-256 of the newest entry
}

// Kind names the frame.
func (*Register) Kind() Kind { return KindRegister }

// Fields describes the frame.
func (r *Register) Fields(c *Coder) {
	c.BytesList(&r.Chain, MaxChain, MaxEntry)
	c.Bytes(&r.Certificate, MaxEntry)
	c.Fixed(r.InboxPass[:])
	c.BytesList(&r.KeyPackages, MaxPackages, MaxKeyPackage)
	c.Bytes(&r.LastResort, MaxKeyPackage)
	c.Bytes(&r.RecoveryBlob, MaxBlob)
	c.U64(&r.BlobVersion)
	c.String(&r.Invite, 64)
	c.Fixed(r.Authorisation[:])
}

// SignedBytes returns what Authorisation covers.
func (r *Register) SignedBytes(host string, challenge [32]byte) []byte {
	var newest []byte
	if n := len(r.Chain); n > 0 {
		newest = r.Chain[n-1]
	}
	h := sha256.Sum256(newest)
	return ToSign(PurposeRegister, host, challenge[:], h[:])
}

// SignIn opens the account door for one account. With Recovery false the
// device key signs and Certificate proves the device; with Recovery true the
// recovery key signs, Certificate is empty, and only GetRecoveryBlob and
// PutEntry are served.
type SignIn struct {
	Name          string
	Certificate   []byte
	Recovery      bool
	Authorisation Signature // PurposeSignIn or PurposeRecover, challenge, name
}

// Kind names the frame.
func (*SignIn) Kind() Kind { return KindSignIn }

// Fields describes the frame.
func (s *SignIn) Fields(c *Coder) {
	c.String(&s.Name, MaxName)
	c.Bytes(&s.Certificate, MaxEntry)
	c.Bool(&s.Recovery)
	c.Fixed(s.Authorisation[:])
}

// SignedBytes returns what Authorisation covers.
func (s *SignIn) SignedBytes(host string, challenge [32]byte) []byte {
	purpose := PurposeSignIn
	if s.Recovery {
		purpose = PurposeRecover
	}
	return ToSign(purpose, host, challenge[:], []byte(s.Name))
}

// PutEntry appends a directory entry to the account's chain. The server puts
// the inbox that it names in place of the one before, removes the devices that
// it no longer names with their key packages, and takes the certificate of the
// device that signs from now on. The session is then that device's.
type PutEntry struct {
	Entry       []byte
	Certificate []byte
	InboxPass   PassHash
	KeyPackages [][]byte
	LastResort  []byte
}

// Kind names the frame.
func (*PutEntry) Kind() Kind { return KindPutEntry }

// Fields describes the frame.
func (p *PutEntry) Fields(c *Coder) {
	c.Bytes(&p.Entry, MaxEntry)
	c.Bytes(&p.Certificate, MaxEntry)
	c.Fixed(p.InboxPass[:])
	c.BytesList(&p.KeyPackages, MaxPackages, MaxKeyPackage)
	c.Bytes(&p.LastResort, MaxKeyPackage)
}

// PutKeyPackages adds key packages of the signed-in device. A non-empty
// LastResort replaces the one before.
type PutKeyPackages struct {
	KeyPackages [][]byte
	LastResort  []byte
}

// Kind names the frame.
func (*PutKeyPackages) Kind() Kind { return KindPutKeyPackages }

// Fields describes the frame.
func (p *PutKeyPackages) Fields(c *Coder) {
	c.BytesList(&p.KeyPackages, MaxPackages, MaxKeyPackage)
	c.Bytes(&p.LastResort, MaxKeyPackage)
}

// CountKeyPackages asks how many key packages of this device are left.
type CountKeyPackages struct{}

// Kind names the frame.
func (*CountKeyPackages) Kind() Kind { return KindCountKeyPackages }

// Fields describes the frame.
func (*CountKeyPackages) Fields(*Coder) {}

// KeyPackageCount tells how many key packages of this device are left, the
// last resort not counted but told.
type KeyPackageCount struct {
	Left       uint32
	LastResort bool
}

// Kind names the frame.
func (*KeyPackageCount) Kind() Kind { return KindKeyPackageCount }

// Fields describes the frame.
func (k *KeyPackageCount) Fields(c *Coder) {
	c.U32(&k.Left)
	c.Bool(&k.LastResort)
}

// PutRecoveryBlob replaces the recovery blob. A Version that is not above the
// one that is held is CodeBlobOutdated.
type PutRecoveryBlob struct {
	Version uint64
	Blob    []byte
}

// Kind names the frame.
func (*PutRecoveryBlob) Kind() Kind { return KindPutRecoveryBlob }

// Fields describes the frame.
func (p *PutRecoveryBlob) Fields(c *Coder) {
	c.U64(&p.Version)
	c.Bytes(&p.Blob, MaxBlob)
}

// GetRecoveryBlob asks for the recovery blob; any sign-in may.
type GetRecoveryBlob struct{}

// Kind names the frame.
func (*GetRecoveryBlob) Kind() Kind { return KindGetRecoveryBlob }

// Fields describes the frame.
func (*GetRecoveryBlob) Fields(*Coder) {}

// RecoveryBlob is the account's contacts, settings and conversations, sealed
// to the recovery key; padded to a size class.
type RecoveryBlob struct {
	Version uint64
	Blob    []byte
}

// Kind names the frame.
func (*RecoveryBlob) Kind() Kind { return KindRecoveryBlob }

// Fields describes the frame.
func (r *RecoveryBlob) Fields(c *Coder) {
	c.U64(&r.Version)
	c.Bytes(&r.Blob, MaxBlob)
}

// DeleteEverything removes the account and all that is held about it. The name
// is never given again.
type DeleteEverything struct {
	Authorisation Signature // by the device key: PurposeDelete, challenge, name
}

// Kind names the frame.
func (*DeleteEverything) Kind() Kind { return KindDeleteEverything }

// Fields describes the frame.
func (d *DeleteEverything) Fields(c *Coder) { c.Fixed(d.Authorisation[:]) }

// Deleted answers DeleteEverything: what was removed, and what is out of reach.
type Deleted struct {
	Tables []TableRows
	Beyond []string // sentences, from the inventory
}

// Kind names the frame.
func (*Deleted) Kind() Kind { return KindDeleted }

// Fields describes the frame.
func (d *Deleted) Fields(c *Coder) {
	List(c, &d.Tables, 256)
	sentenceList(c, &d.Beyond)
}
