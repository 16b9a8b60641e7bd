// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"testing"
)

// The faults found in other implementations, and forward secrecy at rest.

// TestSecretTreeRootDeleted: the root and every node above a leaf in use are
// gone from memory and from the stored state.
func TestSecretTreeRootDeleted(t *testing.T) {
	party := newParty(t, 5)
	d := party[1]
	root := d.g.keys.nodes[d.g.tree.root()]
	if root == (secret{}) || !bytes.Contains(d.g.Marshal(), root[:]) {
		t.Fatal("a fresh epoch should hold the root")
	}
	used := map[nodeIndex]secret{}
	x := root
	for n := d.g.tree.root(); !n.isLeaf(); {
		used[n] = x
		side, child := "left", n.left()
		if n.right().covers(LeafIndex(4).node()) {
			side, child = "right", n.right()
		}
		x, n = toSecret(expandWithLabel(x[:], "tree", []byte(side), secretSize)), child
	}
	used[LeafIndex(4).node()] = x
	open(t, d, seal(t, party[4], "m"), "m")
	blob := d.g.Marshal()
	for n, s := range used {
		if _, ok := d.g.keys.nodes[n]; ok || bytes.Contains(blob, s[:]) {
			t.Errorf("the secret of node %d is still held", n)
		}
	}
	for _, e := range party {
		if e != party[4] && e != d {
			open(t, d, seal(t, e, "m"), "m")
		}
	}
	seal(t, d, "own")
	if len(d.g.keys.ratchets) != 5 {
		t.Fatalf("%d ratchets", len(d.g.keys.ratchets))
	}
	// Leaves 5 to 7 do not exist; what is left covers only them.
	for n := range d.g.keys.nodes {
		if from, _ := n.leaves(); from < 5 {
			t.Errorf("node %d is still held", n)
		}
	}
}

// TestStolenStateReadsNothingOld: whoever takes the stored state after a
// message was opened or sealed cannot decrypt it, whatever leaf they claim.
func TestStolenStateReadsNothingOld(t *testing.T) {
	party := newParty(t, 3)
	received := seal(t, party[0], "received")
	open(t, party[1], received, "received")
	sent := seal(t, party[1], "sent")
	for _, msg := range [][]byte{received, sent} {
		thief, err := UnmarshalGroup(party[1].g.Marshal(), party[1].signer)
		if err != nil {
			t.Fatal(err)
		}
		thief.own = 2 // so that "our own message" is not what protects it
		if m, err := thief.Open(msg); !errors.Is(err, ErrReplay) {
			t.Errorf("opened again: %v, %v", m, err)
		}
	}
}

// TestOldEpochSecretsGone: nothing of one epoch is in the next one's state,
// and neither are the secrets between the two.
func TestOldEpochSecretsGone(t *testing.T) {
	party := newParty(t, 4)
	a, b := party[0], party[1]
	before := b.g
	var secrets [][]byte
	for _, s := range before.secrets.all() {
		secrets = append(secrets, bytes.Clone(s[:]))
	}
	secrets = append(secrets, bytes.Clone(a.g.priv[0][:]))
	old := a.g.Marshal()
	commitAll(t, party, 0, CommitOptions{})
	for _, s := range secrets[:8] {
		if !bytes.Contains(old, s) {
			t.Fatal("the search finds nothing")
		}
	}
	for i, s := range secrets {
		if bytes.Contains(a.g.Marshal(), s) || bytes.Contains(b.g.Marshal(), s) {
			t.Errorf("secret %d of the last epoch is still there", i)
		}
	}
}

// recordingReader remembers what it gave out.
type recordingReader struct{ out []byte }

func (r *recordingReader) Read(p []byte) (int, error) {
	n, err := rand.Read(p)
	r.out = append(r.out, p[:n]...)
	return n, err
}

// TestEpochSecretsGone: joiner, epoch and path secrets do not stay.
func TestEpochSecretsGone(t *testing.T) {
	var r recordingReader
	_, signer, _ := ed25519.GenerateKey(rand.Reader)
	g, err := Create(&r, []byte("g"), signer, []byte("c"), testPast, testEnd)
	if err != nil {
		t.Fatal(err)
	}
	epoch := toSecret(r.out[32:64])
	if s, _ := deriveFromEpoch(&epoch); s != g.secrets {
		t.Fatal("the epoch secret is not where the test looks for it")
	}
	other := newDevice(t, "other")
	kp, priv := other.keyPackage(t)
	r.out = nil
	_, welcome, next, err := g.Commit(&r, CommitOptions{Add: [][]byte{kp}, Now: testNow, Validate: accept})
	if err != nil {
		t.Fatal(err)
	}
	path := r.out[:32]
	m, err := parseWelcome(welcome)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := ParseKeyPackage(kp)
	_, s, psk, err := m.open(k, priv, nil)
	if err != nil {
		t.Fatal(err)
	}
	ws := welcomeSecret(&s.joiner, &psk)
	if !bytes.Equal(s.path[:], path) {
		t.Fatal("the path secret is not where the test looks for it")
	}
	other.join(t, welcome, priv)
	for _, state := range [][]byte{g.Marshal(), next.Marshal(), other.g.Marshal()} {
		for _, x := range [][]byte{epoch[:], path, s.joiner[:], ws[:], priv.init[:], signer[:32]} {
			if bytes.Contains(state, x) {
				t.Errorf("a used secret is in the state: %x", x)
			}
		}
	}
}

// TestReplayRefused: the same ciphertext is accepted once, restored or not.
func TestReplayRefused(t *testing.T) {
	party := newParty(t, 2)
	first, second := seal(t, party[0], "1"), seal(t, party[0], "2")
	open(t, party[1], second, "2") // first becomes a skipped key
	open(t, party[1], first, "1")
	for range 3 {
		for _, msg := range [][]byte{first, second} {
			if _, err := party[1].g.Open(msg); !errors.Is(err, ErrReplay) {
				t.Fatalf("replay: %v", err)
			}
		}
		party[1].restore(t)
	}
}

// TestLateMessagesOpen: any order, with restarts in between.
func TestLateMessagesOpen(t *testing.T) {
	party := newParty(t, 2)
	var msgs [][]byte
	for i := range 120 {
		msgs = append(msgs, seal(t, party[0], string(rune('a'+i%26))))
	}
	for k := range msgs {
		i := (k*77 + 119) % len(msgs) // 77 and 120 share no divisor
		open(t, party[1], msgs[i], string(rune('a'+i%26)))
		if k%10 == 0 {
			party[1].restore(t)
		}
	}
	if n := len(party[1].g.keys.ratchets[0][ratchetApplication].skipped); n != 0 {
		t.Fatalf("%d keys left over", n)
	}
}

// TestFarGenerationRefused: a forward jump is bounded, and refusing it costs
// no work that grows with it.
func TestFarGenerationRefused(t *testing.T) {
	party := newParty(t, 2)
	a, b := party[0], party[1]
	seal(t, a, "divide the tree")
	chain := &a.g.keys.ratchets[0][ratchetApplication]
	// Before and after something of this leaf has been opened.
	refuseFar(t, a, b, chain, MaxForward+1)
	chain.next = 1
	chain.secret = b.g.firstSecret(t, 0)
	open(t, b, seal(t, a, "near"), "near")
	refuseFar(t, a, b, chain, MaxForward+3)
	// The last generation there is cannot be used: the counter would wrap.
	chain.next = 1<<32 - 1
	if _, _, err := a.g.Seal(rand.Reader, nil, nil, nil); !errors.Is(err, ErrExhausted) {
		t.Errorf("last generation: %v", err)
	}
}

// firstSecret is the secret of generation 1 of a leaf nobody has heard from.
func (g *Group) firstSecret(t *testing.T, leaf LeafIndex) secret {
	t.Helper()
	f, err := g.keys.find(leaf, ratchetApplication, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f.chain.secret
}

func refuseFar(t *testing.T, a, b *device, chain *ratchet, first uint32) {
	t.Helper()
	before := b.g.Marshal()
	for _, g := range []uint32{first, 1_000_000, 1<<32 - 2} {
		chain.next = g
		msg := seal(t, a, "far")
		if _, err := b.g.Open(msg); !errors.Is(err, ErrFarGeneration) {
			t.Fatalf("generation %d: %v", g, err)
		}
		find := func() {
			if _, err := b.g.keys.find(0, ratchetApplication, g); !errors.Is(err, ErrFarGeneration) {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(1, find); n > 5 {
			t.Errorf("refusing generation %d allocates %v times", g, n)
		}
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Error("the state changed")
	}
}

// TestForwardLimitReached: exactly MaxForward skipped generations still open.
func TestForwardLimitReached(t *testing.T) {
	party := newParty(t, 2)
	var first, last []byte
	for i := range MaxForward + 1 {
		if m := seal(t, party[0], "m"); i == 0 {
			first = m
		} else {
			last = m
		}
	}
	open(t, party[1], last, "m")
	party[1].restore(t)
	open(t, party[1], first, "m")
}

// TestSkippedKeysBounded: per leaf and per group, oldest first.
func TestSkippedKeysBounded(t *testing.T) {
	tree := newSecretTree(8, secret{1})
	jump := func(leaf LeafIndex, g uint32) {
		t.Helper()
		f, err := tree.find(leaf, ratchetApplication, g)
		if err != nil {
			t.Fatal(err)
		}
		tree.take(f)
	}
	total := func() (n int) {
		for _, rs := range tree.ratchets {
			n += len(rs[0].skipped) + len(rs[1].skipped)
		}
		return n
	}
	jump(0, 900)
	jump(0, 1800) // 900 + 899 skipped, 799 too many
	if n := total(); n != MaxSkippedLeaf {
		t.Fatalf("%d keys of one leaf", n)
	}
	if _, err := tree.find(0, ratchetApplication, 798); !errors.Is(err, ErrKeyDiscarded) {
		t.Errorf("the oldest key: %v", err)
	}
	if _, err := tree.find(0, ratchetApplication, 799); err != nil {
		t.Errorf("the oldest key kept: %v", err)
	}
	if _, err := tree.find(0, ratchetApplication, 900); !errors.Is(err, ErrReplay) {
		t.Errorf("a key used: %v", err)
	}
	for leaf := range LeafIndex(8) {
		if leaf > 0 {
			jump(leaf, 800)
		}
		if n := total(); n > MaxSkippedGroup {
			t.Fatalf("%d keys in the group", n)
		}
	}
	if n := total(); n != MaxSkippedGroup {
		t.Fatalf("%d keys in the group", n)
	}
	// Leaf 0, which held the most, gave first.
	if n := len(tree.ratchets[0][ratchetApplication].skipped); n > 800 {
		t.Errorf("leaf 0 still has %d", n)
	}
	var w writer
	tree.encode(&w)
	r := newReader(w.b)
	back := decodeSecretTree(r, 8)
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	var again writer
	back.encode(&again)
	if !bytes.Equal(w.b, again.b) {
		t.Error("the tree does not survive storing")
	}
}

// TestForgeryBurnsNoKey: corrupt messages and an insider's forgeries change
// nothing, and the real message still opens.
func TestForgeryBurnsNoKey(t *testing.T) {
	party := newParty(t, 3)
	msg := seal(t, party[0], "real")
	b := party[1]
	before := b.g.Marshal()
	for i := range msg {
		bad := bytes.Clone(msg)
		bad[i] ^= 1
		if _, err := b.g.Open(bad); err == nil {
			t.Fatalf("octet %d changed and accepted", i)
		}
	}
	for i := range msg {
		if _, err := b.g.Open(msg[:i]); err == nil {
			t.Fatalf("cut to %d and accepted", i)
		}
	}
	// Leaf 2 writes as leaf 0, under leaf 0's very keys.
	insider, err := UnmarshalGroup(party[2].g.Marshal(), party[2].signer)
	if err != nil {
		t.Fatal(err)
	}
	insider.own = 0
	for range 3 {
		forged, _, err := insider.Seal(rand.Reader, []byte("forged"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.g.Open(forged); !errors.Is(err, ErrSignature) {
			t.Fatalf("forged: %v", err)
		}
	}
	if !bytes.Equal(before, b.g.Marshal()) {
		t.Fatal("the state changed")
	}
	open(t, b, msg, "real")
}

// failing gives n octets and then fails.
type failing struct{ n int }

var errNoRandom = errors.New("no randomness left")

func (f *failing) Read(p []byte) (int, error) {
	n := min(len(p), f.n)
	f.n -= n
	if n < len(p) {
		return n, errNoRandom
	}
	return n, nil
}

var _ io.Reader = (*failing)(nil)

// TestNoRandomness: when randomness fails, nothing is sent and nothing spent.
func TestNoRandomness(t *testing.T) {
	party := newParty(t, 2)
	g := party[0].g
	before := g.Marshal()
	if _, _, err := g.Seal(&failing{2}, []byte("x"), nil, nil); !errors.Is(err, errNoRandom) {
		t.Errorf("Seal: %v", err)
	}
	for _, n := range []int{0, 33, 66} {
		if _, _, _, err := g.Commit(&failing{n}, CommitOptions{}); !errors.Is(err, errNoRandom) {
			t.Errorf("Commit with %d octets: %v", n, err)
		}
		if _, err := Create(&failing{n % 64}, nil, party[0].signer, nil, 0, 1); !errors.Is(err, errNoRandom) {
			t.Errorf("Create: %v", err)
		}
		if _, _, err := NewKeyPackage(&failing{n % 64}, party[0].signer, nil, 0, 1, false); !errors.Is(err, errNoRandom) {
			t.Errorf("NewKeyPackage: %v", err)
		}
	}
	if !bytes.Equal(before, g.Marshal()) {
		t.Error("the state changed")
	}
}

// TestForget: afterwards no secret is left and nothing works.
func TestForget(t *testing.T) {
	party := newParty(t, 3)
	msg := seal(t, party[1], "x")
	g := party[0].g
	priv := g.priv[g.own.node()]
	g.Forget()
	if g.Marshal() != nil || g.Export("x", nil, 8) != nil || g.EpochAuthenticator() != nil || g.ResumptionPSK() != nil {
		t.Error("secrets are still given out")
	}
	for _, s := range g.secrets.all() {
		if *s != (secret{}) {
			t.Error("an epoch secret is left")
		}
	}
	if *priv != (hpkePrivate{}) || len(g.priv) > 0 || len(g.keys.nodes)+len(g.keys.ratchets) > 0 {
		t.Error("keys are left")
	}
	if slices.ContainsFunc(g.signer, func(b byte) bool { return b != 0 }) {
		t.Error("the signer is left")
	}
	if bytes.Equal(party[0].signer, g.signer) {
		t.Error("the caller's signer was zeroed")
	}
	_, openErr := g.Open(msg)
	_, peekErr := g.Peek(msg)
	_, _, sealErr := g.Seal(rand.Reader, nil, nil, nil)
	_, _, _, commitErr := g.Commit(rand.Reader, CommitOptions{})
	for _, err := range []error{openErr, peekErr, sealErr, commitErr} {
		if !errors.Is(err, ErrForgotten) {
			t.Errorf("after Forget: %v", err)
		}
	}
}
