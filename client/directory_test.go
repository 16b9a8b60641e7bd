// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"crypto/ed25519"
	"testing"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// chainMaker makes directory chains of one account.
type chainMaker struct {
	t        *testing.T
	recovery ed25519.PrivateKey
}

func seedKey(b byte) ed25519.PrivateKey {
	var s [32]byte
	s[0] = b
	return ed25519.NewKeyFromSeed(s[:])
}

// add appends an entry with an identity; byRecovery lets the recovery key sign.
func (m *chainMaker) add(chain [][]byte, identity byte, hour int64, byRecovery bool) [][]byte {
	m.t.Helper()
	key := seedKey(identity)
	e := keydir.Entry{
		Handle: testHandle, Hour: hour, IdentityKey: [32]byte(key.Public().(ed25519.PublicKey)),
		RecoveryKey: [32]byte(m.recovery.Public().(ed25519.PublicKey)), Devices: [][32]byte{{identity}},
		Inbox: wire.MailboxID{identity, byte(hour)},
	}
	if len(chain) > 0 {
		a, err := keydir.Verify(testHandle.Host, chain)
		if err != nil {
			m.t.Fatal(err)
		}
		e.Seq, e.Prev = a.Newest.Seq+1, a.Head
	}
	var recovery ed25519.PrivateKey
	if byRecovery {
		recovery = m.recovery
	}
	b, err := keydir.SignEntry(e, key, recovery)
	if err != nil {
		m.t.Fatal(err)
	}
	return append(append([][]byte{}, chain...), b)
}

// TestOverrules: only an entry by the recovery key, not older than what was
// seen, stands in a seen entry's place.
func TestOverrules(t *testing.T) {
	m := &chainMaker{t: t, recovery: seedKey(100)}
	start := m.add(nil, 1, 10, true)
	seen := m.add(start, 2, 20, true)   // a return by the sheet, since forgotten
	again := m.add(start, 3, 20, true)  // another return, from the entry before
	older := m.add(start, 3, 19, true)  // one from before what was seen
	plain := m.add(start, 1, 30, false) // a fork without the sheet
	late := m.add(older, 3, 30, false)  // the old return, grown since
	other := (&chainMaker{t: t, recovery: seedKey(101)}).add(nil, 4, 40, true)
	for name, c := range map[string]struct {
		chain [][]byte
		want  bool
	}{
		"a return of the same hour":     {again, true},
		"a return grown since":          {m.add(again, 3, 50, false), true},
		"a return from before":          {older, false},
		"a return from before, grown":   {late, false},
		"a fork without the sheet":      {plain, false},
		"the beginning only":            {start, false},
		"another account":               {other, false},
		"nothing":                       {nil, false},
		"a chain that does not verify":  {append(append([][]byte{}, start...), again[1][:len(again[1])-1]), false},
		"an entry of another's, behind": {append(append([][]byte{}, start...), other[0]), false},
	} {
		if got := overrules(testHandle.Host, seen, c.chain); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
