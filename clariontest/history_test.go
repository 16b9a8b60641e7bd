// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
	"clarion.chat/clarion/client/vault"
)

// spoken lists a history's texts as it gives them, and checks its numbers:
// they grow, none is there twice, and only what is queued has none and is last.
func spoken(c *Client, conv string) []string {
	c.t.Helper()
	var out []string
	last, queued := uint64(0), false
	for _, m := range history(c, conv) {
		switch {
		case m.State == client.StateQueued:
			queued = true
		case queued:
			c.t.Errorf("%s: %q stands behind what is queued", c.Name, m.Text)
		case m.State != client.StateFailed && m.Seq <= last:
			c.t.Errorf("%s: %q is at %d, after %d", c.Name, m.Text, m.Seq, last)
		}
		last = max(last, m.Seq)
		out = append(out, m.Text)
	}
	return out
}

// oneOrder fails the test unless all hold the same messages in the same order,
// which the pages have too.
func oneOrder(t *testing.T, conv string, all ...*Client) []string {
	t.Helper()
	want := spoken(all[0], conv)
	for _, c := range all {
		if got := spoken(c, conv); !slices.Equal(got, want) {
			t.Errorf("%s has %q, %s has %q", all[0].Name, want, c.Name, got)
		}
		var paged []string
		for _, i := range pages(c, conv, 3, nil) {
			if i.Message != nil {
				paged = append(paged, i.Message.Text)
			}
		}
		slices.Reverse(paged)
		if !slices.Equal(paged, spoken(c, conv)) {
			t.Errorf("%s pages %q, and has %q", c.Name, paged, spoken(c, conv))
		}
	}
	return want
}

// pages reads a history to its beginning, newest first; between is called
// after each page.
func pages(c *Client, conv string, limit int, between func()) []client.HistoryItem {
	c.t.Helper()
	var all []client.HistoryItem
	for before := client.Cursor(""); ; {
		p, err := c.HistoryPage(Context(c.t), conv, before, limit)
		if err != nil {
			c.t.Fatalf("%s pages: %v", c.Name, err)
		}
		if len(p.Items) > limit {
			c.t.Fatalf("%s: a page of %d has %d items", c.Name, limit, len(p.Items))
		}
		slices.Reverse(p.Items)
		all = append(all, p.Items...)
		if p.Before == "" {
			return all
		}
		before = p.Before
		if between != nil {
			between()
		}
	}
}

// neverTwice fails the test when a client was told two messages at one place.
func neverTwice(c *Client) {
	c.t.Helper()
	c.take()
	at := map[string]string{}
	for _, e := range c.Log {
		var conv, id string
		var seq uint64
		switch e := e.(type) {
		case client.MessageArrived:
			conv, id, seq = e.Message.Conversation, e.Message.ID, e.Message.Seq
		case client.MessageStateChanged:
			conv, id, seq = e.Conversation, e.ID, e.Seq
		case client.MessageMoved:
			conv, id, seq = e.Conversation, e.ID, e.Seq
		default:
			continue
		}
		place := fmt.Sprintf("%s/%d", conv, seq)
		if was := at[place]; was != "" && was != id {
			c.t.Errorf("%s was told two messages at place %d", c.Name, seq)
		}
		at[place] = id
	}
}

// harbour is a group of three who are online.
func harbour(t *testing.T, s *Server) (ada, omar, lin *Client, conv string) {
	t.Helper()
	ada, _ = s.Register("ada")
	omar, _ = s.Register("omar")
	lin, _ = s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	g, err := ada.NewGroup(Context(t), "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Client{omar, lin} {
		join(c, g.ID)
	}
	return ada, omar, lin, g.ID
}

// queueUp lets a client write while it is away.
func queueUp(c *Client, conv string, texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if _, err := c.Send(Context(c.t), conv, text); err != nil {
			c.t.Fatalf("%s queues %q: %v", c.Name, text, err)
		}
	}
}

// TestHistoryCrossing: what several people wrote while they were away stands
// in one order for all once it is sent, and last until then.
func TestHistoryCrossing(t *testing.T) {
	s := NewServer(t)
	ada, omar, lin, conv := harbour(t, s)
	ada.Say(conv, "good morning")
	omar.AwaitText("good morning")
	lin.AwaitText("good morning")
	for _, c := range []*Client{ada, omar, lin} {
		c.Stop()
	}
	ada, omar, lin = ada.Reopen(), omar.Reopen(), lin.Reopen()
	queueUp(ada, conv, "a1", "a2")
	queueUp(omar, conv, "o1", "o2")
	queueUp(lin, conv, "l1")
	if got := spoken(ada, conv); !slices.Equal(got, []string{"good morning", "a1", "a2"}) {
		t.Errorf("Ada has %q", got)
	}
	omar.Online()
	ada.Online()
	ada.AwaitText("o2")
	lin.Online()
	lin.AwaitText("a2")
	ada.AwaitText("l1")
	omar.AwaitText("l1")
	want := []string{"good morning", "o1", "o2", "a1", "a2", "l1"}
	if got := oneOrder(t, conv, ada, omar, lin); !slices.Equal(got, want) {
		t.Errorf("the order is %q, not %q", got, want)
	}
	for _, c := range []*Client{ada, omar, lin} {
		neverTwice(c)
	}
}

// TestHistoryRestored: a restored server lost what members hold different
// parts of; put back by who comes first, sent again by those who come after new
// messages, it has one order for all, and no place is told twice.
func TestHistoryRestored(t *testing.T) {
	s := NewServer(t)
	ada, omar, lin, conv := harbour(t, s)
	ada.Say(conv, "before")
	omar.AwaitText("before")
	lin.AwaitText("before")
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	for _, text := range []string{"1", "2"} {
		omar.Say(conv, text)
		lin.AwaitText(text)
	}
	lin.Stop() // she holds 1 and 2 alone
	ada.Say(conv, "3")
	omar.AwaitText("3")
	last := omar.Say(conv, "4")
	ada.AwaitText("4")
	for _, c := range []*Client{ada, omar} {
		c.Stop()
	}
	s.Restore(backup)
	lin = lin.Reopen()
	queueUp(lin, conv, "from Lin")
	lin.Online()
	lin.AwaitProblem(client.ProblemRestored)
	lin.Say(conv, "from Lin again")
	omar = omar.Reopen().Online()
	omar.AwaitText("from Lin again")
	ada = ada.Reopen().Online()
	ada.AwaitText("from Lin again")
	lin.AwaitText("4")
	ada.Say(conv, "after")
	omar.AwaitText("after")
	lin.AwaitText("after")
	want := []string{"before", "1", "2", "from Lin", "from Lin again", "4", "3", "after"}
	if got := oneOrder(t, conv, ada, omar, lin); !slices.Equal(got, want) {
		t.Errorf("the order is %q, not %q", got, want)
	}
	seqs := map[string]uint64{}
	for _, c := range []*Client{ada, omar, lin} {
		neverTwice(c)
		for _, m := range history(c, conv) {
			if was := seqs[m.ID]; was != 0 && was != m.Seq {
				t.Errorf("%q has place %d for one, %d for %s", m.Text, was, m.Seq, c.Name)
			}
			seqs[m.ID] = m.Seq
		}
	}
	omar.AwaitState(last.ID, client.StateDelivered)
}

// TestHistoryMovedIsSeenOnce: what the person saw before it moved is seen.
func TestHistoryMovedIsSeenOnce(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	backup := filepath.Join(t.TempDir(), "backup")
	s.Backup(backup)
	ada.Say(conv, "one")
	shown := omar.AwaitText("one")
	ada.Stop()
	s.Restore(backup)
	moved := Await(omar, "the message to move", func(e client.MessageMoved) bool { return e.ID == shown.ID })
	if moved.Seq <= shown.Seq {
		t.Errorf("it moved from %d to %d", shown.Seq, moved.Seq)
	}
	if err := omar.MarkRead(Context(t), conv, shown.Seq); err != nil {
		t.Fatal(err)
	}
	if left, err := omar.Unread(Context(t)); err != nil || len(left) != 0 {
		t.Errorf("unread is left: %+v (%v)", left, err)
	}
}

// TestHistoryAnew: a group begun anew goes on with higher numbers, and what was
// sent in the old one and not delivered stands where it was sent again.
func TestHistoryAnew(t *testing.T) {
	s := NewServer(t)
	ada, omar, conv, _ := asleep(t, s)
	ada.Stop()
	s.Clock.Add(33 * day)
	s.purge()
	ada = ada.Reopen()
	queueUp(ada, conv, "and when she wakes")
	ada.Online()
	omar = omar.Reopen().Online()
	for range 3 { // each knock at the door moves the way back on by one
		s.Clock.Add(31 * time.Minute)
		ada.Online()
		omar.Online()
	}
	omar.AwaitText("and when she wakes")
	omar.AwaitText("while he sleeps")
	omar.Say(conv, "I slept long")
	ada.AwaitText("I slept long")
	want := []string{"while he is awake", "while he sleeps", "and when she wakes", "I slept long"}
	if got := oneOrder(t, conv, ada, omar); !slices.Equal(got, want) {
		t.Errorf("the order is %q, not %q", got, want)
	}
	neverTwice(ada)
	neverTwice(omar)
}

// TestHistoryPagesWhileMoving: whoever pages back sees nothing twice, and all
// that did not move, while messages arrive, are sent, and come again.
func TestHistoryPagesWhileMoving(t *testing.T) {
	random := Chance(t)
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	for round := range 6 {
		backup := filepath.Join(t.TempDir(), "backup")
		s.Backup(backup)
		for n := range 1 + random.IntN(6) {
			ada.Say(conv, fmt.Sprintf("round %d, %d", round, n))
		}
		omar.AwaitText(fmt.Sprintf("round %d, 0", round))
		omar.Stop()
		omar = omar.Reopen()
		queueUp(omar, conv, fmt.Sprintf("queued %d a", round), fmt.Sprintf("queued %d b", round), fmt.Sprintf("queued %d c", round))
		step := 0
		shown := pages(omar, conv, 1+random.IntN(4), func() {
			switch step++; random.IntN(4) {
			case 0:
				ada.Say(conv, fmt.Sprintf("round %d, meanwhile %d", round, step))
			case 1:
				_ = omar.Flush(Context(t))
			case 2:
				queueUp(omar, conv, fmt.Sprintf("queued %d meanwhile %d", round, step))
			case 3:
				if step < 3 {
					s.Restore(backup)
				}
			}
		})
		seen := map[string]bool{}
		for _, i := range shown {
			if seen[i.Key] {
				t.Errorf("item %s is shown twice", i.Key)
			}
			seen[i.Key] = true
		}
		omar.Online()
		ada.Online()
		settled := ada.Say(conv, fmt.Sprintf("round %d is over", round))
		omar.AwaitText(settled.Text)
		moved := map[string]bool{}
		omar.take()
		for _, e := range omar.Log {
			if m, ok := e.(client.MessageMoved); ok {
				moved[m.ID] = true
			}
		}
		for _, m := range history(omar, conv) {
			was := m.Own || moved[m.ID] || strings.Contains(m.Text, fmt.Sprintf("round %d", round))
			if !was && !slices.ContainsFunc(shown, func(i client.HistoryItem) bool { return i.Message != nil && i.Message.ID == m.ID }) {
				t.Errorf("%q did not move and was not shown", m.Text)
			}
		}
	}
	oneOrder(t, conv, ada, omar)
}

// countingVault counts what is read.
type countingVault struct {
	vault.Vault
	reads atomic.Int64
}

// Get implements vault.Vault.
func (v *countingVault) Get(ctx context.Context, key string) ([]byte, error) {
	v.reads.Add(1)
	return v.Vault.Get(ctx, key)
}

// Scan implements vault.Vault.
func (v *countingVault) Scan(ctx context.Context, prefix, after string, limit int) ([]vault.Record, error) {
	list, err := v.Vault.Scan(ctx, prefix, after, limit)
	v.reads.Add(1 + int64(len(list)))
	return list, err
}

// TestHistoryPageCost: a page costs as much in a history of n items as in one
// of ten times n, and so does the list of conversations.
func TestHistoryPageCost(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	omar.Stop()
	counting := &countingVault{Vault: omar.Vault}
	ctx, cancel := context.WithCancel(context.Background())
	c := client.New(client.Options{Vault: counting, Dialer: new(dial.Dialer), Clock: s.Clock.Now})
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	const n, limit = 80, 40
	cost := func() (page, list, whole int64) {
		var before client.Cursor
		for range 2 { // the newest page and the one before it
			counting.reads.Store(0)
			p, err := c.HistoryPage(Context(t), conv, before, limit)
			if err != nil || len(p.Items) != limit || p.Before == "" {
				t.Fatalf("a page has %d items, cursor %q (%v)", len(p.Items), p.Before, err)
			}
			page, before = max(page, counting.reads.Load()), p.Before
		}
		counting.reads.Store(0)
		if list, err := c.Conversations(Context(t)); err != nil || len(list) != 1 || list[0].Last == nil {
			t.Fatalf("conversations are %+v (%v)", list, err)
		}
		list = counting.reads.Load()
		counting.reads.Store(0)
		if _, err := c.History(Context(t), conv); err != nil {
			t.Fatal(err)
		}
		return page, list, counting.reads.Load()
	}
	write := func(n int) {
		for i := range n {
			if _, err := c.Send(Context(t), conv, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	write(n)
	page, list, whole := cost()
	write(9 * n)
	page10, list10, whole10 := cost()
	if page10 != page || page > 2*limit+4 {
		t.Errorf("a page of %d costs %d reads at %d messages and %d at %d", limit, page, n, page10, 10*n)
	}
	if list10 != list || list > 1 {
		t.Errorf("the list costs %d reads, and %d", list, list10)
	}
	if whole10 < 5*whole { // so the count would show it
		t.Errorf("the whole history costs %d reads at %d messages and %d at %d", whole, n, whole10, 10*n)
	}
}

// TestHistoryPageRefusals: what is no limit or no cursor is refused.
func TestHistoryPageRefusals(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	conv := Meet(ada, omar)
	for _, limit := range []int{-1, 0, 201} {
		_, err := ada.HistoryPage(Context(t), conv, "", limit)
		FailsWith(t, err, "limit_invalid")
	}
	for _, cursor := range []client.Cursor{"x", "00", client.Cursor(strings.Repeat("0", 47)), client.Cursor(strings.Repeat("A", 48)), client.Cursor(strings.Repeat("0", 50))} {
		_, err := ada.HistoryPage(Context(t), conv, cursor, 1)
		FailsWith(t, err, "cursor_invalid")
	}
	_, err := ada.HistoryPage(Context(t), strings.Repeat("0", 32), "", 1)
	FailsWith(t, err, client.FailNoConversation)
	if p, err := ada.HistoryPage(Context(t), conv, client.Cursor(strings.Repeat("0", 48)), 1); err != nil || len(p.Items) != 0 || p.Before != "" {
		t.Errorf("before the beginning there is %+v (%v)", p, err)
	}
}
