// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// insider is a member who lies: an honest client whose vault and passes the
// test uses for what no honest client does.
type insider struct {
	t              *testing.T
	s              *Server
	ada, omar, mal *Client
	conv           string
	knock          *Knock
	mu             sync.Mutex              // guards others
	tamper         func(a *wire.Append)    // changes what mal appends
	others         map[string]*wire.Append // the newest envelope of each
	mailbox        wire.MailboxID
	pass           wire.Pass
	epoch          wire.Epoch
}

// newInsider puts Ada, Omar and Mal into one group.
func newInsider(t *testing.T) *insider {
	in := &insider{t: t, others: map[string]*wire.Append{}}
	in.s = NewServer(t, func(c *server.Config) {
		c.Limits.Live, c.Limits.LiveBurst, c.Limits.Commands, c.Limits.CommandBurst = 1e6, 1e6, 1e6, 1e6
	})
	note := func(name string) *Tap {
		return &Tap{Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
			if a, ok := body.(*wire.Append); ok {
				in.mu.Lock()
				if name == "mal" && in.tamper != nil {
					in.tamper(a)
				}
				n := *a
				in.others[name] = &n
				in.mu.Unlock()
			}
			return true
		}}
	}
	in.ada, _ = in.s.RegisterWith("ada", Options{Dialer: note("ada")})
	in.omar, _ = in.s.Register("omar")
	in.mal, _ = in.s.RegisterWith("mal", Options{Dialer: note("mal")})
	Meet(in.ada, in.omar)
	Meet(in.ada, in.mal)
	g, err := in.ada.NewGroup(Context(t), "Harbour", []string{"omar", "mal"})
	if err != nil {
		t.Fatal(err)
	}
	join(in.omar, g.ID)
	join(in.mal, g.ID)
	in.ada.Online()
	in.conv = g.ID
	in.mal.Say(in.conv, "I am honest")
	in.ada.AwaitText("I am honest")
	in.omar.AwaitText("I am honest")
	a := in.newest("mal")
	in.mailbox, in.pass, in.epoch = a.Mailbox, a.Pass, a.Epoch
	in.knock = in.s.Knock(in.s.URL, client.MailboxDoor)
	return in
}

// newest is the newest envelope somebody appended.
func (in *insider) newest(name string) *wire.Append {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.others[name]
}

// post appends a body under the right pass.
func (in *insider) post(body []byte, kind wire.EnvelopeKind) {
	in.t.Helper()
	a := &wire.Append{Mailbox: in.mailbox, Pass: in.pass, Epoch: in.epoch, EnvelopeKind: kind, Body: body}
	rand.Read(a.ID[:])
	if kind == wire.KindCommit {
		rand.Read(a.Next[:])
	}
	in.knock.Must(in.s, a)
}

// group is Mal's MLS state.
func (in *insider) group() *mls.Group {
	in.t.Helper()
	self, err := in.mal.Vault.Get(Context(in.t), "self")
	if err != nil {
		in.t.Fatal(err)
	}
	state, err := in.mal.Vault.Get(Context(in.t), "mls/"+in.conv)
	if err != nil {
		in.t.Fatal(err)
	}
	g, err := mls.UnmarshalGroup(state, deviceOf(self))
	if err != nil {
		in.t.Fatal(err)
	}
	return g
}

// claim is a text message as docs/protocol/message.md has it.
type claim struct {
	mailbox [8]byte
	seen    uint64
	chain   [32]byte
	text    string
}

// Fields describes the message.
func (m *claim) Fields(c *wire.Coder) {
	version, kind, at := uint8(1), uint8(1), time.Now().Unix()
	var id [16]byte
	rand.Read(id[:])
	c.U8(&version)
	c.U8(&kind)
	c.Fixed(id[:])
	c.I64(&at)
	c.Fixed(m.mailbox[:])
	c.U64(&m.seen)
	c.Fixed(m.chain[:])
	c.String(&m.text, 16000)
}

func (in *insider) seal(g *mls.Group, m *claim) []byte {
	in.t.Helper()
	body, _, err := g.Seal(rand.Reader, wire.MustMarshal(m), nil, wire.SizeClass)
	if err != nil {
		in.t.Fatal(err)
	}
	return body
}

// goOn lets the honest two write on.
func (in *insider) goOn() {
	in.t.Helper()
	in.ada.Say(in.conv, "Ada goes on")
	in.omar.AwaitText("Ada goes on")
	in.omar.Say(in.conv, "so does Omar")
	in.ada.AwaitText("so does Omar")
	sameHistory(in.t, in.conv, in.ada, in.omar)
}

// TestInsiderHonest: what this file builds by hand is taken when it does not
// lie, so that the refusals below are refusals of the lies.
func TestInsiderHonest(t *testing.T) {
	in := newInsider(t)
	in.post(in.seal(in.group(), &claim{text: "by hand"}), wire.KindMessage)
	in.ada.AwaitText("by hand")
	in.omar.AwaitText("by hand")
	in.goOn()
}

// TestInsiderFalsePass: a commit whose pass nobody can derive closes the
// mailbox; the members go on in the next one without a word.
func TestInsiderFalsePass(t *testing.T) {
	in := newInsider(t)
	in.s.Register("eve")
	in.mu.Lock()
	in.tamper = func(a *wire.Append) {
		if a.EnvelopeKind == wire.KindCommit {
			rand.Read(a.Next[:])
		}
	}
	in.mu.Unlock()
	_ = in.mal.AddMember(Context(t), in.conv, "eve") // what comes of it is Mal's own trouble
	in.ada.AwaitProblem(client.ProblemFalsePass)
	in.omar.AwaitProblem(client.ProblemFalsePass)
	in.goOn()
}

// TestInsiderGarbage: a commit that nobody can process ends the group; the
// first member who is online begins it anew, also after all started anew.
func TestInsiderGarbage(t *testing.T) {
	for name, again := range map[string]bool{"online": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			in := newInsider(t)
			if again {
				in.mal.Stop()
			}
			body := make([]byte, 512)
			rand.Read(body)
			in.post(body, wire.KindCommit)
			in.omar.AwaitProblem(client.ProblemBroken)
			if again {
				in.ada.Stop()
				in.omar = in.omar.Reopen().Online()
				in.ada = in.ada.Reopen().Online()
			}
			join(in.omar, in.conv)
			if again {
				join(in.ada, in.conv) // whichever of them began it anew
			}
			in.ada.Online()
			in.goOn()
		})
	}
}

// TestInsiderReplay: somebody's envelope is put in again under a new id. It is
// shown once, and both its author and the others are told.
func TestInsiderReplay(t *testing.T) {
	in := newInsider(t)
	in.ada.Say(in.conv, "only once")
	in.omar.AwaitText("only once")
	page := in.knock.Must(in.s, &wire.Read{Mailbox: in.mailbox, Pass: in.pass, Limit: wire.MaxRead}).(*wire.Envelopes)
	sent := in.newest("ada")
	at := slices.IndexFunc(page.Envelopes, func(e wire.Envelope) bool { return bytes.Equal(e.Body, sent.Body) })
	if at < 0 {
		t.Fatal("Ada's envelope is not in the mailbox")
	}
	in.post(page.Envelopes[at].Body, wire.KindMessage)
	in.omar.AwaitProblem(client.ProblemReplayed)
	in.ada.AwaitProblem(client.ProblemReplayed)
	in.goOn()
}

// TestInsiderFalseHash: a member who claims to have seen something else is
// believed: nothing more is sent here.
func TestInsiderFalseHash(t *testing.T) {
	in := newInsider(t)
	in.post(in.seal(in.group(), &claim{mailbox: [8]byte(in.mailbox[:8]), seen: 1, chain: [32]byte{1}, text: "another world"}), wire.KindMessage)
	for _, c := range []*Client{in.ada, in.omar} {
		c.AwaitProblem(client.FailHistoryDiffers)
		_, err := c.Send(Context(t), in.conv, "on?")
		FailsWith(t, err, client.FailHistoryDiffers)
	}
}

// TestInsiderLiveFlood: 5,000 live frames, then one message to a sleeper, who
// gets it: live frames use up nothing that messages need.
func TestInsiderLiveFlood(t *testing.T) {
	in := newInsider(t)
	in.omar.Stop()
	body := make([]byte, 200)
	for i := range 5000 {
		rand.Read(body)
		if i%100 == 0 { // what a client does refuse, it refuses for its own frames too
			in.s.Clock.Add(4 * time.Second)
			if err := in.mal.Typing(Context(t), in.conv); err != nil {
				t.Fatal(err)
			}
		}
		in.knock.Must(in.s, &wire.Live{Mailbox: in.mailbox, Pass: in.pass, Body: body})
	}
	in.mal.Say(in.conv, "good morning")
	in.omar = in.omar.Reopen().Online()
	in.omar.AwaitText("good morning")
	in.goOn()
}

// TestInsiderFarGeneration: a message far ahead on the ratchet costs no time
// and no message.
func TestInsiderFarGeneration(t *testing.T) {
	in := newInsider(t)
	g := in.group()
	for range 2 * mls.MaxForward {
		in.seal(g, &claim{text: "never sent"})
	}
	began := time.Now()
	for range 20 {
		in.post(in.seal(g, &claim{text: "from far ahead"}), wire.KindMessage)
		in.omar.AwaitProblem(client.ProblemUnreadable)
		in.ada.AwaitProblem(client.ProblemUnreadable)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("20 messages from far ahead took %v", d)
	}
	in.goOn()
	in.mal.Say(in.conv, "near by again")
	in.omar.AwaitText("near by again")
}

// TestInsiderPlaysAnother: every member can write any sender on a message, but
// not sign for it: the one who is played does not take its vault for old, and
// the others believe nothing.
func TestInsiderPlaysAnother(t *testing.T) {
	in := newInsider(t)
	g := in.group()
	leaf := slices.IndexFunc(g.Members(), func(m mls.Member) bool { return bytes.Contains(m.Credential, []byte("omar")) })
	if leaf < 0 {
		t.Fatal("Omar is not in the group")
	}
	own := reflect.ValueOf(g).Elem().FieldByName("own")
	*(*mls.LeafIndex)(unsafe.Pointer(own.UnsafeAddr())) = g.Members()[leaf].Leaf
	for i := range 3 {
		in.post(in.seal(g, &claim{text: fmt.Sprint("Omar never said ", i)}), wire.KindMessage)
	}
	in.ada.AwaitProblem(client.ProblemUnreadable)
	in.omar.AwaitProblem(client.ProblemUnreadable)
	in.goOn()
	if codes := in.omar.problems(); slices.Contains(codes, client.FailOldVault) {
		t.Errorf("Omar was made to think that his vault is old: %v", codes)
	}
	for _, text := range texts(history(in.ada, in.conv)) {
		if bytes.HasPrefix([]byte(text), []byte("Omar never said")) {
			t.Errorf("Ada believes %q", text)
		}
	}
}
