// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"
	"testing"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// selfHead is the front of the vault's record about the account and device,
// as far as a test needs it.
type selfHead struct {
	stage                      uint8
	server                     string
	handle                     wire.Handle
	identity, device, idSecret [32]byte
}

// Fields describes the front of the record.
func (s *selfHead) Fields(c *wire.Coder) {
	c.U8(&s.stage)
	c.String(&s.server, 512)
	s.handle.Fields(c)
	c.Fixed(s.identity[:])
	c.Fixed(s.device[:])
	c.Fixed(s.idSecret[:])
}

// deviceOf reads the device key from the record.
func deviceOf(record []byte) ed25519.PrivateKey {
	var h selfHead
	_ = wire.Unmarshal(record, &h) // the rest of the record is left over
	return ed25519.NewKeyFromSeed(h.device[:])
}

// generation is a key of an MLS group that may encrypt one message, ever.
type generation struct {
	group       string
	branch      string // the epoch's authenticator: after a restore there can be several epochs of one number
	epoch       uint64
	leaf        mls.LeafIndex
	contentType uint8
	number      uint32
}

// generations knows the state of every vault it watches, and so can tell with
// which key each envelope was sealed.
type generations struct {
	mu     sync.Mutex
	groups map[string][]*mls.Group // by group and epoch, each branch once
	used   map[generation][][]byte
	twice  []string
	blind  int // accepted envelopes whose sender could not be told
}

func newGenerations() *generations {
	return &generations{groups: map[string][]*mls.Group{}, used: map[generation][][]byte{}}
}

// device returns what watches one client: its vault and its connections.
func (g *generations) device() (watch func([]vault.Change), tap *Tap) {
	var self []byte
	latest := map[string][]byte{} // MLS states by record
	watch = func(changes []vault.Change) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, c := range changes {
			if c.Key == "self" {
				self = bytes.Clone(c.Value)
			}
			if strings.HasPrefix(c.Key, "mls/") {
				latest[c.Key] = bytes.Clone(c.Value)
			}
		}
	}
	tap = &Tap{
		Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
			a, ok := body.(*wire.Append)
			if !ok {
				return true
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.opener(a.Body) != nil {
				return true
			}
			for _, state := range latest {
				if state == nil || self == nil {
					continue
				}
				if group, err := mls.UnmarshalGroup(state, deviceOf(self)); err == nil {
					g.learn(group)
				}
			}
			return true
		},
		Down: func(l *Link, ref wire.Ref, body wire.Body) bool {
			if a, ok := l.Asked(ref).(*wire.Append); ok && body.Kind() == wire.KindAppended {
				g.accepted(a.Body)
			}
			return true
		},
	}
	return watch, tap
}

func stateName(group []byte, epoch uint64) string { return fmt.Sprintf("%x/%d", group, epoch) }

// learn keeps the state of a branch that is not known yet.
func (g *generations) learn(group *mls.Group) {
	name := stateName(group.GroupID(), group.Epoch())
	for _, known := range g.groups[name] {
		if bytes.Equal(known.EpochAuthenticator(), group.EpochAuthenticator()) {
			return
		}
	}
	g.groups[name] = append(g.groups[name], group)
}

// opener is the state that can tell who made an envelope, nil if none can.
func (g *generations) opener(body []byte) *mls.Group {
	id, epoch, _, err := mls.MessageEpoch(body)
	if err != nil {
		return nil
	}
	for _, group := range g.groups[stateName(id, epoch)] {
		if _, err := group.Peek(body); err == nil {
			return group
		}
	}
	return nil
}

// accepted notes an envelope that the server has.
func (g *generations) accepted(body []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id, epoch, _, err := mls.MessageEpoch(body)
	if err != nil {
		return // no MLS message: an introduction
	}
	group := g.opener(body)
	if group == nil {
		g.blind++
		return
	}
	s, err := group.Peek(body)
	if err != nil {
		g.blind++
		return
	}
	key := generation{string(id), string(group.EpochAuthenticator()), epoch, s.Leaf, s.ContentType, s.Generation}
	for _, other := range g.used[key] {
		if bytes.Equal(other, body) {
			return
		}
	}
	if g.used[key] = append(g.used[key], bytes.Clone(body)); len(g.used[key]) > 1 {
		g.twice = append(g.twice, fmt.Sprintf("leaf %d, epoch %d, generation %d of kind %d", s.Leaf, epoch, s.Generation, s.ContentType))
	}
}

// stored notes every envelope of a database.
func (g *generations) stored(t *testing.T, s *Server) {
	for _, tb := range snapshot(t, s) {
		if tb.name != "envelope" {
			continue
		}
		for _, r := range tb.rows {
			for i, c := range r {
				if tb.columns[i] == "body" {
					g.accepted(c.([]byte))
				}
			}
		}
	}
}

// snapshot reads the tables of a server that runs.
func snapshot(t *testing.T, s *Server) []table {
	t.Helper()
	file := t.TempDir() + "/copy"
	s.Backup(file)
	return dump(t, file)
}

// TestGenerationsSeen: the watcher sees a key that is used twice.
func TestGenerationsSeen(t *testing.T) {
	s := NewServer(t)
	g := newGenerations()
	watch, tap := g.device()
	ada, _ := s.RegisterWith("ada", Options{Watch: watch, Dialer: tap})
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	var bodies [][]byte
	keep := tap.Up
	tap.mu.Lock()
	tap.Up = func(l *Link, ref wire.Ref, body wire.Body) bool {
		if a, ok := body.(*wire.Append); ok {
			bodies = append(bodies, bytes.Clone(a.Body))
		}
		return keep(l, ref, body)
	}
	tap.mu.Unlock()
	ada.Say(conv, "one")
	omar.AwaitText("one")
	old := ada.Vault.Clone()
	ada.Say(conv, "two")
	if g.stored(t, s); len(g.twice) > 0 || g.blind > 0 || len(g.used) < 2 {
		t.Fatalf("two messages look like %v, %d keys, %d unknown", g.twice, len(g.used), g.blind)
	}
	// What an old vault would send if nothing held it back.
	self, err := old.Get(Context(t), "self")
	if err != nil {
		t.Fatal(err)
	}
	state, err := old.Get(Context(t), "mls/"+conv)
	if err != nil {
		t.Fatal(err)
	}
	group, err := mls.UnmarshalGroup(state, deviceOf(self))
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := group.Seal(new(countingReader), []byte("another two"), nil, wire.SizeClass)
	if err != nil {
		t.Fatal(err)
	}
	if g.accepted(again); len(g.twice) != 1 {
		t.Error("a generation that was used twice is not seen")
	}
}

// countingReader is randomness for a test that needs none.
type countingReader struct{ n byte }

// Read implements io.Reader.
func (c *countingReader) Read(b []byte) (int, error) {
	for i := range b {
		c.n++
		b[i] = c.n
	}
	return len(b), nil
}
