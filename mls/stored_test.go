// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// storedParty is a group of three in epoch 2, kept in testdata as it was
// written by the first version: states, keys and messages that have to stay
// readable. A fourth, the guest, holds a Welcome to epoch 3.
type storedParty struct {
	party          []*device
	guest          *device
	guestKey       *KeyPackagePrivate
	kp, welcome    []byte
	commit, app    []byte
	publicProposal []byte
	state          []byte // of member 1, for whom all messages are new
}

var storedPath = filepath.Join("testdata", "party.txt")

func newStoredParty(t testing.TB) *storedParty {
	p := &storedParty{party: newParty(t, 3), guest: newDevice(t, "guest")}
	p.kp, p.guestKey = p.guest.keyPackage(t)
	p.app = seal(t, p.party[0], "text")
	var err error
	p.commit, p.welcome, _, err = p.party[0].g.Commit(rand.Reader, CommitOptions{Add: [][]byte{p.kp}, Now: testNow, Validate: accept})
	if err != nil {
		t.Fatal(err)
	}
	c := p.party[0].g.content(ContentProposal, nil)
	c.proposal = &proposal{kind: proposalRemove, remove: 2}
	p.publicProposal = p.party[0].g.sealPublic(c)
	return p
}

func (p *storedParty) write(t testing.TB) {
	var out strings.Builder
	line := func(name string, b []byte) { out.WriteString(name + " " + hex.EncodeToString(b) + "\n") }
	for i, d := range p.party {
		line("seed"+strconv.Itoa(i), d.signer.Seed())
		line("state"+strconv.Itoa(i), d.g.Marshal())
	}
	line("guest", p.guest.signer.Seed())
	line("guestkey", p.guestKey.Marshal())
	line("keypackage", p.kp)
	line("welcome", p.welcome)
	line("commit", p.commit)
	line("application", p.app)
	line("proposal", p.publicProposal)
	if err := os.WriteFile(storedPath, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readStoredParty(t testing.TB) *storedParty {
	t.Helper()
	b, err := os.ReadFile(storedPath)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if m[name], err = hex.DecodeString(value); err != nil {
			t.Fatal(err)
		}
	}
	p := &storedParty{guest: &device{name: "guest", signer: seedSigner(m["guest"])}, kp: m["keypackage"], welcome: m["welcome"],
		commit: m["commit"], app: m["application"], publicProposal: m["proposal"], state: m["state1"]}
	for i := range 3 {
		d := &device{name: "device-" + strconv.Itoa(i), signer: seedSigner(m["seed"+strconv.Itoa(i)])}
		if d.g, err = UnmarshalGroup(m["state"+strconv.Itoa(i)], d.signer); err != nil {
			t.Fatal(err)
		}
		p.party = append(p.party, d)
	}
	if p.guestKey, err = UnmarshalKeyPackagePrivate(m["guestkey"]); err != nil {
		t.Fatal(err)
	}
	return p
}

// reader returns member 1 in the state in which all messages are new.
func (p *storedParty) reader(t testing.TB) *Group {
	g, err := UnmarshalGroup(p.state, p.party[1].signer)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (p *storedParty) unchanged(t *testing.T, g *Group, err error) {
	if err != nil && !bytes.Equal(g.Marshal(), p.state) {
		t.Fatalf("%v changed the state", err)
	}
}

// TestStoredStateStaysReadable: what an earlier version wrote still works.
// CLARION_WRITE_PARTY=1 writes it anew, which breaks that promise.
func TestStoredStateStaysReadable(t *testing.T) {
	if os.Getenv("CLARION_WRITE_PARTY") == "1" {
		newStoredParty(t).write(t)
	}
	p := readStoredParty(t)
	agree(t, p.party)
	open(t, p.party[1], p.app, "text")
	if err := p.party[2].g.ProcessProposal(p.publicProposal); err != nil {
		t.Error(err)
	}
	for _, d := range p.party[1:] {
		n, _, err := d.g.ProcessCommit(p.commit, testNow, accept)
		if err != nil {
			t.Fatal(err)
		}
		d.g = n
	}
	p.guest.join(t, p.welcome, p.guestKey)
	agree(t, append(p.party[1:], p.guest))
	if !bytes.Equal(p.reader(t).Marshal(), p.state) {
		t.Error("a stored state is written differently today")
	}
}
