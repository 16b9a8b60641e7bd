// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"crypto/sha256"
	"errors"
	"strings"
)

// MailboxID is the random address of a mailbox, 32 bytes.
type MailboxID [32]byte

// EnvelopeID names one envelope within its mailbox, 16 bytes. A client derives
// it from its own secret, the group, the epoch and the generation used, so two
// copies of one vault cannot both append under the same generation.
type EnvelopeID [16]byte

// Pass opens a mailbox: 32 bytes that the members of one epoch derive.
type Pass [32]byte

// PassHash is SHA-256 of a Pass: all that the server keeps of it.
type PassHash [32]byte

// Incarnation names one life of a server's data; new after every restore.
type Incarnation [16]byte

// Seq is an envelope's position in its mailbox; the first is 1.
type Seq uint64

// Epoch is the number of the MLS epoch whose pass is current in a mailbox.
type Epoch uint64

// Hash returns what the server keeps of the pass.
func (p Pass) Hash() PassHash { return sha256.Sum256(p[:]) }

// Fields describes the id.
func (id *MailboxID) Fields(c *Coder) { c.Fixed(id[:]) }

// Fields describes the id.
func (id *EnvelopeID) Fields(c *Coder) { c.Fixed(id[:]) }

// Fields describes the incarnation.
func (in *Incarnation) Fields(c *Coder) { c.Fixed(in[:]) }

// Fields describes the sequence number.
func (s *Seq) Fields(c *Coder) { c.U64((*uint64)(s)) }

// Fields describes the epoch number.
func (e *Epoch) Fields(c *Coder) { c.U64((*uint64)(e)) }

// Handle is an account's address, name@host[:port].
type Handle struct {
	Name string // 1–32 of a–z, 0–9, '.', '-', '_'; begins with a letter
	Host string // DNS name or address, with the port unless it is the scheme's own
}

// String returns name@host.
func (h Handle) String() string { return h.Name + "@" + h.Host }

// Fields describes the handle and refuses a malformed one.
func (h *Handle) Fields(c *Coder) {
	c.String(&h.Name, MaxName)
	c.String(&h.Host, MaxHost)
	if c.err == nil && (!ValidName(h.Name) || !ValidHost(h.Host)) {
		c.Fail(ErrMalformed)
	}
}

// Limits of a handle's parts, in bytes.
const (
	MaxName = 32
	MaxHost = 255
)

// ErrHandle says that a text is no handle.
var ErrHandle = errors.New("not a handle: write name@host, with a name of 1 to 32 of a-z, 0-9, '.', '-', '_' that begins with a letter")

// ParseHandle reads name@host[:port]; a bare name means home, one's own host.
func ParseHandle(s, home string) (Handle, error) {
	name, host, found := strings.Cut(s, "@")
	if !found {
		host = home
	}
	if !ValidName(name) || !ValidHost(host) {
		return Handle{}, ErrHandle
	}
	return Handle{Name: name, Host: host}, nil
}

// ValidName reports whether s may name an account.
func ValidName(s string) bool {
	if len(s) < 1 || len(s) > MaxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '.' && b != '-' && b != '_' {
			return false
		}
	}
	return true
}

// ValidHost reports whether s may stand after the @: lower case, no spaces.
func ValidHost(s string) bool {
	if len(s) < 1 || len(s) > MaxHost {
		return false
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '.' && b != '-' && b != ':' && b != '[' && b != ']' {
			return false
		}
	}
	return true
}
