// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"crypto/ed25519"
	"slices"
)

// groupSecrets is GroupSecrets of RFC 9420 §12.4.3.
type groupSecrets struct {
	joiner secret
	path   *secret // of the lowest node above both the committer and the new member
	psks   []PSKID
}

func (s *groupSecrets) encode(w *writer) {
	w.opaque(s.joiner[:])
	w.present(s.path != nil)
	if s.path != nil {
		w.opaque(s.path[:])
	}
	w.vector(func(w *writer) {
		for i := range s.psks {
			s.psks[i].encode(w)
		}
	})
}

func decodeSecret(r *reader) (s secret) {
	b := r.raw(secretSize)
	if r.err == nil && len(b) != secretSize {
		r.fail(ErrMalformed)
	}
	return toSecret(b)
}

func decodeGroupSecrets(r *reader) *groupSecrets {
	s := &groupSecrets{joiner: decodeSecret(r)}
	if r.present() {
		p := decodeSecret(r)
		s.path = &p
	}
	r.each(MaxMessage, maxList, func(r *reader) { s.psks = append(s.psks, decodePSKID(r)) })
	return s
}

func (s *groupSecrets) forget() {
	clear(s.joiner[:])
	if s.path != nil {
		clear(s.path[:])
	}
}

// encryptedSecrets is EncryptedGroupSecrets, welcome is Welcome of RFC 9420
// §12.4.3.1.
type encryptedSecrets struct {
	ref        []byte
	ciphertext hpkeCiphertext
}

type welcome struct {
	suite   uint16
	secrets []encryptedSecrets
	info    []byte // encrypted_group_info
}

func (m *welcome) encode(w *writer) {
	w.u16(m.suite)
	w.vector(func(w *writer) {
		for i := range m.secrets {
			w.opaque(m.secrets[i].ref)
			m.secrets[i].ciphertext.encode(w)
		}
	})
	w.opaque(m.info)
}

func decodeWelcome(r *reader) *welcome {
	m := &welcome{suite: r.u16()}
	if r.err == nil && m.suite != cipherSuite {
		r.fail(ErrUnsupported)
	}
	r.each(MaxMessage, MaxLeaves, func(r *reader) {
		m.secrets = append(m.secrets, encryptedSecrets{ref: r.opaque(maxSmall), ciphertext: decodeHPKECiphertext(r)})
	})
	m.info = r.opaque(MaxMessage)
	return m
}

func parseWelcome(b []byte) (*welcome, error) {
	r := newReader(b)
	readHeader(r, wireWelcome)
	m := decodeWelcome(r)
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

// WelcomeRefs lists the references of the key packages that a Welcome is for.
func WelcomeRefs(msg []byte) ([][]byte, error) {
	m, err := parseWelcome(msg)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, s := range m.secrets {
		out = append(out, s.ref)
	}
	return out, nil
}

// welcome makes the Welcome for those whom a commit of ours adds
// (RFC 9420 §12.4.3.1). n is in the new epoch.
func (n *Group) welcome(list []sentProposal, done *applied, joiner *secret, pk *pathKeys) ([]byte, error) {
	var psk secret
	ws := welcomeSecret(joiner, &psk)
	defer clear(ws[:])
	key, nonce := welcomeKeys(&ws)
	m := &welcome{suite: cipherSuite, info: aeadSeal(key, nonce, nil, marshal(n.groupInfo()))}
	clear(key)

	path := n.tree.filteredPath(n.own)
	at := 0
	for _, p := range list {
		if p.kind != proposalAdd {
			continue
		}
		leaf := done.added[at]
		at++
		s := &groupSecrets{joiner: *joiner}
		meet := commonAncestor(leaf, n.own)
		if i := slices.IndexFunc(path, func(s step) bool { return s.node == meet }); i >= 0 {
			x := pk.secrets[i]
			s.path = &x
		}
		plain := marshal(s)
		c, err := encryptWithLabel(p.add.initKey, "Welcome", m.info, plain)
		clear(plain)
		s.forget()
		if err != nil {
			return nil, err
		}
		m.secrets = append(m.secrets, encryptedSecrets{ref: p.add.Ref(), ciphertext: c})
	}
	var w writer
	w.u16(protocolVersion)
	w.u16(wireWelcome)
	m.encode(&w)
	if len(w.b) > MaxMessage {
		return nil, ErrTooLarge
	}
	return w.b, nil
}

// open decrypts what a Welcome holds for one key package.
func (m *welcome) open(k *KeyPackage, priv *KeyPackagePrivate, supply PSKFunc) (*groupInfo, *groupSecrets, secret, error) {
	var psk secret
	ref := k.Ref()
	i := slices.IndexFunc(m.secrets, func(s encryptedSecrets) bool { return bytes.Equal(s.ref, ref) })
	if i < 0 {
		return nil, nil, psk, ErrNotForUs
	}
	plain, err := decryptWithLabel(&priv.init, "Welcome", m.info, m.secrets[i].ciphertext)
	if err != nil {
		return nil, nil, psk, err
	}
	defer clear(plain)
	r := newReader(plain)
	s := decodeGroupSecrets(r)
	if err := r.end(); err != nil {
		return nil, nil, psk, err
	}
	for _, p := range s.psks {
		// ReInit and branch need a group to compare with (RFC 9420 §11.2, §11.3).
		if !p.External && p.Usage != ResumptionApplication {
			return nil, nil, psk, ErrUnsupported
		}
	}
	if psk, err = pskSecret(s.psks, supply); err != nil {
		return nil, nil, psk, err
	}
	ws := welcomeSecret(&s.joiner, &psk)
	defer clear(ws[:])
	key, nonce := welcomeKeys(&ws)
	defer clear(key)
	encoded, err := aeadOpen(key, nonce, nil, m.info)
	if err != nil {
		return nil, nil, psk, err
	}
	r = newReader(encoded)
	info := decodeGroupInfo(r)
	if err := r.end(); err != nil {
		return nil, nil, psk, err
	}
	return info, s, psk, nil
}

// JoinOptions is what JoinWith needs besides Welcome and keys.
type JoinOptions struct {
	Now      uint64       // seconds since 1970
	Validate ValidateFunc // asked about every other member
	PSK      PSKFunc      // may be nil
	// Tree is an encoded ratchet tree, for a Welcome that has none in it. It
	// is verified like one from the Welcome.
	Tree []byte
}

// Join makes the state of a new member from a Welcome. The tree in it is
// verified in full; a Welcome without one is ErrNoTree. now, in seconds since
// 1970, is unused today: the lifetimes of members long in the group do not
// count (RFC 9420 §7.3), and our own was checked by whoever added us.
//
// The caller deletes priv once the state is stored, unless it is a last resort
// key package.
func Join(msg []byte, priv *KeyPackagePrivate, signer ed25519.PrivateKey, now uint64, validate ValidateFunc) (*Group, error) {
	return JoinWith(msg, priv, signer, JoinOptions{Now: now, Validate: validate})
}

// JoinWith is Join for groups that use pre-shared keys or hand the tree over
// apart from the Welcome.
func JoinWith(msg []byte, priv *KeyPackagePrivate, signer ed25519.PrivateKey, o JoinOptions) (*Group, error) {
	m, err := parseWelcome(msg)
	if err != nil {
		return nil, err
	}
	if priv == nil || len(signer) != ed25519.PrivateKeySize {
		return nil, ErrArgument
	}
	k, err := priv.parse()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(k.leaf.signatureKey, publicKey(signer)) {
		return nil, ErrKeyMismatch
	}
	info, s, psk, err := m.open(k, priv, o.PSK)
	if err != nil {
		return nil, err
	}
	defer s.forget()
	defer clear(psk[:])
	tree, err := info.tree(o.Tree)
	if err != nil {
		return nil, err
	}
	own := slices.IndexFunc(tree.leaves, func(l *leafNode) bool { return l != nil && bytes.Equal(marshal(l), marshal(k.leaf)) })
	if own < 0 {
		return nil, ErrInvalidTree
	}
	leafKey := priv.leaf
	g := &Group{
		context: info.context,
		tree:    tree,
		own:     LeafIndex(own),
		signer:  bytes.Clone(signer),
		priv:    treeKeys{LeafIndex(own).node(): &leafKey},
	}
	if err := g.learnWelcomePath(info.signer, s); err != nil {
		return nil, err
	}
	g.advance(&s.joiner, &psk)
	if !equal(g.secrets.confirmationTag(g.context.transcript), info.confirmation) {
		return nil, ErrTag
	}
	g.interim = interimTranscript(g.context.transcript, info.confirmation)
	for _, x := range g.Members() {
		if x.Leaf == g.own {
			continue
		}
		if err := validateMember(o.Validate, x); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// tree takes the tree out of a GroupInfo, or the one given apart, and checks
// it and the signature with it (RFC 9420 §12.4.3.1).
func (i *groupInfo) tree(apart []byte) (*ratchetTree, error) {
	encoded := apart
	if e := findExtension(i.extensions, extRatchetTree); e != nil {
		encoded = e.data
	}
	if encoded == nil {
		return nil, ErrNoTree
	}
	r := newReader(encoded)
	t := decodeTree(r)
	if err := r.end(); err != nil {
		return nil, err
	}
	signer := t.leafAt(i.signer)
	if signer == nil {
		return nil, ErrInvalidTree
	}
	if err := i.verify(signer.signatureKey); err != nil {
		return nil, err
	}
	if !equal(t.hash(), i.context.treeHash) {
		return nil, ErrInvalidTree
	}
	if err := t.verify(i.context.groupID, i.context.extensions); err != nil {
		return nil, err
	}
	return t, nil
}

// learnWelcomePath derives the private keys of the nodes above us from the
// path secret in a Welcome.
func (g *Group) learnWelcomePath(signer LeafIndex, s *groupSecrets) error {
	if s.path == nil {
		return nil
	}
	if signer == g.own {
		return ErrInvalidTree
	}
	meet := commonAncestor(signer, g.own)
	path := g.tree.filteredPath(signer)
	at := slices.IndexFunc(path, func(s step) bool { return s.node == meet })
	if at < 0 {
		return ErrInvalidTree
	}
	unused, err := g.tree.learnPath(*s.path, path[at:], g.priv)
	clear(unused[:])
	if err != nil {
		return ErrInvalidTree
	}
	return nil
}
