// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/server"
)

// person is somebody in the time machine.
type person struct {
	*Client
	words    []string
	old      *vault.Memory // a copy of the vault from some earlier moment
	tampered bool          // the vault was set back, copied, broken or lost
	codes    []string      // problems told so far, by all vaults this person had
}

// sentMessage is one that some client reported as sent.
type sentMessage struct{ conv, from, text string }

// machine is one random session.
type machine struct {
	t        *testing.T
	s        *Server
	chance   *rand.Rand
	g        *generations
	people   []*person
	convs    []string
	texts    map[string]sentMessage // by message id
	sent     map[string]bool        // ids
	wrote    map[string]bool        // texts, also of messages that failed
	backup   string
	restored bool // the server was set back
	steps    []string
}

// TestTimeMachine: whatever is set back, copied, killed or lost, no key is
// used twice, and nothing that was reported sent is lost or shown twice
// without a problem that is told by name.
func TestTimeMachine(t *testing.T) {
	chance := Chance(t)
	deadline := time.Now().Add(Budget(12 * time.Second))
	for session := 0; time.Now().Before(deadline); session++ {
		seed := chance.Uint64()
		ok := t.Run(fmt.Sprint("session ", session), func(t *testing.T) { newMachine(t, rand.New(rand.NewPCG(seed, 1))).run() })
		if !ok {
			return
		}
	}
}

func newMachine(t *testing.T, chance *rand.Rand, prepare ...func(*Server)) *machine {
	roomy := func(c *server.Config) { c.Limits.Tight, c.Limits.TightBurst = 1000, 10_000 } // a year of mishaps in a second
	m := &machine{t: t, s: NewServer(t, roomy), chance: chance, g: newGenerations(), texts: map[string]sentMessage{}, sent: map[string]bool{}, wrote: map[string]bool{}}
	for _, f := range prepare {
		f(m.s)
	}
	for _, name := range []string{"ada", "omar", "lin", "eve"}[:2+chance.IntN(3)] {
		watch, tap := m.g.device()
		c, words := m.s.RegisterWith(name, Options{Watch: watch, Dialer: tap})
		m.people = append(m.people, &person{Client: c, words: words})
	}
	ada := m.people[0]
	var others []string
	for _, p := range m.people[1:] {
		m.convs = append(m.convs, Meet(ada.Client, p.Client))
		others = append(others, p.Name)
	}
	g, err := ada.NewGroup(Context(t), "Harbour", others)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.people[1:] {
		join(p.Client, g.ID)
	}
	m.convs = append(m.convs, g.ID)
	for _, p := range m.people {
		p.Online() // the recovery blobs know all conversations now
	}
	return m
}

func (m *machine) run() {
	defer func() {
		if m.t.Failed() {
			m.t.Logf("the steps were:\n  %s", strings.Join(m.steps, "\n  "))
		}
	}()
	steps := 12 + m.chance.IntN(14)
	for range steps {
		m.step()
	}
	m.settle()
	if !m.t.Failed() {
		m.check()
	}
}

func (m *machine) note(format string, args ...any) {
	m.steps = append(m.steps, fmt.Sprintf(format, args...))
}

func (m *machine) step() {
	p := m.people[m.chance.IntN(len(m.people))]
	switch m.chance.IntN(16) {
	default:
		m.say(p)
	case 0, 1:
		m.note("%s's vault is copied", p.Name)
		p.old = p.Vault.Clone()
	case 2:
		m.setBack(p)
	case 3:
		m.copied(p)
	case 4:
		m.note("the server makes a backup")
		m.backup = filepath.Join(m.t.TempDir(), "backup")
		m.s.Backup(m.backup)
	case 5:
		if m.backup != "" {
			m.note("the server is restored")
			m.g.stored(m.t, m.s)
			m.s.Restore(m.backup)
			m.restored = true
		}
	case 6:
		m.note("the server starts anew")
		m.s.Restart()
	case 7, 8:
		m.failing(p)
	case 9:
		if !m.restored { // see named
			m.byWords(p)
		}
	case 10:
		m.note("%s's client starts anew", p.Name)
		m.replace(p, p.Reopen())
		m.online(p)
	}
}

// say lets a person write, whatever comes of it.
func (m *machine) say(p *person) {
	of := slices.DeleteFunc(slices.Clone(m.convs), func(conv string) bool {
		return !slices.ContainsFunc(m.members(conv), func(q *person) bool { return q.Name == p.Name })
	})
	m.sayIn(p, of[m.chance.IntN(len(of))])
}

func (m *machine) sayIn(p *person, conv string) {
	text := fmt.Sprintf("%s %d", p.Name, len(m.wrote))
	m.wrote[text] = true
	msg, err := p.Send(Context(m.t), conv, text)
	if msg.ID != "" {
		m.texts[msg.ID] = sentMessage{conv, p.Name, text}
	}
	if err == nil {
		err = p.FlushConversation(Context(m.t), conv)
	}
	if err == nil {
		if msg, err = p.Message(Context(m.t), conv, msg.ID); err == nil && through(msg.State) {
			m.sent[msg.ID] = true
		}
	}
	m.note("%s writes %q in %s: %v", p.Name, text, conv[:4], short(err))
}

// through reports whether a message in this state is on the server.
func through(s client.MessageState) bool {
	return s == client.StateSent || s == client.StateDelivered || s == client.StateRead
}

func short(err error) string {
	if err == nil {
		return "ok"
	}
	return client.AsFailure(err).Code
}

// replace makes c the person's client and keeps what the one before told.
func (m *machine) replace(p *person, c *Client) {
	m.gather(p)
	p.Client = c
}

// gather takes what a person's client has told.
func (m *machine) gather(p *person) {
	p.take()
	for _, e := range p.Log {
		switch e := e.(type) {
		case client.Problem:
			p.codes = append(p.codes, e.Code)
			m.note("    %s was told %s", p.Name, e.Code)
		case client.MessageStateChanged:
			m.sent[e.ID] = m.sent[e.ID] || through(e.State)
		}
	}
	p.Log = nil
}

func (m *machine) online(p *person) {
	if err := p.Listen(Context(m.t)); err != nil {
		m.note("  %s goes online: %s", p.Name, short(err))
	}
}

// setBack puts an earlier vault in the place of the present one.
func (m *machine) setBack(p *person) {
	if p.old == nil {
		return
	}
	m.note("%s's vault is set back", p.Name)
	p.tampered = true
	m.replace(p, p.ReopenOn(p.old.Clone()))
	if m.chance.IntN(2) == 0 {
		m.online(p)
	} else {
		m.say(p)
	}
}

// copied runs two copies of a vault side by side; one of them goes on.
func (m *machine) copied(p *person) {
	m.note("%s's vault runs twice", p.Name)
	p.tampered = true
	watch, tap := m.g.device()
	twin := &person{Client: m.s.Open(p.Name, Options{Vault: p.Vault.Clone(), Watch: watch, Dialer: tap}), words: p.words}
	for _, r := range []string{"self"} {
		if b, err := twin.Vault.Get(context.Background(), r); err == nil {
			watch([]vault.Change{{Key: r, Value: b}})
		}
	}
	first, second := p, twin
	if m.chance.IntN(2) == 0 {
		first, second = twin, p
	}
	m.say(first)
	m.say(second)
	m.say(first)
	m.gather(twin)
	p.codes = append(p.codes, twin.codes...)
	if m.chance.IntN(2) == 0 {
		m.note("  the copy goes on")
		p.Client, twin.Client = twin.Client, p.Client
	}
	twin.Stop()
	m.gather(twin)
	m.online(p)
}

// failing lets the vault fail once, before or after the write, as when the
// machine dies; the client starts anew on what is there.
func (m *machine) failing(p *person) {
	n, applied := 1+m.chance.IntN(6), m.chance.IntN(2) == 0
	m.note("%s's vault fails at commit %d, applied %v", p.Name, n, applied)
	p.tampered = true
	p.Vault.FailCommit(n, applied, errors.New("the machine died"))
	m.say(p)
	m.replace(p, p.ReopenOn(p.Vault.Clone()))
	m.online(p)
}

// byWords loses the vault and comes back by the recovery sheet.
func (m *machine) byWords(p *person) {
	m.note("%s comes back by words", p.Name)
	p.tampered = true
	m.replace(p, p.ReopenOn(vault.NewMemory()))
	for range 3 {
		err := p.Restore(Context(m.t), client.RestoreParams{Server: m.s.URL, Name: p.Name, Words: p.words})
		if err == nil {
			break
		}
		m.note("  %s", short(err))
		m.byOthers(p)
	}
	p.old = nil
	m.online(p)
}

// byOthers lets the others come online: a restored server learns from them.
func (m *machine) byOthers(p *person) {
	m.s.Clock.Add(time.Minute)
	for _, q := range m.people {
		if q != p {
			m.online(q)
		}
	}
}

// rounds is how often everybody has to come online, half an hour apart, until
// whatever can heal has healed: asking the way back, being added, and once
// more for a device that finds itself replaced meanwhile.
const rounds = 12

// acknowledge lets a person take note of every identity that changed: until
// then nothing leaves to it.
func (m *machine) acknowledge(p *person) {
	people, err := p.Contacts(Context(m.t))
	if err != nil {
		return // the device is replaced
	}
	for _, q := range people {
		if q.Checked != nil && q.Checked.How == client.CheckedChanged {
			if _, err := p.Acknowledge(Context(m.t), q.Handle.String()); err != nil {
				m.t.Errorf("%s acknowledges %s: %v", p.Name, q.Handle, err)
			}
		}
	}
}

// settle brings everybody online until all conversations go on.
func (m *machine) settle() {
	m.note("settling")
	left := ""
	for range rounds {
		m.s.Clock.Add(31 * time.Minute)
		failed := false
		for _, p := range m.people {
			err := p.Listen(Context(m.t))
			if err != nil {
				m.note("  %s goes online: %s", p.Name, short(err))
				failed = true // perhaps it does not know yet that it is replaced
			}
			m.acknowledge(p)
			if err != nil && client.AsFailure(err).Code == client.FailDeviceReplaced {
				m.byWords(p)
			}
		}
		if left = m.unsettled(); left == "" && !failed {
			break
		}
	}
	if left != "" && !m.named() {
		m.t.Errorf("after %d rounds: %s", rounds, left)
		m.describe()
	}
	if left != "" {
		return
	}
	for _, conv := range m.convs {
		for _, p := range m.members(conv) {
			m.sayIn(p, conv)
			id := ""
			for k, v := range m.texts {
				if v.text == fmt.Sprintf("%s %d", p.Name, len(m.wrote)-1) {
					id = k
				}
			}
			if !m.sent[id] {
				m.t.Errorf("%s cannot write in %s: %s", p.Name, conv[:4], m.steps[len(m.steps)-1])
				continue
			}
			for _, q := range m.members(conv) {
				if q != p {
					q.AwaitText(m.texts[id].text)
				}
			}
		}
	}
}

// describe notes where everybody stands.
func (m *machine) describe() {
	for _, conv := range m.convs {
		for _, p := range m.members(conv) {
			v, err := p.Find(Context(m.t), conv)
			m.note("%s in %s: epoch %d, code %.6s, problem %q, %v", p.Name, conv[:4], v.Epoch, v.Code, v.Problem, err)
		}
	}
	for _, p := range m.people {
		m.gather(p)
	}
}

// named reports whether what does not go on was told by the one name that stays
// when a server forgets entries of the directory and the only vault that held
// them is lost too: whoever comes back by words then makes a chain that does not
// go on from the one others saw, and nobody can tell that from a server that
// puts somebody else in their place.
func (m *machine) named() bool {
	told := false
	for _, p := range m.people {
		m.gather(p)
		told = told || slices.Contains(p.codes, client.FailIdentity)
	}
	return m.restored && told
}

// members are the people of a conversation: of the two, or all.
func (m *machine) members(conv string) []*person {
	if at := slices.Index(m.convs, conv); at < len(m.convs)-1 {
		return []*person{m.people[0], m.people[at+1]}
	}
	return m.people
}

// unsettled names a conversation that does not go on, or is empty.
func (m *machine) unsettled() string {
	for _, conv := range m.convs {
		epoch, code := uint64(0), ""
		for i, p := range m.members(conv) {
			v, err := p.Find(Context(m.t), conv)
			if err != nil {
				return fmt.Sprintf("%s does not find %s: %v", p.Name, conv[:4], err)
			}
			if v.Problem != "" {
				return fmt.Sprintf("%s has %s in %s", p.Name, v.Problem, conv[:4])
			}
			if i > 0 && v.Epoch != epoch {
				return fmt.Sprintf("%s is in epoch %d of %s, others in %d", p.Name, v.Epoch, conv[:4], epoch)
			}
			if i > 0 && v.Code != code {
				return fmt.Sprintf("%s has another code in %s", p.Name, conv[:4])
			}
			epoch, code = v.Epoch, v.Code
		}
	}
	return ""
}

// check holds the session to its promises.
func (m *machine) check() {
	for _, p := range m.people {
		m.gather(p)
	}
	m.g.stored(m.t, m.s)
	m.g.mu.Lock()
	twice, seen := m.g.twice, len(m.g.used)
	m.g.mu.Unlock()
	for _, t := range twice {
		m.t.Errorf("a key was used twice: %s", t)
	}
	if seen == 0 {
		m.t.Error("no envelope was seen")
	}
	for _, conv := range m.convs {
		for i, p := range m.members(conv) {
			m.checkHistory(p, conv)
			for _, q := range m.members(conv)[:i] {
				m.checkOrder(p, q, conv)
			}
		}
	}
}

// checkOrder: what two people hold in common, they hold in the same order. What
// a restored server lost and got back may have taken another place.
func (m *machine) checkOrder(p, q *person, conv string) {
	if m.restored || p.tampered || q.tampered {
		return
	}
	a, b := texts(history(p.Client, conv)), texts(history(q.Client, conv))
	a = slices.DeleteFunc(a, func(s string) bool { return !slices.Contains(b, s) })
	b = slices.DeleteFunc(b, func(s string) bool { return !slices.Contains(a, s) })
	if !slices.Equal(a, b) {
		m.t.Errorf("%s and %s hold another order: %s", p.Name, q.Name, firstDifference(a, b))
	}
}

// checkHistory: each message that was reported sent is there once, or this
// person was told why not.
func (m *machine) checkHistory(p *person, conv string) {
	count := map[string]int{}
	for _, h := range history(p.Client, conv) {
		if count[h.ID]++; count[h.ID] > 1 {
			m.t.Errorf("%s holds %q twice", p.Name, h.Text)
		}
		if !m.wrote[h.Text] {
			m.t.Errorf("%s holds %q, which nobody wrote", p.Name, h.Text)
		}
	}
	for id, msg := range m.texts {
		if msg.conv != conv || !m.sent[id] || count[id] == 1 {
			continue
		}
		if p.tampered || (m.restored && len(p.codes) > 0) {
			continue // the vault that held it is gone, or the server's loss was told
		}
		m.t.Errorf("%q was reported sent, %s does not hold it and was told %v", msg.text, p.Name, p.codes)
	}
}
