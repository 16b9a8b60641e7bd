// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"bytes"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// session is a group in which everything happens in random order: members
// join, leave, renew and send; messages come late, twice and out of order;
// states are restored; two commit at once and one wins.
type session struct {
	t     *testing.T
	rnd   *rand.Rand
	party []*device
	names int
	// inflight[d] is what has been sent to d in this epoch and not delivered.
	inflight map[*device][]letter
	opened   map[*device][]letter
	counts   struct{ joins, leaves, renewals, rivals, sent, opened, replays, restores int }
}

type letter struct {
	from LeafIndex
	text string
	msg  []byte
}

func (s *session) pick() *device { return s.party[s.rnd.IntN(len(s.party))] }

func (s *session) send() {
	from := s.pick()
	s.counts.sent++
	text := from.name + "/" + strconv.Itoa(s.counts.sent)
	want := from.g.NextGeneration()
	msg, gen, err := from.g.Seal(crand.Reader, []byte(text), []byte("aad"), sizeClass)
	if err != nil || gen != want {
		s.t.Fatalf("%s seals generation %d, want %d: %v", from.name, gen, want, err)
	}
	for _, d := range s.party {
		if d != from {
			s.inflight[d] = append(s.inflight[d], letter{from.g.OwnLeaf(), text, msg})
		}
	}
}

// deliver opens one letter of one member, any of those it waits for.
func (s *session) deliver(d *device) {
	list := s.inflight[d]
	if len(list) == 0 {
		return
	}
	i := s.rnd.IntN(len(list))
	l := list[i]
	s.inflight[d] = append(list[:i:i], list[i+1:]...)
	m, err := d.g.Open(l.msg)
	if err != nil {
		s.t.Fatalf("%s opens %s: %v", d.name, l.text, err)
	}
	if string(m.Plaintext) != l.text || m.Leaf != l.from {
		s.t.Fatalf("%s opened %q from %d", d.name, m.Plaintext, m.Leaf)
	}
	s.opened[d] = append(s.opened[d], l)
	s.counts.opened++
}

func (s *session) replay(d *device) {
	if list := s.opened[d]; len(list) > 0 {
		s.counts.replays++
		if _, err := d.g.Open(list[s.rnd.IntN(len(list))].msg); !errors.Is(err, ErrReplay) {
			s.t.Fatalf("%s replay: %v", d.name, err)
		}
	}
}

// commit lets one member commit; sometimes another does at the same time, and
// which of the two comes first is chance.
func (s *session) commit() {
	for _, d := range s.party { // the queue is in order: what was sent before comes before
		for len(s.inflight[d]) > 0 {
			s.deliver(d)
		}
	}
	from := s.pick()
	var o CommitOptions
	o.Now, o.Validate, o.Pad = testNow, accept, sizeClass
	joining := map[*device]*KeyPackagePrivate{}
	gone := map[*device]bool{}
	if len(s.party) < 12 && s.rnd.IntN(2) == 0 {
		for range 1 + s.rnd.IntN(3) {
			s.names++
			d := newDevice(s.t, "d"+strconv.Itoa(s.names))
			kp, priv := d.keyPackage(s.t)
			o.Add, joining[d] = append(o.Add, kp), priv
		}
	}
	if s.rnd.IntN(2) == 0 {
		for _, d := range s.party {
			if d != from && s.rnd.IntN(4) == 0 {
				o.Remove, gone[d] = append(o.Remove, d.g.OwnLeaf()), true
			}
		}
	}
	msg, welcome, next, err := from.g.Commit(crand.Reader, o)
	if err != nil {
		s.t.Fatalf("%s commits: %v", from.name, err)
	}
	if rival := s.pick(); rival != from && s.rnd.IntN(3) == 0 {
		other, _, otherNext, err := rival.g.Commit(crand.Reader, CommitOptions{})
		if err != nil {
			s.t.Fatal(err)
		}
		s.counts.rivals++
		if s.rnd.IntN(2) == 0 {
			s.adopt(rival, other, otherNext, nil)
			return
		}
	}
	s.adopt(from, msg, next, gone)
	for d, priv := range joining {
		d.join(s.t, welcome, priv)
		s.party = append(s.party, d)
		s.counts.joins++
	}
	if len(o.Add)+len(o.Remove) == 0 {
		s.counts.renewals++
	}
}

func (s *session) adopt(from *device, msg []byte, next *Group, gone map[*device]bool) {
	var stay []*device
	for _, d := range s.party {
		if d == from {
			d.g.Forget()
			d.g = next
			stay = append(stay, d)
			continue
		}
		n, ch, err := d.g.ProcessCommit(msg, testNow, accept)
		if gone[d] {
			if !errors.Is(err, ErrRemoved) {
				s.t.Fatalf("%s is removed: %v", d.name, err)
			}
			s.counts.leaves++
			continue
		}
		if err != nil || ch.Committer != next.OwnLeaf() {
			s.t.Fatalf("%s processes: %v", d.name, err)
		}
		d.g.Forget()
		d.g = n
		stay = append(stay, d)
	}
	s.party = stay
	clear(s.inflight)
	clear(s.opened)
}

func (s *session) check() {
	agree(s.t, s.party)
	if n := len(s.party[0].g.Members()); n != len(s.party) {
		s.t.Fatalf("%d members, %d of us", n, len(s.party))
	}
	g := s.party[0].g
	if err := g.tree.verify(g.context.groupID, g.context.extensions); err != nil {
		s.t.Fatalf("the tree: %v", err)
	}
	fresh := readTree(s.t, marshal(g.tree))
	if !bytes.Equal(fresh.hash(), g.tree.hash()) {
		s.t.Fatal("the kept tree hash is stale")
	}
	for _, d := range s.party {
		if err := d.g.consistent(); err != nil {
			s.t.Fatalf("%s: %v", d.name, err)
		}
	}
}

func runSession(t *testing.T, seed uint64, steps int) *session {
	t.Logf("seed %d (set CLARION_SEED to repeat; keys are random all the same)", seed)
	s := &session{t: t, rnd: rand.New(rand.NewPCG(seed, 9420)), party: newParty(t, 2),
		inflight: map[*device][]letter{}, opened: map[*device][]letter{}}
	for range steps {
		switch n := s.rnd.IntN(20); {
		case n < 8:
			s.send()
		case n < 15:
			s.deliver(s.pick())
		case n < 16:
			s.replay(s.pick())
		case n < 18:
			s.pick().restore(t)
			s.counts.restores++
		default:
			s.commit()
			s.check()
		}
	}
	t.Logf("%+v", s.counts)
	return s
}

// shows fails if a session of a fixed seed was too short to show anything.
func (s *session) shows(t *testing.T) {
	if c := s.counts; c.joins == 0 || c.leaves == 0 || c.opened == 0 || c.replays == 0 || c.restores == 0 {
		t.Error("the session was too short to show anything")
	}
}

// TestRandomSessions runs fixed seeds and one that is new each time.
func TestRandomSessions(t *testing.T) {
	var b [8]byte
	crand.Read(b[:])
	fixed := []uint64{1, 2, 3}
	if runtime.GOOS == "js" {
		fixed = fixed[:1] // ten times slower there
	}
	seeds := append(fixed, binary.BigEndian.Uint64(b[:]))
	if x := os.Getenv("CLARION_SEED"); x != "" {
		n, err := strconv.ParseUint(x, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{n}
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			if s := runSession(t, seed, 400); slices.Contains(fixed, seed) {
				s.shows(t)
			}
		})
	}
}

// TestLargerGroup adds many at once and lets each renew.
func TestLargerGroup(t *testing.T) {
	party := newParty(t, 1)
	var o CommitOptions
	var privs []*KeyPackagePrivate
	for i := range 32 {
		d := newDevice(t, "m"+strconv.Itoa(i))
		kp, priv := d.keyPackage(t)
		o.Add, privs, party = append(o.Add, kp), append(privs, priv), append(party, d)
	}
	welcome := commitAll(t, party[:1], 0, o)
	for i, d := range party[1:] {
		d.join(t, welcome, privs[i])
	}
	agree(t, party)
	for i := 0; i < len(party); i += 3 {
		commitAll(t, party, i, CommitOptions{})
	}
	agree(t, party)
	commitAll(t, party, 4, CommitOptions{Remove: []LeafIndex{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}})
	agree(t, party)
	if w := party[0].g.tree.width(); w != 16 {
		t.Errorf("the tree has room for %d", w)
	}
}
