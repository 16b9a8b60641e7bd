// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// turns is a restore of the server to before a member was added, after which
// the members come online one after the other, never two at a time.
type turns struct {
	order  []string // in which they are online once, each round
	echo   bool     // the adder saw its commit come back
	told   bool     // the third member saw the newcomer come
	writes bool     // whoever is online writes something
}

// turnsMost is how often each has to be online until all are together: one
// round to find out and ask, one to be answered, one to take the answers.
const turnsMost = 4

// TestRestoredInTurn: Ada adds Lin, and the server is restored from before.
// Whoever comes online first, whatever they had seen and whether they write:
// all end in one group without anybody doing anything, what was sent arrives,
// and nobody who slept through nothing is told that they slept.
func TestRestoredInTurn(t *testing.T) {
	orders := [][]string{
		{"ada", "omar", "lin"}, {"ada", "lin", "omar"}, {"omar", "ada", "lin"},
		{"omar", "lin", "ada"}, {"lin", "ada", "omar"}, {"lin", "omar", "ada"},
	}
	for i, order := range orders {
		for n := range 8 {
			c := turns{order: order, echo: n&1 == 0, told: n&2 == 0, writes: n&4 == 0}
			if c.told && !c.echo {
				continue // who hears of Lin hears it from the server, as Ada does
			}
			if !Long() && ((!c.writes && (i != 0 || c.told)) || (c.told && i%3 != 0)) {
				continue // nobody forks the group who writes nothing, or knows of her
			}
			name := fmt.Sprintf("%s, echo %v, told %v, writes %v", strings.Join(order, " "), c.echo, c.told, c.writes)
			t.Run(name, func(t *testing.T) { t.Parallel(); c.run(t) })
		}
	}
}

// cutAfterCommit is a Tap that, once armed, lets the answer to a commit
// through and then nothing more: its sender never sees the commit come back.
func cutAfterCommit() (*Tap, *atomic.Bool) {
	armed, cut := new(atomic.Bool), new(atomic.Bool)
	tap := &Tap{
		Up: func(l *Link, _ wire.Ref, _ wire.Body) bool {
			if armed.Load() && cut.Load() {
				l.Close()
			}
			return !armed.Load() || !cut.Load()
		},
		Down: func(l *Link, ref wire.Ref, _ wire.Body) bool {
			a, sent := l.Asked(ref).(*wire.Append)
			if sent && a.EnvelopeKind == wire.KindCommit && armed.Load() {
				cut.Store(true)
				return true
			}
			return !armed.Load() || !cut.Load()
		},
	}
	return tap, armed
}

func (c turns) run(t *testing.T) {
	s := NewServer(t)
	tap, armed := cutAfterCommit()
	ada, _ := s.RegisterWith("ada", Options{Dialer: tap})
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	exchange(ada.Online(), omar, g.ID, "before Lin")
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	if !c.told {
		omar.Stop()
	}
	armed.Store(!c.echo)
	if err := ada.AddMember(Context(t), g.ID, "lin"); err != nil && c.echo {
		t.Fatal(err)
	}
	want := []string{"before Lin"}
	say := func(p *Client, text string) {
		p.Say(g.ID, text)
		want = append(want, text)
	}
	if c.echo {
		join(lin, g.ID)
		say(ada, "from Ada")
		lin.AwaitText("from Ada")
		say(lin, "from Lin")
		ada.AwaitText("from Lin")
	}
	if c.told {
		Await(omar, "Lin's coming", func(e client.MemberAdded) bool { return e.Handle.Name == "lin" })
		say(omar, "from Omar")
		ada.AwaitText("from Omar")
		lin.AwaitText("from Omar")
	}
	people := map[string]*Client{"ada": ada, "omar": omar, "lin": lin}
	for _, p := range people {
		p.Stop()
	}
	armed.Store(false)
	s.Restore(backup)

	rounds := 0
	for ; rounds < turnsMost; rounds++ {
		for _, name := range c.order {
			people[name] = c.once(people[name], g.ID, fmt.Sprintf("%s in round %d", name, rounds), &want)
		}
	}
	for name, p := range people {
		people[name] = p.Reopen().Online()
	}
	oneGroup(t, g.ID, people["ada"], people["omar"], people["lin"])
	for name, p := range people {
		have := texts(history(p, g.ID))
		for _, text := range want {
			before := text == "before Lin" || strings.HasPrefix(text, "omar in round") // Lin was not there, or nobody knew
			if n := count(have, text); n > 1 || (n == 0 && !(name == "lin" && before)) {
				t.Errorf("%s has %q %d times", name, text, n)
			}
		}
	}
}

// once lets somebody be online for as long as it takes to do what is due, and
// ends them.
func (c turns) once(p *Client, conv, text string, want *[]string) *Client {
	p.t.Helper()
	p = p.Reopen().Online()
	if c.writes {
		if _, err := p.Send(Context(p.t), conv, text); err == nil {
			*want = append(*want, text)
			_ = p.Flush(Context(p.t))
		}
	}
	p.Online() // what the first time has planned for soon
	if err := p.Settle(Context(p.t)); err != nil {
		p.t.Fatal(err)
	}
	p.Stop()
	return p
}

func count(list []string, s string) int {
	return len(list) - len(slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == s }))
}

// TestRestoredBeforeRemove: Ada removes Lin and changes keep, which the server
// forgets and Omar has not seen. He is back first and writes: Lin is out again
// once Ada was online too, and keep is what she set.
func TestRestoredBeforeRemove(t *testing.T) {
	for _, echo := range []bool{true, false} {
		t.Run(fmt.Sprintf("echo %v", echo), func(t *testing.T) { restoredBeforeRemove(t, echo) })
	}
}

func restoredBeforeRemove(t *testing.T, echo bool) {
	s := NewServer(t)
	tap, armed := cutAfterCommit()
	ada, _ := s.RegisterWith("ada", Options{Dialer: tap})
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	omar.Stop()
	lin.Stop()
	if err := ada.SetKeep(Context(t), g.ID, 7); err != nil {
		t.Fatal(err)
	}
	armed.Store(!echo)
	if err := ada.RemoveMember(Context(t), g.ID, "lin"); err != nil && echo {
		t.Fatal(err)
	}
	ada.Stop()
	armed.Store(false)
	s.Restore(backup)
	people, none := map[string]*Client{"ada": ada, "omar": omar}, []string{}
	for n := range turnsMost {
		for _, name := range []string{"omar", "ada"} {
			people[name] = turns{writes: true}.once(people[name], g.ID, fmt.Sprint(name, " ", n), &none)
		}
	}
	for name, p := range people {
		people[name] = p.Reopen().Online()
		v, err := people[name].Find(Context(t), g.ID)
		if err != nil || len(v.Members) != 2 || v.Keep != 7 || v.Problem != "" {
			t.Errorf("%s has %+v (%v)", name, v, err)
		}
	}
	oneGroup(t, g.ID, people["ada"], people["omar"])
	lin = lin.Reopen().Online()
	Await(lin, "being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" && e.By.Name == "ada" })
}
