// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/wire"
)

// Policy says who may register.
type Policy uint8

// The policies.
const (
	RegistrationOpen   Policy = iota // anybody
	RegistrationInvite               // whoever has a code of `clariond invite`
	RegistrationClosed               // nobody
)

// String returns the word that ParsePolicy reads.
func (p Policy) String() string {
	switch p {
	case RegistrationOpen:
		return "open"
	case RegistrationInvite:
		return "invite"
	}
	return "closed"
}

// ParsePolicy reads open, invite or closed.
func ParsePolicy(s string) (Policy, error) {
	switch s {
	case "open":
		return RegistrationOpen, nil
	case "invite":
		return RegistrationInvite, nil
	case "closed":
		return RegistrationClosed, nil
	}
	return 0, fmt.Errorf("registration is open, invite or closed, not %q", s)
}

// Config says how a server runs. Only DataDir and one of Host and NewHost are
// needed.
type Config struct {
	// DataDir is the folder that holds everything; made when it is missing.
	DataDir string
	// Host is the host of this server's handles. It is stored at the first
	// start; a later start with another one fails with ErrHost.
	Host string
	// NewHost is stored at the first start when Host is empty: the address
	// that the server listens on.
	NewHost string
	// Clock gives the present time; nil means time.Now.
	Clock func() time.Time
	// Keep is the longest keep granted to a mailbox, in days, 1 to 30; 0 means 30.
	Keep uint8
	// Retention caps in whole hours how long an envelope stays; 0 caps nothing.
	Retention int
	// BriefRetention, above 0 and below an hour, caps it more tightly, in place
	// of Retention: envelopes go between once and about one and a half times
	// this after they arrived. It is there for tests from outside. The times of
	// arrival are kept in memory only; what is stored stays rounded to the hour.
	BriefRetention time.Duration
	// Registration says who may register.
	Registration Policy
	// Operator, Jurisdiction and Contact are what the operator says of itself:
	// who it is, under whose law, and where it is reached. Each is one line of
	// at most MaxStatement bytes and may be empty; then nothing is said.
	Operator, Jurisdiction, Contact string
	// Version is the program's, for whoever asks; it may be empty.
	Version string
	// Limits hold each connection; zero fields take their defaults.
	Limits Limits
	// Web is the built web app: index.html, sw.js, manifest.webmanifest, and
	// assets/ whose names hold a hash of the content. A file may stand beside
	// itself compressed, with .br after its name. Without index.html, or with
	// nil, a page says how to build it. Open lists the files; they must not
	// change while the server runs.
	Web fs.FS
	// Ports are the open ports, of Listen: Web is served there, and the relay
	// unless it is off. nil: the caller serves Handler, and there is no relay.
	// Open takes them over: Close closes them, and so does a failing Open.
	Ports *Ports
	// TLS is spoken at Ports; nil means none.
	TLS *tls.Config
	// Relay says how calls are relayed.
	Relay Relay
	// Sizes are the server's own limits of size; zero fields take their defaults.
	Sizes Sizes
	// Log takes what the operator should know; nil discards it.
	Log *slog.Logger
	// Tenses returns the sentences of an answer about holdings: what the
	// operator could be ordered to record from now on, and what it cannot
	// give. nil means those of the package inventory.
	Tenses func() (could, cannot []string)
	// MailboxTenses is Tenses for an answer about one conversation's mailbox.
	MailboxTenses func() (could, cannot []string)
	// Beyond returns sentences that say what deleting everything cannot
	// reach. nil means those of the package inventory.
	Beyond func() []string
}

func (c Config) withDefaults() (Config, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Keep == 0 {
		c.Keep = wire.MaxKeep
	}
	if c.Keep < wire.MinKeep || c.Keep > wire.MaxKeep {
		return c, fmt.Errorf("keep is %d to %d days, not %d", wire.MinKeep, wire.MaxKeep, c.Keep)
	}
	if c.Registration > RegistrationClosed {
		return c, fmt.Errorf("unknown registration policy %d", c.Registration)
	}
	for what, text := range map[string]string{"operator": c.Operator, "jurisdiction": c.Jurisdiction, "contact": c.Contact} {
		if err := Statement(text); err != nil {
			return c, fmt.Errorf("%s is %w", what, err)
		}
	}
	if c.Retention < 0 {
		return c, fmt.Errorf("retention is a number of hours, not %d", c.Retention)
	}
	if c.BriefRetention < 0 || c.BriefRetention >= time.Hour || (c.BriefRetention > 0 && c.Retention > 0) {
		return c, fmt.Errorf("a brief retention is below an hour, and alone, not %v", c.BriefRetention)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Tenses == nil {
		c.Tenses = func() (could, cannot []string) { return inventory.Could(), inventory.Cannot() }
	}
	if c.MailboxTenses == nil {
		c.MailboxTenses = func() (could, cannot []string) { return inventory.CouldOfMailbox(), inventory.CannotOfMailbox() }
	}
	if c.Beyond == nil {
		c.Beyond = inventory.Beyond
	}
	var err error
	if c.Limits, err = c.Limits.withDefaults(); err != nil {
		return c, err
	}
	c.Sizes, err = c.Sizes.withDefaults()
	return c, err
}
