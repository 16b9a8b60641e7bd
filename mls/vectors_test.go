// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The official vectors of the MLS working group
// (github.com/mlswg/mls-implementations). TestVectors runs every case of our
// suite through the code that clients use and counts what it refuses.

// hexBytes is a hex string of a vector file.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	out, err := hex.DecodeString(s)
	*h = out
	return err
}

// vectorDir finds the folder with the official files, or "". It is partial if
// it is the one of another implementation, which has fourteen of the sixteen.
func vectorDir(t *testing.T) (dir string, partial bool) {
	has := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "tree-math.json"))
		return err == nil
	}
	if dir := os.Getenv("CLARION_VECTORS"); dir != "" {
		if !has(dir) {
			t.Fatalf("CLARION_VECTORS=%s holds no tree-math.json", dir)
		}
		return dir, false
	}
	root := ".."
	for _, up := range []string{"..", "../.."} {
		if dir := filepath.Join(root, up, "shared", "vectors", "mls"); has(dir) {
			return dir, false
		}
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/thomas-vilte/mls-go@v1.6.0").Output()
	if err != nil {
		return "", false
	}
	found := ""
	module := strings.TrimSpace(string(out))
	if module == "" {
		return "", false
	}
	err = filepath.WalkDir(module, func(path string, d fs.DirEntry, err error) error {
		if err == nil && found == "" && d.Name() == "tree-math.json" {
			found = filepath.Dir(path)
		}
		return err
	})
	if err != nil {
		return "", false
	}
	return found, true
}

// tally counts the cases of one file.
type tally struct {
	run     int
	refused map[string]int
}

func (c *tally) refuse(why string) {
	if c.refused == nil {
		c.refused = map[string]int{}
	}
	c.refused[why]++
}

// suite tells whether a case is of our suite and counts it either way.
func (c *tally) suite(n int) bool {
	if n != cipherSuite {
		c.refuse("another cipher suite")
		return false
	}
	c.run++
	return true
}

func (c *tally) log(t *testing.T) {
	total := 0
	var why []string
	for _, k := range slices.Sorted(maps.Keys(c.refused)) {
		total += c.refused[k]
		why = append(why, k)
	}
	t.Logf("run %d, refused %d %v", c.run, total, why)
	if c.run == 0 {
		t.Error("no case was run")
	}
}

// cases runs f over all cases of a vector file.
func cases[T any](f func(*testing.T, *tally, T)) func(*testing.T, []byte) {
	return func(t *testing.T, b []byte) {
		var list []T
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatal(err)
		}
		var c tally
		for i, x := range list {
			before := t.Failed()
			f(t, &c, x)
			if t.Failed() && !before {
				t.Fatalf("in case %d", i)
			}
		}
		c.log(t)
	}
}

var vectorFiles = map[string]func(*testing.T, []byte){
	"crypto-basics.json":                  cases(vectorCryptoBasics),
	"deserialization.json":                cases(vectorDeserialization),
	"key-schedule.json":                   cases(vectorKeySchedule),
	"message-protection.json":             cases(vectorMessageProtection),
	"messages.json":                       cases(vectorMessages),
	"passive-client-handling-commit.json": cases(vectorPassive),
	"passive-client-random.json":          cases(vectorPassive),
	"passive-client-welcome.json":         cases(vectorPassive),
	"psk_secret.json":                     cases(vectorPSK),
	"secret-tree.json":                    cases(vectorSecretTree),
	"transcript-hashes.json":              cases(vectorTranscript),
	"tree-math.json":                      cases(vectorTreeMath),
	"tree-operations.json":                cases(vectorTreeOperations),
	"tree-validation.json":                cases(vectorTreeValidation),
	"treekem.json":                        cases(vectorTreeKEM),
	"welcome.json":                        cases(vectorWelcome),
}

func TestVectors(t *testing.T) {
	dir, partial := vectorDir(t)
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("the official MLS vectors were not found and CI=true")
		}
		t.Log("NOT CHECKED: the official MLS vectors were not found; set CLARION_VECTORS to their folder")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(vectorFiles)) {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if errors.Is(err, fs.ErrNotExist) && (partial || os.Getenv("CI") != "true") {
				t.Logf("NOT CHECKED: %s is not among the vectors found", name)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			vectorFiles[name](t, b)
		})
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %x, want %x", what, got, want)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

type cryptoBasics struct {
	Suite   int `json:"cipher_suite"`
	RefHash struct {
		Label      string
		Out, Value hexBytes
	} `json:"ref_hash"`
	Expand struct {
		Secret, Context, Out hexBytes
		Label                string
		Length               int
	} `json:"expand_with_label"`
	Derive struct {
		Secret, Out hexBytes
		Label       string
	} `json:"derive_secret"`
	Tree struct {
		Secret, Out hexBytes
		Label       string
		Generation  uint32
		Length      int
	} `json:"derive_tree_secret"`
	Sign struct {
		Priv, Pub, Content, Signature hexBytes
		Label                         string
	} `json:"sign_with_label"`
	Encrypt struct {
		Priv, Pub, Context, Plaintext, Ciphertext hexBytes
		Kem                                       hexBytes `json:"kem_output"`
		Label                                     string
	} `json:"encrypt_with_label"`
}

func vectorCryptoBasics(t *testing.T, c *tally, v cryptoBasics) {
	if !c.suite(v.Suite) {
		return
	}
	same(t, "ref hash", refHash(v.RefHash.Label, v.RefHash.Value), v.RefHash.Out)
	same(t, "expand", expandWithLabel(v.Expand.Secret, v.Expand.Label, v.Expand.Context, v.Expand.Length), v.Expand.Out)
	d := deriveSecret(v.Derive.Secret, v.Derive.Label)
	same(t, "derive", d[:], v.Derive.Out)
	same(t, "tree", deriveTreeSecret(v.Tree.Secret, v.Tree.Label, v.Tree.Generation, v.Tree.Length), v.Tree.Out)

	must(t, "verify", verifyWithLabel([]byte(v.Sign.Pub), v.Sign.Label, v.Sign.Content, v.Sign.Signature))
	signer := seedSigner(v.Sign.Priv)
	same(t, "sign", signWithLabel(signer, v.Sign.Label, v.Sign.Content), v.Sign.Signature)

	var priv hpkePrivate
	copy(priv[:], v.Encrypt.Priv)
	plain, err := decryptWithLabel(&priv, v.Encrypt.Label, v.Encrypt.Context, hpkeCiphertext{v.Encrypt.Kem, v.Encrypt.Ciphertext})
	must(t, "decrypt", err)
	same(t, "decrypt", plain, v.Encrypt.Plaintext)
	sealed, err := encryptWithLabel(v.Encrypt.Pub, v.Encrypt.Label, v.Encrypt.Context, plain)
	must(t, "encrypt", err)
	plain, err = decryptWithLabel(&priv, v.Encrypt.Label, v.Encrypt.Context, sealed)
	must(t, "decrypt ours", err)
	same(t, "decrypt ours", plain, v.Encrypt.Plaintext)
}

type deserialization struct {
	Header hexBytes `json:"vlbytes_header"`
	Length int
}

func vectorDeserialization(t *testing.T, c *tally, v deserialization) {
	c.run++
	r := newReader(v.Header)
	if n := r.varint(); n != v.Length || r.end() != nil {
		t.Errorf("%x: %d, %v", v.Header, n, r.err)
	}
	var w writer
	w.varint(v.Length)
	same(t, "header", w.b, v.Header)
}

type treeMath struct {
	Leaves  uint32 `json:"n_leaves"`
	Nodes   uint32 `json:"n_nodes"`
	Root    uint32
	Left    []*uint32
	Right   []*uint32
	Parent  []*uint32
	Sibling []*uint32
}

func vectorTreeMath(t *testing.T, c *tally, v treeMath) {
	c.run++
	if nodeWidth(v.Leaves) != v.Nodes || uint32(rootOf(v.Leaves)) != v.Root {
		t.Errorf("%d leaves: %d nodes, root %d", v.Leaves, nodeWidth(v.Leaves), rootOf(v.Leaves))
	}
	for i := range v.Nodes {
		x := nodeIndex(i)
		if (v.Left[i] == nil) != x.isLeaf() || (v.Parent[i] == nil) != (x == rootOf(v.Leaves)) {
			t.Errorf("node %d is in the wrong place", i)
		}
		for _, p := range []struct {
			want *uint32
			f    func() nodeIndex
		}{{v.Left[i], x.left}, {v.Right[i], x.right}, {v.Parent[i], x.parent}, {v.Sibling[i], x.sibling}} {
			if p.want != nil && uint32(p.f()) != *p.want {
				t.Errorf("of %d: got %d, want %d", i, p.f(), *p.want)
			}
		}
	}
}

type pskVector struct {
	Suite int `json:"cipher_suite"`
	PSKs  []struct {
		ID    hexBytes `json:"psk_id"`
		PSK   hexBytes
		Nonce hexBytes `json:"psk_nonce"`
	}
	Secret hexBytes `json:"psk_secret"`
}

func vectorPSK(t *testing.T, c *tally, v pskVector) {
	if !c.suite(v.Suite) {
		return
	}
	var ids []PSKID
	keys := map[string][]byte{}
	for _, p := range v.PSKs {
		ids = append(ids, PSKID{External: true, ID: p.ID, nonce: p.Nonce})
		keys[string(p.ID)] = p.PSK
	}
	got, err := pskSecret(ids, func(id PSKID) []byte { return keys[string(id.ID)] })
	must(t, "psk secret", err)
	same(t, "psk secret", got[:], v.Secret)
}

type secretTreeVector struct {
	Suite      int      `json:"cipher_suite"`
	Encryption hexBytes `json:"encryption_secret"`
	SenderData struct {
		Secret          hexBytes `json:"sender_data_secret"`
		Ciphertext, Key hexBytes
		Nonce           hexBytes
	} `json:"sender_data"`
	Leaves [][]struct {
		Generation       uint32
		HandshakeKey     hexBytes `json:"handshake_key"`
		HandshakeNonce   hexBytes `json:"handshake_nonce"`
		ApplicationKey   hexBytes `json:"application_key"`
		ApplicationNonce hexBytes `json:"application_nonce"`
	}
}

func vectorSecretTree(t *testing.T, c *tally, v secretTreeVector) {
	if !c.suite(v.Suite) {
		return
	}
	sd := toSecret(v.SenderData.Secret)
	key, nonce := senderDataKeys(&sd, v.SenderData.Ciphertext)
	same(t, "sender data key", key, v.SenderData.Key)
	same(t, "sender data nonce", nonce, v.SenderData.Nonce)
	tree := newSecretTree(uint32(len(v.Leaves)), toSecret(v.Encryption))
	for leaf, list := range v.Leaves {
		for _, x := range list {
			h, err := tree.find(LeafIndex(leaf), ratchetHandshake, x.Generation)
			if err != nil {
				t.Fatal(err)
			}
			tree.take(h)
			a, err := tree.find(LeafIndex(leaf), ratchetApplication, x.Generation)
			if err != nil {
				t.Fatal(err)
			}
			tree.take(a)
			same(t, "handshake key", h.key.key[:], x.HandshakeKey)
			same(t, "handshake nonce", h.key.nonce[:], x.HandshakeNonce)
			same(t, "application key", a.key.key[:], x.ApplicationKey)
			same(t, "application nonce", a.key.nonce[:], x.ApplicationNonce)
		}
	}
	if len(tree.nodes) != 0 {
		t.Errorf("%d node secrets left after all leaves were used", len(tree.nodes))
	}
}

type transcriptVector struct {
	Suite           int      `json:"cipher_suite"`
	ConfirmationKey hexBytes `json:"confirmation_key"`
	Content         hexBytes `json:"authenticated_content"`
	Before          hexBytes `json:"interim_transcript_hash_before"`
	Confirmed       hexBytes `json:"confirmed_transcript_hash_after"`
	After           hexBytes `json:"interim_transcript_hash_after"`
}

func vectorTranscript(t *testing.T, c *tally, v transcriptVector) {
	if !c.suite(v.Suite) {
		return
	}
	r := newReader(v.Content)
	a := decodeAuthenticatedContent(r)
	must(t, "content", r.end())
	same(t, "content", marshal(a), v.Content)
	confirmed := confirmedTranscript(v.Before, a)
	same(t, "confirmed", confirmed, v.Confirmed)
	same(t, "interim", interimTranscript(confirmed, a.confirmation), v.After)
	s := epochSecrets{confirmation: toSecret(v.ConfirmationKey)}
	same(t, "tag", s.confirmationTag(confirmed), a.confirmation)
}

func vectorMessages(t *testing.T, c *tally, v map[string]hexBytes) {
	if suite := newReader(v["mls_key_package"][6:]).u16(); !c.suite(int(suite)) {
		for name, parse := range map[string]func([]byte) error{
			"mls_key_package": func(b []byte) error { _, err := ParseKeyPackage(b); return err },
			"mls_welcome":     func(b []byte) error { _, err := WelcomeRefs(b); return err },
		} {
			if err := parse(v[name]); err != ErrUnsupported {
				t.Errorf("%s of suite %d: %v", name, suite, err)
			}
		}
		return
	}
	decoders := map[string]func(*reader) encoder{
		"ratchet_tree":                      func(r *reader) encoder { return decodeTree(r) },
		"group_secrets":                     func(r *reader) encoder { return decodeGroupSecrets(r) },
		"add_proposal":                      body(proposalAdd),
		"update_proposal":                   body(proposalUpdate),
		"remove_proposal":                   body(proposalRemove),
		"pre_shared_key_proposal":           body(proposalPSK),
		"re_init_proposal":                  body(proposalReInit),
		"external_init_proposal":            body(proposalExternalInit),
		"group_context_extensions_proposal": body(proposalGroupContextExtensions),
		"commit":                            func(r *reader) encoder { return decodeCommit(r) },
		"mls_welcome":                       message(wireWelcome, func(r *reader) encoder { return decodeWelcome(r) }),
		"mls_group_info":                    message(wireGroupInfo, func(r *reader) encoder { return decodeGroupInfo(r) }),
		"mls_key_package":                   message(wireKeyPackage, func(r *reader) encoder { return decodeKeyPackage(r) }),
		"public_message_application":        message(wirePublic, func(r *reader) encoder { return decodePublicMessage(r) }),
		"public_message_proposal":           message(wirePublic, func(r *reader) encoder { return decodePublicMessage(r) }),
		"public_message_commit":             message(wirePublic, func(r *reader) encoder { return decodePublicMessage(r) }),
		"private_message":                   message(wirePrivate, func(r *reader) encoder { return decodePrivateMessage(r) }),
	}
	for name, b := range v {
		decode, ok := decoders[name]
		if !ok {
			t.Errorf("no decoder for %s", name)
			continue
		}
		r := newReader(b)
		e := decode(r)
		if err := r.end(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, name, marshal(e), b)
	}
}

// framed is an MLSMessage around something.
type framed struct {
	wire uint16
	encoder
}

func (m framed) encode(w *writer) {
	w.u16(protocolVersion)
	w.u16(m.wire)
	m.encoder.encode(w)
}

func message(wire uint16, f func(*reader) encoder) func(*reader) encoder {
	return func(r *reader) encoder {
		readHeader(r, wire)
		return framed{wire, f(r)}
	}
}

type proposalBody struct{ *proposal }

func (p proposalBody) encode(w *writer) { p.encodeBody(w) }

func body(kind uint16) func(*reader) encoder {
	return func(r *reader) encoder { return proposalBody{decodeProposalBody(r, kind)} }
}
