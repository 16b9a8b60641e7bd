// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

// Limits of a Relay. Lengths are in bytes.
const (
	MaxRelayURLs   = 8   // places
	MaxRelayURL    = 300 // of one
	MaxRelayName   = 64  // of a user name
	MaxRelaySecret = 64  // of a credential
)

// RelayCredentials asks for the means to relay a call. Only the pass of the
// current epoch may. Nothing is kept of it.
type RelayCredentials struct {
	Mailbox MailboxID
	Pass    Pass
}

// Kind names the frame.
func (*RelayCredentials) Kind() Kind { return KindRelayCredentials }

// Fields describes the frame.
func (m *RelayCredentials) Fields(c *Coder) {
	m.Mailbox.Fields(c)
	c.Fixed(m.Pass[:])
}

// Relay says where calls are relayed, and by which credential of TURN's
// long-term mechanism (RFC 8489 §9.2). From Expires on it begins no relaying;
// what has begun goes on.
type Relay struct {
	URLs       []string // stun:, turn: and turns: (RFC 7064, RFC 7065)
	Username   string   // says nothing but when it expires
	Credential string
	Expires    int64 // Unix seconds
}

// Kind names the frame.
func (*Relay) Kind() Kind { return KindRelay }

// Fields describes the frame.
func (r *Relay) Fields(c *Coder) {
	c.StringList(&r.URLs, MaxRelayURLs, MaxRelayURL)
	c.String(&r.Username, MaxRelayName)
	c.String(&r.Credential, MaxRelaySecret)
	c.I64(&r.Expires)
}
