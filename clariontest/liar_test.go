// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
)

// further is k: how many messages each side writes after a lie before it must
// have come out. A lie shows at the latest when a member who was shown one
// history takes a message from a member who was shown the other, sealed after
// that one had seen the difference: one message each way brings the difference
// to both, and a second one each way makes sure that the first was sealed
// after what was on its way at the moment of the lie.
//
// A server that from some moment on shows two members nothing more of each
// other, for ever, cannot be told from two members who write nothing: such a
// partition is out of reach of any protocol between them. What shows is that
// messages stay at `sent` and are never `delivered`.
const further = 2

// pair is two people and a server that lies to them.
type pair struct {
	t         *testing.T
	m         *mutant
	s         *Server
	ada, omar *Client
	conv      string
	sent      []string // texts reported sent, in this conversation
	refused   bool     // a client refused to write on
	codes     []string // with these errors
	count     int      // messages written
	through   int      // of them, those reported sent
}

func newPair(t *testing.T, chance *rand.Rand, prepare ...func(*Server)) *pair {
	p := &pair{t: t, m: &mutant{chance: chance}}
	p.m.begin()
	p.s = NewServer(t, func(c *server.Config) { c.Limits.Tight, c.Limits.TightBurst = 1e6, 1e6 })
	for _, f := range prepare {
		f(p.s)
	}
	p.ada, _ = p.s.RegisterWith("ada", Options{Dialer: p.m.tap("ada")})
	p.omar, _ = p.s.RegisterWith("omar", Options{Dialer: p.m.tap("omar")})
	Meet(p.ada, p.omar)
	return p
}

// anew begins another conversation, about whose mailbox the server will lie.
func (p *pair) anew() {
	p.t.Helper()
	p.m.begin()
	c, err := p.ada.NewGroup(Context(p.t), "Harbour", []string{"omar"})
	if err != nil {
		p.t.Fatal(err)
	}
	join(p.omar, c.ID)
	p.conv, p.sent, p.refused, p.codes = c.ID, nil, false, nil
	p.ada.Online()
	p.omar.Online()
	p.forget()
}

// forget drops the events so far.
func (p *pair) forget() {
	for _, c := range []*Client{p.ada, p.omar} {
		c.take()
		c.events, c.Log = nil, nil
	}
}

// say lets somebody write one message.
func (p *pair) say(c *Client) {
	p.t.Helper()
	p.count++
	text := fmt.Sprintf("%s %d", c.Name, p.count)
	m, err := c.Send(Context(p.t), p.conv, text)
	if err == nil {
		err = c.Flush(Context(p.t)) // fails also for conversations that were stopped before
		if now, lost := c.Message(Context(p.t), p.conv, m.ID); lost != nil || through(now.State) {
			m, err = now, lost
		}
	}
	if err != nil {
		p.refused = true // by an alarm
		p.codes = append(p.codes, client.AsFailure(err).Code)
		return
	}
	if through(m.State) {
		p.sent = append(p.sent, text)
		p.through++
	}
}

// alarms lists the problems told about this conversation, and the errors that
// writing in it failed with.
func (p *pair) alarms() []string {
	codes := slices.Clone(p.codes)
	for _, c := range []*Client{p.ada, p.omar} {
		c.take()
		for _, e := range c.Log {
			if e, ok := e.(client.Problem); ok && (e.Conversation == p.conv || e.Conversation == "") {
				codes = append(codes, e.Code)
			}
		}
	}
	return codes
}

// complete reports whether both hold everything that was sent, once.
func (p *pair) complete() bool {
	for _, c := range []*Client{p.ada, p.omar} {
		if !slices.Equal(texts(history(c, p.conv)), p.sent) {
			return false
		}
	}
	return true
}

// caught waits until all that was sent is with both, once and in order, or a
// problem was told; it returns the problems.
func (p *pair) caught(what lie) []string {
	p.t.Helper()
	limit := time.NewTimer(Patience)
	defer limit.Stop()
	for {
		if codes := p.alarms(); len(codes) > 0 {
			return codes
		}
		if p.complete() {
			return nil
		}
		select {
		case e := <-p.ada.Events():
			p.ada.Log = append(p.ada.Log, e)
		case e := <-p.omar.Events():
			p.omar.Log = append(p.omar.Log, e)
		case <-limit.C:
			p.t.Fatalf("a server that %s, told to %s, is not found out: ada and omar hold %s", what, p.m.victim,
				firstDifference(texts(history(p.ada, p.conv)), texts(history(p.omar, p.conv))))
		}
	}
}

// more lets each write on until a lie must have come out.
func (p *pair) more() {
	for range further {
		p.say(p.ada)
		p.say(p.omar)
	}
	p.m.release()
	for range further {
		p.say(p.omar)
		p.say(p.ada)
	}
}

// TestLiar: a server that falsifies one envelope in some hundreds is found out
// each time, or what it did comes to nothing.
func TestLiar(t *testing.T) {
	chance := Chance(t)
	for _, what := range lies() {
		t.Run(string(what), func(t *testing.T) {
			p := newPair(t, rand.New(rand.NewPCG(chance.Uint64(), 2)))
			for range 3 {
				p.liedTo(what)
			}
		})
	}
	t.Run("burst", func(t *testing.T) { liarBurst(t, chance) })
}

// liedTo lets the server tell one lie in a new conversation, and waits until
// it has come out.
func (p *pair) liedTo(what lie) {
	p.t.Helper()
	p.anew()
	p.m.arm(what, 1+p.m.chance.IntN(6))
	for p.m.lied() == "" {
		p.say(p.ada)
		p.say(p.omar)
	}
	p.more()
	p.t.Logf("told to %s, found out by %v", p.m.victim, p.caught(what))
}

// liarBurst lets two people write thousands of messages through a server that
// falsifies one envelope in a few hundred, each kind of lie in turn.
func liarBurst(t *testing.T, chance *rand.Rand) {
	const odds = 400
	messages := 3000
	if Long() {
		messages = 100_000
	}
	p := newPair(t, chance)
	p.anew()
	told := map[lie]int{}
	order := lies()
	chance.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	at := 0
	p.m.arm(order[0], odds)
	here := 0 // lies told in the present conversation
	for p.through < messages || len(told) < len(lies()) {
		p.say(p.ada)
		p.say(p.omar)
		what := p.m.lied()
		if what == "" && !p.refused {
			continue
		}
		if what != "" {
			told[what]++
			here++
			at++
			p.more()
			p.caught(what)
		} else if here == 0 {
			t.Fatalf("writing is refused and nobody lied: %v", p.alarms())
		}
		if p.refused || len(p.alarms()) > 0 {
			p.anew()
			here = 0
		}
		p.m.arm(order[at%len(order)], odds)
	}
	p.anew()
	p.say(p.ada)
	p.m.release()
	if codes := p.caught("is honest at last"); len(codes) > 0 {
		t.Errorf("problems without a lie: %v", codes)
	}
	t.Logf("%d messages, lies %v", p.through, told)
}
