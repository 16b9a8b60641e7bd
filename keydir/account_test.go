// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"testing"

	"clarion.chat/clarion/wire"
	"pgregory.net/rapid"
)

func TestVerifyTrueChain(t *testing.T) {
	o := newOwner(t, "ada", 1)
	o.entry.Hour++
	o.add(t, nil)
	o.newIdentity("ada's second")
	o.add(t, o.recovery)
	a := o.verify(t)
	if a.Count != 3 || a.Newest.Seq != 2 || a.Head != sha256.Sum256(o.chain[2]) || a.Newest.IdentityKey != o.entry.IdentityKey {
		t.Errorf("the account is %+v", a)
	}
}

// TestNextRefuses breaks each rule of the chain once, all else being true.
func TestNextRefuses(t *testing.T) {
	eve, eveKey := key("eve")
	for name, tc := range map[string]struct {
		change   func(*owner)
		recovery bool
		want     error
	}{
		"another name":              {func(o *owner) { o.entry.Handle.Name = "eve" }, true, ErrHandle},
		"another host":              {func(o *owner) { o.entry.Handle.Host = "other.example" }, true, ErrHost},
		"another recovery key":      {func(o *owner) { o.recovery, o.entry.RecoveryKey = eve, eveKey }, true, ErrRecoveryKey},
		"another recovery seal key": {func(o *owner) { o.entry.RecoverySealKey[0]++ }, true, ErrRecoveryKey},
		"a skipped number":          {func(o *owner) { o.entry.Seq++ }, true, ErrChain},
		"a repeated number":         {func(o *owner) { o.entry.Seq-- }, true, ErrChain},
		"another entry before":      {func(o *owner) { o.entry.Prev[0]++ }, true, ErrChain},
		"an hour back":              {func(o *owner) { o.entry.Hour-- }, true, ErrHour},
		"identity without recovery": {func(o *owner) { o.identity, o.entry.IdentityKey = eve, eveKey }, false, ErrNotRecovered},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner(t, "ada", 2)
			before := o.verify(t)
			tc.change(o)
			var recovery ed25519.PrivateKey
			if tc.recovery {
				recovery = o.recovery
			}
			b, err := SignEntry(o.entry, o.identity, recovery)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := before.Next(b); !errors.Is(err, tc.want) {
				t.Errorf("Next gives %v, want %v", err, tc.want)
			}
			if a, err := Verify(testHost, append(o.chain, b)); !errors.Is(err, tc.want) || a != nil {
				t.Errorf("Verify gives %v, %v, want %v", a, err, tc.want)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	o := newOwner(t, "ada", 1)
	o.add(t, nil)
	unrecovered, numbered, chained := newOwner(t, "ada", 1), newOwner(t, "ada", 1), newOwner(t, "ada", 1)
	sign := func(o *owner, recovery ed25519.PrivateKey, change func(*Entry)) [][]byte {
		o.entry.Seq, o.entry.Prev = 0, [32]byte{}
		change(&o.entry)
		b, err := SignEntry(o.entry, o.identity, recovery)
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{b}
	}
	for name, tc := range map[string]struct {
		host  string
		chain [][]byte
		want  error
	}{
		"nothing":                    {testHost, nil, ErrChain},
		"too many":                   {testHost, make([][]byte, wire.MaxChain+1), ErrTooLong},
		"another host":               {"other.example", o.chain, ErrHost},
		"no entry 0":                 {testHost, o.chain[1:], ErrChain},
		"an entry twice":             {testHost, append(slices.Clone(o.chain), o.chain[1]), ErrChain},
		"an empty entry":             {testHost, [][]byte{{}}, ErrMalformed},
		"0 not signed by recovery":   {testHost, sign(unrecovered, nil, func(*Entry) {}), ErrNotRecovered},
		"0 with a number":            {testHost, sign(numbered, numbered.recovery, func(e *Entry) { e.Seq = 1 }), ErrChain},
		"0 with a hash before":       {testHost, sign(chained, chained.recovery, func(e *Entry) { e.Prev[31] = 1 }), ErrChain},
		"another account's next":     {testHost, [][]byte{o.chain[0], newSecond(t)}, ErrHandle},
		"a true chain, as a control": {testHost, o.chain, nil},
	} {
		if a, err := Verify(tc.host, tc.chain); !errors.Is(err, tc.want) || (a == nil) != (tc.want != nil) {
			t.Errorf("%s: %v, %v, want %v", name, a, err, tc.want)
		}
	}
}

func newSecond(t *testing.T) []byte {
	o := newOwner(t, "omar", 1)
	o.add(t, nil)
	return o.chain[1]
}

// TestEveryBitIsSigned flips each bit of an entry and of its signatures.
func TestEveryBitIsSigned(t *testing.T) {
	o := newOwner(t, "ada", 1)
	for at := range o.chain[0] {
		for bit := range 8 {
			b := bytes.Clone(o.chain[0])
			b[at] ^= 1 << bit
			if _, err := Verify(testHost, [][]byte{b}); err == nil {
				t.Fatalf("bit %d of byte %d may be flipped", bit, at)
			}
		}
	}
	for n := range o.chain[0] {
		if _, err := Verify(testHost, [][]byte{o.chain[0][:n]}); err == nil {
			t.Fatalf("the first %d bytes are taken", n)
		}
	}
	if _, err := Verify(testHost, [][]byte{append(bytes.Clone(o.chain[0]), 0)}); !errors.Is(err, ErrMalformed) {
		t.Errorf("one byte more gives %v", err)
	}
}

// TestForgedSignatures has the right form and the wrong key.
func TestForgedSignatures(t *testing.T) {
	o := newOwner(t, "ada", 1)
	eve, _ := key("eve")
	e := o.entry
	e.Seq, e.Prev = 0, [32]byte{}
	entry := wire.MustMarshal(&e)
	toSign := wire.ToSign(purposeEntry, testHost, entry)
	elsewhere := wire.ToSign(purposeCertificate, testHost, entry)
	for name, keys := range map[string]struct {
		identity, recovery []byte
	}{
		"identity":         {ed25519.Sign(eve, toSign), ed25519.Sign(o.recovery, toSign)},
		"recovery":         {ed25519.Sign(o.identity, toSign), ed25519.Sign(eve, toSign)},
		"exchanged":        {ed25519.Sign(o.recovery, toSign), ed25519.Sign(o.identity, toSign)},
		"another purpose":  {ed25519.Sign(o.identity, elsewhere), ed25519.Sign(o.recovery, elsewhere)},
		"bare, no purpose": {ed25519.Sign(o.identity, entry), ed25519.Sign(o.recovery, entry)},
	} {
		s := signed{entry, wire.Signature(keys.identity), true, wire.Signature(keys.recovery)}
		if _, err := Verify(testHost, [][]byte{wire.MustMarshal(&s)}); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want %v", name, err, ErrSignature)
		}
	}
}

func TestChange(t *testing.T) {
	o := newOwner(t, "ada", 3)
	before := o.verify(t)
	copied := *before
	copied.Newest.Devices = slices.Clone(before.Newest.Devices)
	gone, stays := o.entry.Devices[0], o.entry.Devices[1:]
	added := [32]byte{0xff, 0xff}
	o.entry.Devices = append(slices.Clone(stays), added)
	slices.SortFunc(o.entry.Devices, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	o.entry.InboxKey[0]++
	o.newIdentity("ada's second")
	o.add(t, o.recovery)
	after, change, err := before.Next(o.chain[1])
	if err != nil {
		t.Fatal(err)
	}
	want := Change{true, true, true, [][32]byte{added}, [][32]byte{gone}}
	if !reflect.DeepEqual(change, want) {
		t.Errorf("the change is %+v, want %+v", change, want)
	}
	o.add(t, nil)
	if _, change, err = after.Next(o.chain[2]); err != nil || !reflect.DeepEqual(change, Change{}) {
		t.Errorf("an entry that changes nothing gives %+v, %v", change, err)
	}
	after.Newest.Devices[0][0]++
	if !reflect.DeepEqual(*before, copied) {
		t.Error("the account before has changed")
	}
}

func TestEntryLimits(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"no device": func(e *Entry) { e.Devices = nil },
		"17 devices": func(e *Entry) {
			e.Devices = make([][32]byte, 17)
			for i := range e.Devices {
				e.Devices[i][0] = byte(i)
			}
		},
		"unsorted devices": func(e *Entry) { slices.Reverse(e.Devices) },
		"a device twice":   func(e *Entry) { e.Devices[1] = e.Devices[0] },
		"a false name":     func(e *Entry) { e.Handle.Name = "Ada" },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner(t, "ada", 2)
			true0 := wire.MustMarshal(&o.entry)
			change(&o.entry)
			if _, err := SignEntry(o.entry, o.identity, o.recovery); !errors.Is(err, ErrMalformed) {
				t.Errorf("signing gives %v", err)
			}
			var e Entry
			if err := wire.Unmarshal(true0, &e); err != nil {
				t.Fatalf("control: %v", err)
			}
		})
	}
	o := newOwner(t, "ada", 2)
	b := wire.MustMarshal(&o.entry)
	for name, lie := range map[string][]byte{
		"no device":        append(bytes.Clone(b[:len(b)-65]), 0),
		"17 devices":       append(append(bytes.Clone(b[:len(b)-65]), 17), make([]byte, 17*32)...),
		"unsorted devices": append(bytes.Clone(b[:len(b)-64]), append(bytes.Clone(b[len(b)-32:]), b[len(b)-64:len(b)-32]...)...),
	} {
		var e Entry
		if err := wire.Unmarshal(lie, &e); !errors.Is(err, ErrMalformed) {
			t.Errorf("reading %s gives %v", name, err)
		}
	}
}

func TestSignEntryWrongKeys(t *testing.T) {
	o := newOwner(t, "ada", 1)
	eve, _ := key("eve")
	for name, keys := range map[string][2]ed25519.PrivateKey{
		"identity": {eve, nil}, "recovery": {o.identity, eve}, "no identity": {nil, nil}, "short": {o.identity[:63], nil},
	} {
		if b, err := SignEntry(o.entry, keys[0], keys[1]); !errors.Is(err, ErrWrongKey) || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	o := newOwner(t, "ada", 1)
	var s signed
	if err := wire.Unmarshal(o.chain[0], &s); err != nil {
		t.Fatal(err)
	}
	s.entry[0] = 2
	if _, err := Verify(testHost, [][]byte{wire.MustMarshal(&s)}); !errors.Is(err, ErrVersion) {
		t.Errorf("an entry of version 2 gives %v", err)
	}
}

func TestChainAtItsLimit(t *testing.T) {
	o := newOwner(t, "ada", MaxDevices)
	for len(o.chain) < wire.MaxChain {
		o.add(t, o.recovery)
	}
	a := o.verify(t)
	if longest := slices.MaxFunc(o.chain, func(a, b []byte) int { return len(a) - len(b) }); len(longest) > wire.MaxEntry {
		t.Errorf("an entry of %d bytes is past wire.MaxEntry", len(longest))
	}
	o.add(t, nil)
	if _, _, err := a.Next(o.chain[wire.MaxChain]); !errors.Is(err, ErrTooLong) {
		t.Errorf("an entry past the limit gives %v", err)
	}
}

// TestRandomChains makes chains of drawn true entries, which must verify, and
// then leaves out, repeats, exchanges or alters one, which must not.
func TestRandomChains(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := newOwner(t, "ada", rapid.IntRange(1, MaxDevices).Draw(rt, "devices"))
		for i := range rapid.IntRange(1, 6).Draw(rt, "entries") {
			drawEntry(rt, o, i)
			var recovery ed25519.PrivateKey
			if o.entry.IdentityKey != o.verify(t).Newest.IdentityKey || rapid.Bool().Draw(rt, "by recovery") {
				recovery = o.recovery
			}
			o.add(t, recovery)
		}
		if a := o.verify(t); a.Count != len(o.chain) {
			rt.Fatalf("%d entries verified of %d", a.Count, len(o.chain))
		}
		broken := slices.Clone(o.chain)
		at := rapid.IntRange(0, len(broken)-2).Draw(rt, "at")
		switch rapid.IntRange(0, 3).Draw(rt, "fault") {
		case 0:
			broken = slices.Delete(broken, at, at+1)
		case 1:
			broken = slices.Insert(broken, at, broken[at])
		case 2:
			broken[at], broken[at+1] = broken[at+1], broken[at]
		case 3:
			broken[at] = bytes.Clone(broken[at])
			broken[at][rapid.IntRange(0, len(broken[at])-1).Draw(rt, "byte")] ^= 0x10
		}
		if a, err := Verify(testHost, broken); err == nil || a != nil {
			rt.Fatal("a broken chain verifies")
		}
	})
}

// drawEntry changes the entry to come in any ways the rules allow.
func drawEntry(rt *rapid.T, o *owner, i int) {
	o.entry.Hour += rapid.Int64Range(0, 100).Draw(rt, "hours")
	if rapid.Bool().Draw(rt, "other inbox") {
		o.entry.Inbox[0]++
	}
	if rapid.Bool().Draw(rt, "other identity") {
		o.newIdentity(string(rune('a' + i)))
	}
	if len(o.entry.Devices) > 1 && rapid.Bool().Draw(rt, "device leaves") {
		o.entry.Devices = o.entry.Devices[1:]
	}
}

func FuzzVerify(f *testing.F) {
	o := newOwner(f, "ada", 2)
	o.newIdentity("ada's second")
	o.add(f, o.recovery)
	f.Add(o.chain[0], o.chain[1])
	f.Add(o.chain[1], o.chain[0])
	f.Add([]byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, zero, one []byte) {
		a, err := Verify(testHost, [][]byte{zero, one})
		if err != nil {
			if a != nil {
				t.Fatal("an account beside an error")
			}
			return
		}
		if a.Count != 2 || a.Newest.Seq != 1 || a.Newest.Prev != sha256.Sum256(zero) || a.Head != sha256.Sum256(one) {
			t.Fatalf("a chain that is none verifies: %+v", a)
		}
	})
}
