// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"testing"
)

// All targets start from the party stored in testdata: the processes of one
// fuzz run have to agree on the keys.

func FuzzParseKeyPackage(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.kp)
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeyPackage(b)
		if err != nil {
			return
		}
		if again := marshal(framed{wireKeyPackage, k}); !bytes.Equal(again, b) {
			t.Fatalf("two encodings of one key package: %x, %x", b, again)
		}
		if k.Verify(testNow) == nil && !bytes.Equal(b, p.kp) {
			t.Fatal("a forged key package verifies")
		}
	})
}

func FuzzUnmarshalKeyPackagePrivate(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.guestKey.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := UnmarshalKeyPackagePrivate(b)
		if err == nil && (!bytes.Equal(k.Marshal(), b) || k.Ref() == nil) {
			t.Fatal("read something else than was written")
		}
	})
}

func FuzzJoin(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.welcome)
	f.Fuzz(func(t *testing.T, b []byte) {
		refs, err := WelcomeRefs(b)
		g, joinErr := Join(b, p.guestKey, p.guest.signer, testNow, accept)
		if joinErr == nil && (err != nil || len(refs) == 0 || !bytes.Equal(b, p.welcome) || g.Epoch() != 3) {
			t.Fatal("joined by a forged welcome")
		}
	})
}

// FuzzTree takes trees that no signature protects.
func FuzzTree(f *testing.F) {
	p := readStoredParty(f)
	f.Add(marshal(p.party[0].g.tree))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReader(b)
		tree := decodeTree(r)
		if r.end() != nil {
			return
		}
		if again := marshal(tree); !bytes.Equal(again, b) {
			t.Fatal("two encodings of one tree")
		}
		hash := tree.hash()
		if tree.verify([]byte("group"), nil) != nil {
			return
		}
		for i := range tree.leaves {
			tree.filteredPath(LeafIndex(i))
		}
		if i, err := tree.add(&leafNode{}); err == nil {
			tree.remove(i)
		}
		if len(hash) != secretSize {
			t.Fatal("no hash")
		}
	})
}

func FuzzOpen(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.app)
	f.Add(p.commit)
	f.Fuzz(func(t *testing.T, b []byte) {
		g := p.reader(t)
		_, _, _, headerErr := MessageEpoch(b)
		_, peekErr := g.Peek(b)
		p.unchanged(t, g, headerErr)
		m, err := g.Open(b)
		p.unchanged(t, g, err)
		if err == nil && (headerErr != nil || peekErr != nil || !bytes.Equal(b, p.app) || string(m.Plaintext) != "text") {
			t.Fatal("opened a forged message")
		}
	})
}

// FuzzPrivateContent takes what is inside the encryption: a member may have
// written anything there.
func FuzzPrivateContent(f *testing.F) {
	p := readStoredParty(f)
	a, _, err := p.party[1].g.openHandshake(p.commit, ContentCommit)
	if err != nil {
		f.Fatal(err)
	}
	var w writer
	a.content.encodeBody(&w)
	a.encodeAuth(&w)
	f.Add(uint8(ContentCommit), w.b)
	f.Add(uint8(ContentApplication), []byte{1, 'x', 0, 0, 0})
	f.Add(uint8(ContentProposal), []byte{0, 3, 0, 0, 0, 2, 0})
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		m := &privateMessage{groupID: []byte("group"), epoch: 2, contentType: kind}
		a, err := decodePrivateContent(m, 0, b)
		if err != nil || kind != ContentCommit {
			return
		}
		// As if it had been signed.
		g := p.reader(t)
		msg := rawCommit(p.party[0], a.content.commit)
		n, _, err := g.ProcessCommit(msg, testNow, accept)
		p.unchanged(t, g, err)
		if err == nil && n.Epoch() != g.Epoch()+1 {
			t.Fatal("wrong epoch")
		}
	})
}

func FuzzProcessCommit(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.commit)
	f.Add(p.app)
	f.Add(rawCommit(p.party[0], &commit{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := p.reader(t)
		n, _, err := g.ProcessCommit(b, testNow, accept)
		p.unchanged(t, g, err)
		if err == nil && (!bytes.Equal(b, p.commit) || n.Epoch() != g.Epoch()+1) {
			t.Fatal("processed a forged commit")
		}
	})
}

func FuzzProcessProposal(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.publicProposal)
	f.Fuzz(func(t *testing.T, b []byte) {
		g := p.reader(t)
		err := g.ProcessProposal(b)
		p.unchanged(t, g, err)
		if err == nil && !bytes.Equal(b, p.publicProposal) {
			t.Fatal("took a forged proposal")
		}
	})
}

func FuzzUnmarshalGroup(f *testing.F) {
	p := readStoredParty(f)
	f.Add(p.state)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := UnmarshalGroup(b, p.party[1].signer)
		if err != nil {
			return
		}
		state := g.Marshal()
		again, err := UnmarshalGroup(state, p.party[1].signer)
		if err != nil || !bytes.Equal(again.Marshal(), state) {
			t.Fatalf("a state does not survive storing: %v", err)
		}
		// Whatever they answer, they must not panic.
		_, openErr := g.Open(p.app)
		_, _, sealErr := g.Seal(rand.Reader, nil, nil, nil)
		_, _, commitErr := g.ProcessCommit(p.commit, testNow, accept)
		t.Log(openErr, sealErr, commitErr)
	})
}

// FuzzReader takes every other structure that arrives inside something.
func FuzzReader(f *testing.F) {
	p := readStoredParty(f)
	f.Add(marshal(p.party[0].g.groupInfo()))
	f.Add(marshal(&p.party[0].g.context))
	f.Fuzz(func(t *testing.T, b []byte) {
		for i, decode := range []func(*reader) encoder{
			func(r *reader) encoder { return decodeGroupInfo(r) },
			func(r *reader) encoder { c := decodeGroupContext(r); return &c },
			func(r *reader) encoder { return decodeGroupSecrets(r) },
			func(r *reader) encoder { return decodeAuthenticatedContent(r) },
			func(r *reader) encoder { return decodePublicMessage(r) },
			func(r *reader) encoder { return decodeWelcome(r) },
			func(r *reader) encoder { return decodeCommit(r) },
		} {
			r := newReader(b)
			e := decode(r)
			if r.end() == nil && !bytes.Equal(marshal(e), b) {
				t.Fatalf("decoder %d: two encodings of one thing", i)
			}
		}
	})
}
