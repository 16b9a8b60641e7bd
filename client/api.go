// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"io"
	"time"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// Options are what a client is made of.
type Options struct {
	Vault  vault.Vault
	Dialer Dialer
	Clock  func() time.Time // nil: the system's clock
	Rand   io.Reader        // nil: crypto/rand
}

// RegisterParams make a new account.
type RegisterParams struct {
	Server string   // http(s)://host[:port]
	Name   string   // the part before the @
	Invite string   // the server's registration invite, if it asks for one
	Words  []string // 24 words to use again; nil draws new ones
	// KeepSheet keeps the words in the vault until ForgetSheet, for a program
	// that may be gone before it has shown them.
	KeepSheet bool
}

// RestoreParams bring an account back from its recovery sheet.
type RestoreParams struct {
	Server string
	Name   string
	Words  []string
}

// Me is this vault's account and device.
type Me struct {
	Handle      wire.Handle
	Server      string
	Fingerprint string // SHA-256 of the identity key, 64 hex digits
	Device      string // SHA-256 of the device key, 64 hex digits
	ServerKey   string // Ed25519, 64 hex digits, as this device saw it first; empty before it did
	Registered  time.Time
}

// Invite is a one-time link to hand to one person.
type Invite struct {
	Link    string // http(s)://HOST/i#…; the secret stands in the fragment only
	Expires time.Time
}

// ContactState is where a contact stands.
type ContactState string

// States of a contact.
const (
	ContactAccepted ContactState = "accepted"
	ContactPending  ContactState = "requested"
	ContactBlocked  ContactState = "blocked"
)

// Contact is a person this vault knows.
type Contact struct {
	Handle       wire.Handle
	State        ContactState
	Checked      *Checked // nil: not checked
	Conversation string   // the one-to-one conversation, or empty
}

// ConversationState is where this device stands in a conversation.
type ConversationState string

// States of a conversation. The last three are for good, and oneself is no
// member any more in two of them.
const (
	ConversationActive  ConversationState = "active"
	ConversationWaiting ConversationState = "waiting" // for a member to add this device
	ConversationLeft    ConversationState = "left"
	ConversationRemoved ConversationState = "removed"
	ConversationEnded   ConversationState = "ended" // the other of two left
)

// Conversation is a group as a person sees it.
type Conversation struct {
	ID      string // 32 hex digits, the same for all members
	Name    string // of a group; for one-to-one the other's handle
	Host    string
	Direct  bool // one-to-one
	Epoch   uint64
	Code    string        // 60 digits, the same for all members
	Members []wire.Handle // sorted, oneself included unless Removed or left
	Removed bool          // this device was taken out: the history stays, and nothing is sent
	Unread  int
	Queued  int       // own messages not yet sent
	Problem string    // code of what stops sending here, or keeps it from ever being read; or empty
	Last    *Message  // the message that stands last; nil when there is none
	Active  time.Time // when it was last written in, not later than now; zero when never
	State   ConversationState
	Keep    int // days for which the server keeps what is written now, as the members said last
}
