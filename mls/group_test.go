// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strconv"
	"testing"
)

// A device of the tests: a signing key and, after joining, a group.
type device struct {
	name   string
	signer ed25519.PrivateKey
	g      *Group
}

const (
	testNow  = 1_800_000_000
	testPast = testNow - 1000
	testEnd  = testNow + 1000
)

func accept(Member) error { return nil }

func newDevice(t testing.TB, name string) *device {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &device{name: name, signer: priv}
}

func (d *device) keyPackage(t testing.TB) ([]byte, *KeyPackagePrivate) {
	t.Helper()
	kp, priv, err := NewKeyPackage(rand.Reader, d.signer, []byte(d.name), testPast, testEnd, false)
	if err != nil {
		t.Fatal(err)
	}
	return kp, priv
}

func (d *device) join(t testing.TB, welcome []byte, priv *KeyPackagePrivate) {
	t.Helper()
	g, err := Join(welcome, priv, d.signer, testNow, accept)
	if err != nil {
		t.Fatalf("%s joins: %v", d.name, err)
	}
	d.g = g
}

// restore stores and reads the state, as a restart would.
func (d *device) restore(t testing.TB) {
	t.Helper()
	b := d.g.Marshal()
	g, err := UnmarshalGroup(b, d.signer)
	if err != nil {
		t.Fatalf("%s restores: %v", d.name, err)
	}
	if !bytes.Equal(g.Marshal(), b) {
		t.Fatalf("%s: state does not survive storing", d.name)
	}
	d.g = g
}

// newParty makes a group of n devices, each added by the one before.
func newParty(t testing.TB, n int) []*device {
	t.Helper()
	first := newDevice(t, "device-0")
	g, err := Create(rand.Reader, []byte("group"), first.signer, []byte(first.name), testPast, testEnd)
	if err != nil {
		t.Fatal(err)
	}
	first.g = g
	party := []*device{first}
	for i := 1; i < n; i++ {
		d := newDevice(t, "device-"+strconv.Itoa(i))
		kp, priv := d.keyPackage(t)
		welcome := commitAll(t, party, i-1, CommitOptions{Add: [][]byte{kp}})
		d.join(t, welcome, priv)
		party = append(party, d)
	}
	agree(t, party)
	return party
}

// commitAll lets one device commit and all others process it.
func commitAll(t testing.TB, party []*device, from int, o CommitOptions) []byte {
	t.Helper()
	o.Now, o.Validate = testNow, accept
	msg, welcome, next, err := party[from].g.Commit(rand.Reader, o)
	if err != nil {
		t.Fatalf("%s commits: %v", party[from].name, err)
	}
	for i, d := range party {
		if i == from {
			continue
		}
		n, _, err := d.g.ProcessCommit(msg, testNow, accept)
		if errors.Is(err, ErrRemoved) {
			d.g = nil
			continue
		}
		if err != nil {
			t.Fatalf("%s processes: %v", d.name, err)
		}
		d.g = n
	}
	party[from].g = next
	return welcome
}

func agree(t testing.TB, party []*device) {
	t.Helper()
	var one *Group
	for _, d := range party {
		if d.g == nil {
			continue
		}
		if one == nil {
			one = d.g
			continue
		}
		if d.g.Epoch() != one.Epoch() || !bytes.Equal(d.g.EpochAuthenticator(), one.EpochAuthenticator()) ||
			!bytes.Equal(d.g.Export("x", []byte("y"), 40), one.Export("x", []byte("y"), 40)) {
			t.Fatalf("%s disagrees in epoch %d", d.name, d.g.Epoch())
		}
		a, b := one.Members(), d.g.Members()
		if len(a) != len(b) {
			t.Fatalf("%s sees %d members, others %d", d.name, len(b), len(a))
		}
		for i := range a {
			if a[i].Leaf != b[i].Leaf || !bytes.Equal(a[i].Credential, b[i].Credential) {
				t.Fatalf("%s sees another member at %d", d.name, a[i].Leaf)
			}
		}
	}
}

func seal(t testing.TB, d *device, text string) []byte {
	t.Helper()
	m, _, err := d.g.Seal(rand.Reader, []byte(text), []byte("aad"), nil)
	if err != nil {
		t.Fatalf("%s seals: %v", d.name, err)
	}
	return m
}

func open(t testing.TB, d *device, msg []byte, want string) {
	t.Helper()
	m, err := d.g.Open(msg)
	if err != nil {
		t.Fatalf("%s opens: %v", d.name, err)
	}
	if string(m.Plaintext) != want || string(m.AAD) != "aad" {
		t.Fatalf("%s opened %q, %q", d.name, m.Plaintext, m.AAD)
	}
}

func TestLifeOfAGroup(t *testing.T) {
	party := newParty(t, 5)
	for i, d := range party {
		msg := seal(t, d, "hello "+d.name)
		for j, e := range party {
			if i != j {
				open(t, e, msg, "hello "+d.name)
				e.restore(t)
			}
		}
	}
	commitAll(t, party, 2, CommitOptions{})
	agree(t, party)
	commitAll(t, party, 0, CommitOptions{Remove: []LeafIndex{1, 3}})
	agree(t, party)
	if party[1].g != nil || party[3].g != nil {
		t.Fatal("removed members did not notice")
	}
	if got := len(party[0].g.Members()); got != 3 {
		t.Fatalf("%d members", got)
	}
	d := newDevice(t, "late")
	kp, priv := d.keyPackage(t)
	party = []*device{party[0], party[2], party[4]}
	d.join(t, commitAll(t, party, 2, CommitOptions{Add: [][]byte{kp}}), priv)
	party = append(party, d)
	agree(t, party)
	if d.g.OwnLeaf() != 1 {
		t.Fatalf("the leftmost blank leaf is 1, got %d", d.g.OwnLeaf())
	}
	msg := seal(t, d, "x")
	for _, e := range party[:3] {
		open(t, e, msg, "x")
	}
}
