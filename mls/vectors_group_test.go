// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/rand"
	"testing"
)

type messageProtection struct {
	Suite           int      `json:"cipher_suite"`
	GroupID         hexBytes `json:"group_id"`
	Epoch           uint64
	TreeHash        hexBytes `json:"tree_hash"`
	Transcript      hexBytes `json:"confirmed_transcript_hash"`
	SignaturePriv   hexBytes `json:"signature_priv"`
	SignaturePub    hexBytes `json:"signature_pub"`
	Encryption      hexBytes `json:"encryption_secret"`
	SenderData      hexBytes `json:"sender_data_secret"`
	Membership      hexBytes `json:"membership_key"`
	Proposal        hexBytes
	ProposalPriv    hexBytes `json:"proposal_priv"`
	ProposalPub     hexBytes `json:"proposal_pub"`
	Commit          hexBytes
	CommitPriv      hexBytes `json:"commit_priv"`
	CommitPub       hexBytes `json:"commit_pub"`
	Application     hexBytes
	ApplicationPriv hexBytes `json:"application_priv"`
}

// group is a state in which the sender of the vectors is leaf 1 of two.
func (v *messageProtection) group(own LeafIndex) *Group {
	tree := newTree(2)
	tree.leaves[own^1] = &leafNode{}
	tree.leaves[1] = &leafNode{signatureKey: []byte(v.SignaturePub)}
	g := &Group{
		context: groupContext{groupID: v.GroupID, epoch: v.Epoch, treeHash: v.TreeHash, transcript: v.Transcript},
		tree:    tree,
		own:     own,
		signer:  seedSigner(v.SignaturePriv),
		keys:    newSecretTree(2, toSecret(v.Encryption)),
	}
	g.secrets.senderData, g.secrets.membership = toSecret(v.SenderData), toSecret(v.Membership)
	return g
}

func contentBytes(a *authenticatedContent) []byte {
	if a.content.contentType == ContentProposal {
		return marshal(a.content.proposal)
	}
	return marshal(a.content.commit)
}

func vectorMessageProtection(t *testing.T, c *tally, v messageProtection) {
	if !c.suite(v.Suite) {
		return
	}
	g, sender := v.group(0), v.group(1)
	m, err := g.Open(v.ApplicationPriv)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "application", m.Plaintext, v.Application)
	msg, _, err := sender.Seal(rand.Reader, v.Application, nil, nil)
	must(t, "seal", err)
	m, err = v.group(0).Open(msg)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "application of ours", m.Plaintext, v.Application)
	for _, x := range []struct {
		kind            uint8
		raw, priv, publ hexBytes
	}{{ContentProposal, v.Proposal, v.ProposalPriv, v.ProposalPub}, {ContentCommit, v.Commit, v.CommitPriv, v.CommitPub}} {
		for _, msg := range []hexBytes{x.priv, x.publ} {
			a, _, err := g.openHandshake(msg, x.kind)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "handshake", contentBytes(a), x.raw)
		}
		a, _, _ := g.openHandshake(x.priv, x.kind)
		content := sender.content(x.kind, nil)
		content.proposal, content.commit = a.content.proposal, a.content.commit
		again := &authenticatedContent{wire: wirePrivate, content: content, confirmation: a.confirmation}
		again.sign(sender.signer, marshal(&sender.context))
		priv, _, err := sender.sealPrivate(rand.Reader, again, nil)
		must(t, "seal", err)
		for _, msg := range [][]byte{priv, sender.sealPublic(content)} {
			a, _, err := v.group(0).openHandshake(msg, x.kind)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "handshake of ours", contentBytes(a), x.raw)
		}
	}
}

type passive struct {
	Suite    int `json:"cipher_suite"`
	External []struct {
		ID  hexBytes `json:"psk_id"`
		PSK hexBytes
	} `json:"external_psks"`
	KeyPackage     hexBytes `json:"key_package"`
	SignaturePriv  hexBytes `json:"signature_priv"`
	EncryptionPriv hexBytes `json:"encryption_priv"`
	InitPriv       hexBytes `json:"init_priv"`
	Welcome        hexBytes
	Tree           *hexBytes `json:"ratchet_tree"`
	Authenticator  hexBytes  `json:"initial_epoch_authenticator"`
	Epochs         []struct {
		Proposals     []hexBytes
		Commit        hexBytes
		Authenticator hexBytes `json:"epoch_authenticator"`
	}
}

func vectorPassive(t *testing.T, c *tally, v passive) {
	if !c.suite(v.Suite) {
		if _, err := ParseKeyPackage(v.KeyPackage); err != ErrUnsupported {
			t.Errorf("suite %d: %v", v.Suite, err)
		}
		return
	}
	signer := seedSigner(v.SignaturePriv)
	priv := &KeyPackagePrivate{public: v.KeyPackage, init: hpkePrivate(v.InitPriv), leaf: hpkePrivate(v.EncryptionPriv)}
	k, err := ParseKeyPackage(v.KeyPackage)
	if err != nil {
		t.Fatal(err)
	}
	resumption := map[uint64][]byte{}
	supply := func(id PSKID) []byte {
		if !id.External {
			return resumption[id.Epoch]
		}
		for _, p := range v.External {
			if bytes.Equal(p.ID, id.ID) {
				return p.PSK
			}
		}
		return nil
	}
	o := JoinOptions{Now: k.leaf.notBefore, Validate: accept, PSK: supply}
	if v.Tree != nil {
		if _, err := JoinWith(v.Welcome, priv, signer, o); err != ErrNoTree {
			t.Errorf("without the tree: %v", err)
		}
		o.Tree = *v.Tree
	}
	g, err := JoinWith(v.Welcome, priv, signer, o)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "authenticator", g.EpochAuthenticator(), v.Authenticator)
	for i, e := range v.Epochs {
		resumption[g.Epoch()] = g.ResumptionPSK()
		if g, err = UnmarshalGroup(g.Marshal(), signer); err != nil {
			t.Fatal(err)
		}
		for _, p := range e.Proposals {
			if err := g.ProcessProposal(p); err != nil {
				t.Fatalf("epoch %d: proposal: %v", i, err)
			}
		}
		n, _, err := g.ProcessCommitWith(e.Commit, ProcessOptions{Now: k.leaf.notBefore, Validate: accept, PSK: supply})
		if err != nil {
			t.Fatalf("epoch %d: commit: %v", i, err)
		}
		same(t, "authenticator", n.EpochAuthenticator(), e.Authenticator)
		g.Forget()
		g = n
	}
}
