// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
)

// forgeWelcome makes a Welcome to g's epoch for one key package, with a
// GroupInfo that change may spoil before it is signed. The key schedule behind
// it is made up, so a Welcome that passes every check of the tree ends in
// ErrTag.
func forgeWelcome(t *testing.T, d *device, kp []byte, change func(*groupInfo)) []byte {
	t.Helper()
	k, err := ParseKeyPackage(kp)
	if err != nil {
		t.Fatal(err)
	}
	info := d.g.groupInfo()
	change(info)
	info.sign(d.signer)
	joiner, psk := secret{1, 2, 3}, secret{}
	ws := welcomeSecret(&joiner, &psk)
	key, nonce := welcomeKeys(&ws)
	m := &welcome{suite: cipherSuite, info: aeadSeal(key, nonce, nil, marshal(info))}
	c, err := encryptWithLabel(k.initKey, "Welcome", m.info, marshal(&groupSecrets{joiner: joiner}))
	if err != nil {
		t.Fatal(err)
	}
	m.secrets = []encryptedSecrets{{ref: k.Ref(), ciphertext: c}}
	return marshal(framed{wireWelcome, m})
}

// TestWelcomeWithoutTreeRefused: nobody joins a group unseen.
func TestWelcomeWithoutTreeRefused(t *testing.T) {
	party := newParty(t, 2)
	d := newDevice(t, "new")
	kp, priv := d.keyPackage(t)
	commitAll(t, party, 0, CommitOptions{Add: [][]byte{kp}})
	for want, change := range map[error]func(*groupInfo){
		ErrNoTree: func(i *groupInfo) { i.extensions = nil },
		ErrTag:    func(*groupInfo) {},
	} {
		w := forgeWelcome(t, party[0], kp, change)
		if _, err := Join(w, priv, d.signer, testNow, accept); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// spoiltRoot gives the root a changed copy of its node.
func spoiltRoot(t *ratchetTree, f func(*parentNode)) {
	q := *t.parentAt(t.root())
	f(&q)
	t.setParent(t.root(), &q)
}

// spoiltLeaf gives a leaf a changed copy. The parents go, for their hashes
// cover it too and are checked first.
func spoiltLeaf(t *ratchetTree, i LeafIndex, f func(*leafNode)) {
	clear(t.parents)
	l := *t.leaves[i]
	f(&l)
	t.leaves[i] = &l
}

// treeFaults are trees that break one rule each, and the two that break none.
var treeFaults = map[string]struct {
	spoil func(*ratchetTree)
	want  error
}{
	"nothing":    {func(*ratchetTree) {}, ErrTag},
	"no parents": {func(t *ratchetTree) { clear(t.parents) }, ErrTag},
	"leaf of another place": {func(t *ratchetTree) {
		clear(t.parents)
		t.leaves[2], t.leaves[3] = t.leaves[3], t.leaves[2]
	}, ErrSignature},
	"leaf signature": {func(t *ratchetTree) {
		spoiltLeaf(t, 4, func(l *leafNode) {
			l.signature = bytes.Clone(l.signature)
			l.signature[0] ^= 1
		})
	}, ErrSignature},
	"credential changed": {func(t *ratchetTree) {
		spoiltLeaf(t, 4, func(l *leafNode) { l.identity = []byte("mallory") })
	}, ErrSignature},
	"suite not in the capabilities": {func(t *ratchetTree) {
		spoiltLeaf(t, 4, func(l *leafNode) { l.caps.suites = []uint16{2} })
	}, ErrInvalidLeaf},
	"signature key of a wrong size": {func(t *ratchetTree) {
		spoiltLeaf(t, 4, func(l *leafNode) { l.signatureKey = l.signatureKey[1:] })
	}, ErrInvalidLeaf},
	"extension not in the capabilities": {func(t *ratchetTree) {
		spoiltLeaf(t, 4, func(l *leafNode) { l.extensions = []extension{{kind: 0xff00}} })
	}, ErrInvalidLeaf},
	"leaf left out": {func(t *ratchetTree) { t.leaves[3] = nil }, ErrInvalidTree},
	"parent key replaced": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { _, p.encryptionKey, _ = newKeyPair(rand.Reader) })
	}, ErrInvalidTree},
	"parent hash replaced": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { p.parentHash = make([]byte, secretSize) })
	}, ErrInvalidTree},
	"unmerged leaf that is blank": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { p.unmerged = append(slices.Clone(p.unmerged), 7) })
	}, ErrInvalidTree},
	"unmerged leaf outside": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { p.unmerged = append(slices.Clone(p.unmerged), 1<<30) })
	}, ErrInvalidTree},
	"unmerged leaf invented": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { p.unmerged = []LeafIndex{2} })
	}, ErrInvalidTree},
	"parent invented": {func(t *ratchetTree) {
		_, pub, _ := newKeyPair(rand.Reader)
		i := slices.Index(t.parents, nil)
		t.setParent(nodeIndex(2*i+1), &parentNode{encryptionKey: pub})
	}, ErrInvalidTree},
	"same key twice": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { p.encryptionKey = t.leaves[0].encryptionKey })
	}, ErrInvalidTree},
	"key of a wrong size": {func(t *ratchetTree) {
		spoiltRoot(t, func(p *parentNode) { p.encryptionKey = p.encryptionKey[1:] })
	}, ErrInvalidTree},
	"we are not in it": {func(t *ratchetTree) { t.replaceLeaf(5, nil) }, ErrInvalidTree},
}

// TestWelcomeTreeVerified: each rule of RFC 9420 §12.4.3.1 is broken by
// itself, by an inviter who signs whatever it likes and gives the right hash.
func TestWelcomeTreeVerified(t *testing.T) {
	party := newParty(t, 6)
	d := newDevice(t, "new")
	kp, priv := d.keyPackage(t)
	commitAll(t, party, 0, CommitOptions{Remove: []LeafIndex{5}})
	commitAll(t, party[:5], 2, CommitOptions{Add: [][]byte{kp}}) // leaf 5, unmerged nowhere
	kp2, _ := newDevice(t, "other").keyPackage(t)
	commitAll(t, party[:5], 1, CommitOptions{Add: [][]byte{kp2}})
	host := party[1]
	for name, x := range treeFaults {
		w := forgeWelcome(t, host, kp, func(i *groupInfo) {
			tree := host.g.tree.clone()
			x.spoil(tree)
			clear(tree.hashes)
			i.context.treeHash = tree.hash()
			i.extensions[0].data = marshal(tree)
		})
		if _, err := Join(w, priv, d.signer, testNow, accept); !errors.Is(err, x.want) {
			t.Errorf("%s: got %v, want %v", name, err, x.want)
		}
	}
	for name, change := range map[string]func(*groupInfo){
		"another tree hash": func(i *groupInfo) { i.context.treeHash = make([]byte, secretSize) },
		"signer is blank":   func(i *groupInfo) { i.signer = 7 },
		"signer outside":    func(i *groupInfo) { i.signer = 1 << 31 },
	} {
		w := forgeWelcome(t, host, kp, change)
		if _, err := Join(w, priv, d.signer, testNow, accept); !errors.Is(err, ErrInvalidTree) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := forgeWelcome(t, host, kp, func(i *groupInfo) { i.signer = 0 })
	if _, err := Join(w, priv, d.signer, testNow, accept); !errors.Is(err, ErrSignature) {
		t.Errorf("signed by another: %v", err)
	}
}

// TestJoinRefusals: whoever joins is asked about every other member, and the
// keys have to be the right ones.
func TestJoinRefusals(t *testing.T) {
	party := newParty(t, 3)
	d := newDevice(t, "new")
	kp, priv := d.keyPackage(t)
	w := commitAll(t, party, 0, CommitOptions{Add: [][]byte{kp}})
	_, otherPriv := newDevice(t, "other").keyPackage(t)
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	refused := errors.New("refused")
	for _, x := range []struct {
		want error
		f    func() (*Group, error)
	}{
		{refused, func() (*Group, error) {
			return Join(w, priv, d.signer, testNow, func(m Member) error {
				if m.Leaf == 2 {
					return refused
				}
				return nil
			})
		}},
		{ErrNoValidate, func() (*Group, error) { return Join(w, priv, d.signer, testNow, nil) }},
		{ErrKeyMismatch, func() (*Group, error) { return Join(w, priv, stranger, testNow, accept) }},
		{ErrKeyMismatch, func() (*Group, error) { return Join(w, otherPriv, d.signer, testNow, accept) }},
		{ErrNotForUs, func() (*Group, error) {
			o := newDevice(t, "o")
			_, p := o.keyPackage(t)
			return Join(w, p, o.signer, testNow, accept)
		}},
		{ErrWrongContent, func() (*Group, error) { return Join(kp, priv, d.signer, testNow, accept) }},
		{ErrArgument, func() (*Group, error) { return Join(w, nil, d.signer, testNow, accept) }},
		{ErrArgument, func() (*Group, error) { return Join(w, priv, nil, testNow, accept) }},
	} {
		if g, err := x.f(); !errors.Is(err, x.want) || g != nil {
			t.Errorf("got %v, want %v", err, x.want)
		}
	}
	for i := 0; i < len(w); i += 5 {
		bad := bytes.Clone(w)
		bad[i] ^= 4
		if _, err := Join(bad, priv, d.signer, testNow, accept); err == nil {
			t.Fatalf("octet %d changed and accepted", i)
		}
	}
	asked := map[string]bool{}
	g, err := Join(w, priv, d.signer, testNow, func(m Member) error { asked[string(m.Credential)] = true; return nil })
	if err != nil || len(asked) != 3 || asked["new"] {
		t.Fatalf("asked about %v, %v", asked, err)
	}
	d.g = g
	agree(t, append(party, d))
}

func TestKeyPackage(t *testing.T) {
	d := newDevice(t, "me")
	kp, priv, err := NewKeyPackage(rand.Reader, d.signer, []byte("me"), testPast, testEnd, true)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKeyPackage(kp)
	if err != nil {
		t.Fatal(err)
	}
	from, to := k.Lifetime()
	if m := k.Member(); string(m.Credential) != "me" || !bytes.Equal(m.SignatureKey, publicKey(d.signer)) ||
		!k.LastResort() || from != testPast || to != testEnd || !bytes.Equal(k.Ref(), priv.Ref()) || len(k.Ref()) != 32 {
		t.Errorf("%+v", k)
	}
	for now, want := range map[uint64]error{testPast - 1: ErrLifetime, testPast: nil, testEnd: nil, testEnd + 1: ErrLifetime} {
		if err := k.Verify(now); !errors.Is(err, want) {
			t.Errorf("at %d: %v", now, err)
		}
	}
	for i := range kp {
		bad := bytes.Clone(kp)
		bad[i] ^= 2
		if k, err := ParseKeyPackage(bad); err == nil && k.Verify(testNow) == nil {
			t.Fatalf("octet %d changed and accepted", i)
		}
	}
	back, err := UnmarshalKeyPackagePrivate(priv.Marshal())
	if err != nil || !bytes.Equal(back.Marshal(), priv.Marshal()) {
		t.Fatal(err)
	}
	blob := priv.Marshal()
	blob[len(blob)-40] ^= 1
	if _, err := UnmarshalKeyPackagePrivate(blob); !errors.Is(err, ErrKeyMismatch) {
		t.Errorf("another private key: %v", err)
	}
	priv.Forget()
	if priv.init != (hpkePrivate{}) || priv.leaf != (hpkePrivate{}) {
		t.Error("private keys are left")
	}
	if _, _, err := NewKeyPackage(rand.Reader, nil, nil, 0, 1, false); !errors.Is(err, ErrArgument) {
		t.Errorf("no signer: %v", err)
	}
	if _, _, err := NewKeyPackage(rand.Reader, d.signer, nil, 2, 1, false); !errors.Is(err, ErrArgument) {
		t.Errorf("lifetime of nothing: %v", err)
	}
}
