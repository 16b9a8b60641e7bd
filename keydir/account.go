// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"crypto/sha256"
	"slices"

	"clarion.chat/clarion/wire"
)

// Account is what a verified chain says: its newest entry and where it stands.
type Account struct {
	Newest Entry
	Head   [32]byte // SHA-256 of the newest signed entry
	Count  int      // entries in the chain, at least 1
}

// Change says what an entry changed against the one before. Each of these is
// told to the people who write with the account.
type Change struct {
	IdentityChanged bool // another identity key
	ByRecovery      bool // the recovery key signed too
	InboxChanged    bool // another inbox or inbox key
	Added           [][32]byte
	Removed         [][32]byte
}

// Verify checks a chain from entry 0 on and returns what it says. host is the
// host that was asked, never taken from the chain. It proves that whoever holds
// the account's keys made these entries in this order; that it is the only
// chain under its handle, it does not prove.
//
// Errors: those of this package, by the rule that was broken.
func Verify(host string, chain [][]byte) (*Account, error) {
	if len(chain) == 0 {
		return nil, ErrChain
	}
	if len(chain) > wire.MaxChain {
		return nil, ErrTooLong
	}
	a, err := first(host, chain[0])
	for i := 1; i < len(chain) && err == nil; i++ {
		a, _, err = a.Next(chain[i])
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// first checks entry 0: both keys sign, nothing comes before.
func first(host string, b []byte) (*Account, error) {
	s, e, err := parseSigned(b, host)
	if err != nil {
		return nil, err
	}
	if e.Seq != 0 || e.Prev != [32]byte{} {
		return nil, ErrChain
	}
	if !s.byRecovery {
		return nil, ErrNotRecovered
	}
	return &Account{Newest: *e, Head: sha256.Sum256(b), Count: 1}, nil
}

// Next checks that a signed entry follows and returns the account with it, and
// what it changed. The receiver stays as it was.
func (a *Account) Next(b []byte) (*Account, Change, error) {
	was := &a.Newest
	s, e, err := parseSigned(b, was.Handle.Host)
	if err != nil {
		return nil, Change{}, err
	}
	if err := a.follows(s, e); err != nil {
		return nil, Change{}, err
	}
	change := Change{
		IdentityChanged: e.IdentityKey != was.IdentityKey,
		ByRecovery:      s.byRecovery,
		InboxChanged:    e.Inbox != was.Inbox || e.InboxKey != was.InboxKey,
		Added:           without(e.Devices, was.Devices),
		Removed:         without(was.Devices, e.Devices),
	}
	return &Account{Newest: *e, Head: sha256.Sum256(b), Count: a.Count + 1}, change, nil
}

// follows holds an entry to the rules of the chain; its signatures by its own
// keys are verified already.
func (a *Account) follows(s *signed, e *Entry) error {
	was := &a.Newest
	switch {
	case a.Count >= wire.MaxChain:
		return ErrTooLong
	case e.Handle != was.Handle:
		return ErrHandle
	case e.RecoveryKey != was.RecoveryKey || e.RecoverySealKey != was.RecoverySealKey:
		return ErrRecoveryKey
	case e.Seq != was.Seq+1 || e.Prev != a.Head:
		return ErrChain
	case e.Hour < was.Hour:
		return ErrHour
	case e.IdentityKey != was.IdentityKey && !s.byRecovery:
		return ErrNotRecovered
	}
	return nil
}

// Certifies checks that a verified certificate belongs to the account as it
// stands: ErrHandle, ErrWrongKey (another identity key) or ErrDevice if not.
func (a *Account) Certifies(c *Certificate) error {
	switch {
	case c.Handle != a.Newest.Handle:
		return ErrHandle
	case c.IdentityKey != a.Newest.IdentityKey:
		return ErrWrongKey
	case !a.Newest.HasDevice(c.DeviceKey):
		return ErrDevice
	}
	return nil
}

// without returns the keys of a that b lacks.
func without(a, b [][32]byte) [][32]byte {
	var left [][32]byte
	for _, key := range a {
		if !slices.Contains(b, key) {
			left = append(left, key)
		}
	}
	return left
}
