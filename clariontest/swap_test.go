// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// swapWorld is what one run of the swap test leaves behind.
type swapWorld struct {
	tables   []table
	log      string
	frames   []string
	creators map[wire.MailboxID]string // which client made which mailbox: the test knows, the server must not
	partner  map[string]string
}

// watcher notes every frame of a world's clients.
type watcher struct {
	mu sync.Mutex
	w  *swapWorld
}

func (w *watcher) tap(name string) *Tap {
	note := func(l *Link, ref wire.Ref, body wire.Body, up string) {
		frame, err := wire.EncodeFrame(ref, body)
		if err != nil {
			panic(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if up == "down" {
			return // whether an envelope comes as an answer or an event is a matter of chance
		}
		w.w.frames = append(w.w.frames, fmt.Sprintf("%s %s %d: %d bytes", l.Door, up, body.Kind(), len(frame)))
		if m, ok := body.(*wire.CreateMailbox); ok {
			w.w.creators[m.Mailbox] = name
		}
	}
	return &Tap{
		Up:   func(l *Link, ref wire.Ref, body wire.Body) bool { note(l, ref, body, "up"); return true },
		Down: func(l *Link, ref wire.Ref, body wire.Body) bool { note(l, ref, body, "down"); return true },
	}
}

// exchange lets from say something that to reads, marks and all.
func exchange(from, to *Client, conv, text string) {
	from.t.Helper()
	m := from.Say(conv, text)
	got := to.AwaitText(text)
	from.AwaitState(m.ID, client.StateDelivered)
	if err := to.MarkRead(Context(to.t), conv, got.Seq); err != nil {
		to.t.Fatal(err)
	}
	if err := to.Settle(Context(to.t)); err != nil {
		to.t.Fatal(err)
	}
	from.AwaitState(m.ID, client.StateRead)
}

// swapRun lets Ada meet adas and Eve meet eves, in the same steps each time.
func swapRun(t *testing.T, adas, eves string) *swapWorld {
	w := &swapWorld{creators: map[wire.MailboxID]string{}, partner: map[string]string{"ada": adas, "eve": eves}}
	watch := &watcher{w: w}
	var log bytes.Buffer
	clock := new(Clock)
	clock.StandAt(time.Date(2027, 3, 1, 10, 30, 0, 0, time.UTC))
	s := NewServer(t, func(c *server.Config) {
		c.Host, c.Clock = "clarion.test", clock.Now
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s.Clock = clock
	people := map[string]*Client{}
	for _, name := range []string{"ada", "omar", "eve", "ivo"} {
		people[name], _ = s.RegisterWith(name, Options{Dialer: watch.tap(name)})
	}
	ada, x, eve, y := people["ada"], people[adas], people["eve"], people[eves]
	first, second := Meet(ada, x), Meet(eve, y)
	exchange(x, ada, first, "the first conversation begins")
	exchange(y, eve, second, "the second one "+strings.Repeat("says more ", 200))
	exchange(ada, x, first, "an answer")
	exchange(eve, y, second, "an answer here too")
	exchange(eve, y, second, "and one more")
	for c, conv := range map[*Client]string{ada: first, eve: second} { // nothing of who asks is kept
		if _, err := c.ConversationHoldings(Context(t), conv); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range []struct {
		founder, other *Client
		name           string
	}{{ada, x, "Harbour"}, {eve, y, "Quay"}} {
		c, err := g.founder.NewGroup(Context(t), g.name, []string{g.other.Name})
		if err != nil {
			t.Fatal(err)
		}
		join(g.other, c.ID)
		g.founder.Online()
		exchange(g.founder, g.other, c.ID, "in "+g.name)
		if g.name == "Harbour" {
			if err := ada.RemoveMember(Context(t), c.ID, x.Name); err != nil {
				t.Fatal(err)
			}
			Await(x, "being removed", func(e client.MemberRemoved) bool { return e.Handle.Name == x.Name })
		}
	}
	for _, c := range []*Client{ada, x, eve, y} {
		c.Online()
		c.Stop()
	}
	if err := s.Server().Purge(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	w.log = log.String()
	w.tables = dump(t, filepath.Join(s.Dir, "clarion.db"))
	for _, r := range w.table("recovery_blob").rows {
		if n := r[1].(int64); n > 1 && n < 1000 {
			t.Errorf("the recovery blob's version is %d: it counts how often conversations changed", n)
		}
		r[1] = "drawn" // it rises in random steps, so that it counts nothing
	}
	return w
}

// normal joins all that the world left.
func (w *swapWorld) normal() []string {
	lines := normal(w.tables)
	for line := range strings.Lines(w.log) {
		lines = append(lines, "log "+strings.TrimSpace(line))
	}
	return lines
}

// TestSwap: whether Ada talks with Omar and Eve with Ivo, or Ada with Ivo and
// Eve with Omar, the server is left with the same: tables with the order of
// their rows, and log. So nothing it stores links an account to a mailbox but
// its own inbox. Planted links are found.
func TestSwap(t *testing.T) {
	var a, b *swapWorld
	t.Run("worlds", func(t *testing.T) {
		t.Run("ada-omar", func(t *testing.T) { t.Parallel(); a = swapRun(t, "omar", "ivo") })
		t.Run("ada-ivo", func(t *testing.T) { t.Parallel(); b = swapRun(t, "ivo", "omar") })
	})
	if t.Failed() {
		return
	}
	if d := difference(a.normal(), b.normal()); d != "" {
		t.Errorf("what the server is left with tells who talked with whom:\n%s", d)
	}
	if d := difference(a.frames, b.frames); d != "" {
		t.Errorf("kinds and sizes of frames tell who talked with whom:\n%s", d)
	}
	for name, plant := range planted() {
		t.Run(name, func(t *testing.T) {
			x, y := a.clone(), b.clone()
			plant(x)
			plant(y)
			if difference(x.normal(), y.normal()) == "" {
				t.Error("a planted link between account and mailbox is not found")
			}
		})
	}
}

func (w *swapWorld) clone() *swapWorld {
	n := *w
	n.tables = slices.Clone(w.tables)
	for i := range n.tables {
		n.tables[i].rows = slices.Clone(n.tables[i].rows)
		for j := range n.tables[i].rows {
			n.tables[i].rows[j] = slices.Clone(n.tables[i].rows[j])
		}
	}
	return &n
}

func (w *swapWorld) table(name string) *table {
	return &w.tables[slices.IndexFunc(w.tables, func(tb table) bool { return tb.name == name })]
}

// device is the device key that the directory shows for a person.
func (w *swapWorld) device(name string) []byte {
	for _, r := range w.table("device").rows {
		if r[0] == name {
			return r[1].([]byte)
		}
	}
	panic("no device of " + name)
}

// planted are ways in which a store could give a conversation away. Each is
// put into both worlds alike, as a server with that fault would have.
func planted() map[string]func(*swapWorld) {
	creator := func(w *swapWorld, r []any) string { return w.creators[wire.MailboxID(r[0].([]byte))] }
	return map[string]func(*swapWorld){
		"mailboxes in the order of their makers": func(w *swapWorld) {
			slices.SortStableFunc(w.table("mailbox").rows, func(p, q []any) int { return strings.Compare(creator(w, p), creator(w, q)) })
		},
		"a device's key beside an envelope": func(w *swapWorld) {
			tb := w.table("envelope")
			next := slices.Index(tb.columns, "next")
			for _, r := range tb.rows {
				if by := creator(w, r); by != "" {
					r[next] = w.device(by)
				}
			}
		},
		"a hash of a device's key as envelope id": func(w *swapWorld) {
			tb := w.table("envelope")
			id := slices.Index(tb.columns, "id")
			for _, r := range tb.rows {
				if by := creator(w, r); by != "" {
					sum := sha256.Sum256(w.device(by))
					r[id] = sum[:]
				}
			}
		},
		"a device's key inside a mailbox's address": func(w *swapWorld) {
			for _, r := range w.table("mailbox").rows {
				if by := creator(w, r); by != "" {
					r[0] = append(w.device(by)[:12:12], r[0].([]byte)[12:]...)
				}
			}
		},
		"a name in the log": func(w *swapWorld) {
			for _, by := range w.creators {
				w.log += "made a mailbox for " + by + " and " + fmt.Sprint(len(w.creators)) + "\n"
			}
			w.log += "ada talks with " + w.partner["ada"] + "\n"
		},
	}
}
