// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"slices"
	"testing"
)

func seedSigner(seed []byte) ed25519.PrivateKey {
	if len(seed) != ed25519.SeedSize {
		return make(ed25519.PrivateKey, ed25519.PrivateKeySize)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func readTree(t *testing.T, b []byte) *ratchetTree {
	t.Helper()
	r := newReader(b)
	tree := decodeTree(r)
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	same(t, "tree", marshal(tree), b)
	return tree
}

type treeOperations struct {
	Suite      int `json:"cipher_suite"`
	Proposal   hexBytes
	Sender     LeafIndex `json:"proposal_sender"`
	Before     hexBytes  `json:"tree_before"`
	After      hexBytes  `json:"tree_after"`
	HashBefore hexBytes  `json:"tree_hash_before"`
	HashAfter  hexBytes  `json:"tree_hash_after"`
}

func vectorTreeOperations(t *testing.T, c *tally, v treeOperations) {
	if !c.suite(v.Suite) {
		return
	}
	tree := readTree(t, v.Before)
	same(t, "hash before", tree.hash(), v.HashBefore)
	r := newReader(v.Proposal)
	p := decodeProposal(r)
	must(t, "proposal", r.end())
	switch p.kind {
	case proposalAdd:
		_, err := tree.add(p.add.leaf)
		must(t, "add", err)
	case proposalUpdate:
		tree.replaceLeaf(v.Sender, p.update)
	case proposalRemove:
		tree.remove(p.remove)
	}
	same(t, "after", marshal(tree), v.After)
	same(t, "hash after", tree.hash(), v.HashAfter)
}

type treeValidation struct {
	Suite       int `json:"cipher_suite"`
	Tree        hexBytes
	GroupID     hexBytes   `json:"group_id"`
	Hashes      []hexBytes `json:"tree_hashes"`
	Resolutions [][]nodeIndex
}

func vectorTreeValidation(t *testing.T, c *tally, v treeValidation) {
	if !c.suite(v.Suite) {
		return // a tree says nowhere of which suite it is
	}
	tree := readTree(t, v.Tree)
	for i, want := range v.Hashes {
		same(t, "tree hash", tree.nodeHash(nodeIndex(i)), want)
	}
	for i, want := range v.Resolutions {
		if got := tree.resolution(nodeIndex(i)); !slices.Equal(got, want) {
			t.Errorf("resolution of %d: %v, want %v", i, got, want)
		}
	}
	must(t, "verify", tree.verify(v.GroupID, nil))
}

type treeKEM struct {
	Suite      int      `json:"cipher_suite"`
	Transcript hexBytes `json:"confirmed_transcript_hash"`
	Epoch      uint64
	GroupID    hexBytes `json:"group_id"`
	Private    []struct {
		Index      LeafIndex
		Encryption hexBytes `json:"encryption_priv"`
		Signature  hexBytes `json:"signature_priv"`
		Secrets    []struct {
			Node   nodeIndex
			Secret hexBytes `json:"path_secret"`
		} `json:"path_secrets"`
	} `json:"leaves_private"`
	Tree  hexBytes `json:"ratchet_tree"`
	Paths []struct {
		Sender    LeafIndex
		Path      hexBytes   `json:"update_path"`
		Secrets   []hexBytes `json:"path_secrets"`
		Commit    hexBytes   `json:"commit_secret"`
		HashAfter hexBytes   `json:"tree_hash_after"`
	} `json:"update_paths"`
}

// keysOf collects what one leaf holds privately.
func (v *treeKEM) keysOf(t *testing.T, tree *ratchetTree, n int) treeKeys {
	p := v.Private[n]
	keys := treeKeys{p.Index.node(): (*hpkePrivate)(p.Encryption)}
	for _, s := range p.Secrets {
		pk, err := derivePath(toSecret(s.Secret), 1)
		must(t, "path", err)
		same(t, "node key", pk.public[0], tree.encryptionKey(s.Node))
		keys[s.Node] = &pk.private[0]
	}
	for x, k := range keys {
		pub, err := k.public()
		must(t, "key", err)
		same(t, "key", pub, tree.encryptionKey(x))
	}
	return keys
}

func vectorTreeKEM(t *testing.T, c *tally, v treeKEM) {
	if !c.suite(v.Suite) {
		return
	}
	tree := readTree(t, v.Tree)
	for _, u := range v.Paths {
		r := newReader(u.Path)
		up := decodeUpdatePath(r)
		must(t, "path", r.end())
		same(t, "path", marshal(up), u.Path)
		after := tree.clone()
		must(t, "apply", after.applyPath(up, u.Sender, v.GroupID))
		same(t, "hash", after.hash(), u.HashAfter)
		must(t, "parent hashes", after.verifyParentHashes())
		gc := groupContext{groupID: v.GroupID, epoch: v.Epoch, treeHash: u.HashAfter, transcript: v.Transcript}
		for n, p := range v.Private {
			if p.Index == u.Sender {
				continue
			}
			keys := v.keysOf(t, tree, n)
			got, err := after.decryptPath(up, u.Sender, p.Index, marshal(&gc), nil, keys)
			must(t, "decrypt", err)
			same(t, "commit secret", got[:], u.Commit)
			want, err := derivePath(toSecret(u.Secrets[p.Index]), 1)
			must(t, "path", err)
			same(t, "learnt key", keys[commonAncestor(u.Sender, p.Index)][:], want.private[0][:])
		}
	}
	// And with paths of our own.
	for n, p := range v.Private {
		after, keys := tree.clone(), v.keysOf(t, tree, n)
		change := newLeaf{tree.leaves[p.Index].identity, seedSigner(p.Signature)}
		up, pk, err := after.refreshPath(rand.Reader, v.GroupID, p.Index, change, keys)
		if err != nil {
			t.Fatal(err)
		}
		gc := groupContext{groupID: v.GroupID, epoch: v.Epoch, treeHash: after.hash(), transcript: v.Transcript}
		must(t, "encrypt", after.encryptPath(up, pk, p.Index, marshal(&gc), nil))
		must(t, "parent hashes", after.verifyParentHashes())
		for m, q := range v.Private {
			if m == n {
				continue
			}
			theirs, theirKeys := tree.clone(), v.keysOf(t, tree, m)
			must(t, "apply ours", theirs.applyPath(up, p.Index, v.GroupID))
			got, err := theirs.decryptPath(up, p.Index, q.Index, marshal(&gc), nil, theirKeys)
			must(t, "decrypt ours", err)
			same(t, "commit secret", got[:], pk.commit[:])
		}
	}
}

type keySchedule struct {
	Suite   int      `json:"cipher_suite"`
	GroupID hexBytes `json:"group_id"`
	Init    hexBytes `json:"initial_init_secret"`
	Epochs  []struct {
		TreeHash      hexBytes `json:"tree_hash"`
		Commit        hexBytes `json:"commit_secret"`
		PSK           hexBytes `json:"psk_secret"`
		Transcript    hexBytes `json:"confirmed_transcript_hash"`
		Context       hexBytes `json:"group_context"`
		Joiner        hexBytes `json:"joiner_secret"`
		Welcome       hexBytes `json:"welcome_secret"`
		Init          hexBytes `json:"init_secret"`
		SenderData    hexBytes `json:"sender_data_secret"`
		Encryption    hexBytes `json:"encryption_secret"`
		Exporter      hexBytes `json:"exporter_secret"`
		Authenticator hexBytes `json:"epoch_authenticator"`
		External      hexBytes `json:"external_secret"`
		Confirmation  hexBytes `json:"confirmation_key"`
		Membership    hexBytes `json:"membership_key"`
		Resumption    hexBytes `json:"resumption_psk"`
		ExternalPub   hexBytes `json:"external_pub"`
		Export        struct {
			Label           string
			Context, Secret hexBytes
			Length          int
		} `json:"exporter"`
	}
}

func vectorKeySchedule(t *testing.T, c *tally, v keySchedule) {
	if !c.suite(v.Suite) {
		r := newReader(v.Epochs[0].Context)
		decodeGroupContext(r)
		if r.end() != ErrUnsupported {
			t.Errorf("suite %d: %v", v.Suite, r.err)
		}
		return
	}
	init := toSecret(v.Init)
	for i, e := range v.Epochs {
		gc := groupContext{groupID: v.GroupID, epoch: uint64(i), treeHash: e.TreeHash, transcript: e.Transcript}
		same(t, "context", marshal(&gc), e.Context)
		r := newReader(e.Context)
		back := decodeGroupContext(r)
		must(t, "context", r.end())
		same(t, "context", marshal(&back), e.Context)
		commit, psk := toSecret(e.Commit), toSecret(e.PSK)
		joiner := joinerSecret(&init, &commit, e.Context)
		same(t, "joiner", joiner[:], e.Joiner)
		welcome := welcomeSecret(&joiner, &psk)
		same(t, "welcome", welcome[:], e.Welcome)
		epoch := epochSecret(&joiner, &psk, e.Context)
		s, encryption := deriveFromEpoch(&epoch)
		same(t, "encryption", encryption[:], e.Encryption)
		for k, want := range []hexBytes{e.SenderData, e.Exporter, e.External, e.Confirmation, e.Membership,
			e.Resumption, e.Authenticator, e.Init} {
			same(t, "secret", s.all()[k][:], want)
		}
		_, pub, err := deriveKeyPair(s.external[:])
		must(t, "external", err)
		same(t, "external", pub, e.ExternalPub)
		same(t, "export", s.export(e.Export.Label, e.Export.Context, e.Export.Length), e.Export.Secret)
		init = s.init
	}
}

type welcomeVector struct {
	Suite      int      `json:"cipher_suite"`
	Init       hexBytes `json:"init_priv"`
	KeyPackage hexBytes `json:"key_package"`
	Signer     hexBytes `json:"signer_pub"`
	Welcome    hexBytes
}

func vectorWelcome(t *testing.T, c *tally, v welcomeVector) {
	if !c.suite(v.Suite) {
		if _, err := WelcomeRefs(v.Welcome); err != ErrUnsupported {
			t.Errorf("suite %d: %v", v.Suite, err)
		}
		return
	}
	k, err := ParseKeyPackage(v.KeyPackage)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "key package", k.Verify(k.leaf.notBefore))
	m, err := parseWelcome(v.Welcome)
	if err != nil {
		t.Fatal(err)
	}
	refs, err := WelcomeRefs(v.Welcome)
	must(t, "refs", err)
	if !slices.ContainsFunc(refs, func(r []byte) bool { return bytes.Equal(r, k.Ref()) }) {
		t.Error("the key package is not named")
	}
	info, s, psk, err := m.open(k, &KeyPackagePrivate{init: hpkePrivate(v.Init)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "group info", info.verify([]byte(v.Signer)))
	epoch := epochSecret(&s.joiner, &psk, marshal(&info.context))
	secrets, _ := deriveFromEpoch(&epoch)
	same(t, "tag", secrets.confirmationTag(info.context.transcript), info.confirmation)
}
