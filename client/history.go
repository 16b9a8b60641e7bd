// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarion.chat/clarion/wire"
)

// maxPage is the most that one page of history holds.
const maxPage = 200

// item is a message or a line in the history. Its order, the number it was
// written down with, names its record for good; its spot is where it stands
// for a reader, and may change.
type item struct {
	Kind      itemKind
	ID        [16]byte
	Seq       uint64
	From      wire.Handle
	Own       bool
	How       string
	CheckedAt int64
	Text      string
	At        int64
	State     string
	Unread    bool
	Spot      spot
	First     uint64 // the place it was first shown at, when that was another
	Line      *lineState
}

// Fields describes the record.
func (i *item) Fields(c *wire.Coder) {
	c.U8((*uint8)(&i.Kind))
	c.Fixed(i.ID[:])
	c.U64(&i.Seq)
	if i.Kind == itemMessage {
		i.From.Fields(c)
	}
	c.Bool(&i.Own)
	c.String(&i.How, 32)
	c.I64(&i.CheckedAt)
	c.String(&i.Text, maxText)
	c.I64(&i.At)
	c.String(&i.State, 16)
	c.Bool(&i.Unread)
	i.Spot.Fields(c)
	c.U64(&i.First)
	optional(c, &i.Line)
}

func (i *item) public(conv conversationID) Message {
	m := Message{
		ID: hex.EncodeToString(i.ID[:]), Conversation: conv.String(), Seq: i.Seq, From: i.From, Own: i.Own,
		Text: i.Text, At: time.Unix(i.At, 0).UTC(), State: MessageState(i.State), Unread: i.Unread,
	}
	if i.How != "" {
		m.Checked = &Checked{How: i.How, At: time.Unix(i.CheckedAt, 0).UTC()}
	}
	return m
}

// spot is where an item stands: what all members share first, the place in the
// conversation; then what tells apart the items of one place.
type spot struct {
	Seq uint64 // unplaced for what is queued, which stands last
	Sub uint64 // the item's order; of what is queued its number in the queue
}

// unplaced is the place of what has none yet.
const unplaced = ^uint64(0)

// Fields describes the value.
func (s *spot) Fields(c *wire.Coder) {
	c.U64(&s.Seq)
	c.U64(&s.Sub)
}

func (s spot) compare(other spot) int {
	return cmp.Or(cmp.Compare(s.Seq, other.Seq), cmp.Compare(s.Sub, other.Sub))
}

func histRecord(conv conversationID, order uint64) string {
	return fmt.Sprintf("hist/%s/%016x", conv, order)
}

// orderOf reads the order back from a history record's key.
func orderOf(key string) uint64 {
	n, _ := strconv.ParseUint(key[strings.LastIndexByte(key, '/')+1:], 16, 64)
	return n
}

// spotRecord names the record that finds an item by its spot. A vault is read
// upwards, and history from its end: so the numbers are turned around.
func spotRecord(conv conversationID, s spot) string {
	return fmt.Sprintf("at/%s/%016x%016x", conv, ^s.Seq, ^s.Sub)
}

func idRecord(conv conversationID, id [16]byte) string {
	return "mid/" + conv.String() + "/" + hex.EncodeToString(id[:])
}

// place is a record that holds a number.
type place struct{ n uint64 }

// Fields describes the record.
func (p *place) Fields(c *wire.Coder) { c.U64(&p.n) }

// addItem writes a new item into the history. A spot without a Sub gets the
// item's own order.
func (v *conversation) addItem(ch *change, i *item, s spot) (order uint64) {
	order = v.HistNext
	v.HistNext++
	if s.Sub == 0 {
		s.Sub = order
	}
	if i.Kind == itemMessage {
		ch.put(idRecord(v.ID, i.ID), &place{order})
	}
	v.settle(ch, i, order, s)
	return order
}

// moveItem puts an item to another spot.
func (v *conversation) moveItem(ch *change, i *item, order uint64, s spot) {
	ch.drop(spotRecord(v.ID, i.Spot))
	v.settle(ch, i, order, s)
}

func (v *conversation) settle(ch *change, i *item, order uint64, s spot) {
	i.Spot = s
	ch.put(spotRecord(v.ID, s), &place{order})
	ch.put(histRecord(v.ID, order), i)
	if s.Seq != unplaced {
		v.Top = max(v.Top, s.Seq)
	}
	if i.Kind == itemMessage && (v.LastOrder == order+1 || v.LastOrder == 0 || s.compare(v.LastSpot) > 0) {
		v.LastOrder, v.LastSpot = order+1, s
	}
}

// active notes when the conversation was last written in: by the author's
// clock, but not in the future and not before what is known.
func (v *conversation) active(at int64, now time.Time) {
	v.Active = max(v.Active, min(at, now.Unix()))
}

// queueSpot is where the message with a number in the queue stands.
func queueSpot(number uint64) spot { return spot{Seq: unplaced, Sub: number + 1} }

// itemAt reads an item as it is after what the step has changed so far.
func (c *Client) itemAt(ctx context.Context, ch *change, v *conversation, order uint64) (*item, error) {
	key, i := histRecord(v.ID, order), new(item)
	if b, written := inStep(ch, key); written {
		return i, wire.Unmarshal(b, i)
	}
	found, err := get(ctx, c.vault, key, i)
	if err != nil || !found {
		return nil, err
	}
	return i, nil
}

// inStep finds what this step writes under a record's name, the last of it.
func inStep(ch *change, key string) (value []byte, written bool) {
	if ch == nil {
		return nil, false
	}
	for n := len(ch.records) - 1; n >= 0; n-- {
		if ch.records[n].Key == key {
			return ch.records[n].Value, ch.records[n].Value != nil
		}
	}
	return nil, false
}

// findItem looks a message up by its id.
func (c *Client) findItem(ctx context.Context, ch *change, v *conversation, id [16]byte) (*item, uint64, error) {
	var at place
	key := idRecord(v.ID, id)
	if b, written := inStep(ch, key); written {
		if err := wire.Unmarshal(b, &at); err != nil {
			return nil, 0, err
		}
	} else if found, err := get(ctx, c.vault, key, &at); err != nil || !found {
		return nil, 0, err
	}
	i, err := c.itemAt(ctx, ch, v, at.n)
	return i, at.n, err
}

// replace moves a message to the place it has now. Whatever it stood at
// before, its last place is the one that all members can know.
func (c *Client) replace(ch *change, v *conversation, i *item, order, seq uint64) {
	if i.Seq == seq {
		return
	}
	if i.First == 0 {
		i.First = i.Seq
	}
	i.Seq = seq
	v.moveItem(ch, i, order, spot{Seq: seq, Sub: order})
	if i.Kind != itemMessage {
		return
	}
	ch.tell(MessageMoved{At: c.now(), Conversation: v.ID.String(), Seq: seq, ID: i.public(v.ID).ID})
	if i.Own {
		for n := range v.Open {
			if v.Open[n].Order == order {
				v.Open[n].Seq = seq
			}
		}
		return
	}
	v.LastText = max(v.LastText, seq) // its author waits for the marks
	if v.Unread == 0 {
		v.Read = max(v.Read, seq)
	}
	c.marksDue()
}

// comesAgain moves what an envelope brought in an earlier mailbox, a message or
// the lines of a commit, to where all members find it in this one.
func (c *Client) comesAgain(ctx context.Context, ch *change, v *conversation, was, seq uint64) error {
	var orders []uint64
	prefix := spotRecord(v.ID, spot{Seq: was})[:len("at/")+32+1+16]
	err := scan(ctx, c.vault, prefix, func(_ string, b []byte) error {
		var at place
		if err := wire.Unmarshal(b, &at); err != nil {
			return fail(FailVault, err)
		}
		orders = append(orders, at.n)
		return nil
	})
	for _, order := range orders {
		if err != nil {
			break
		}
		var i *item
		if i, err = c.itemAt(ctx, ch, v, order); err == nil && i != nil && i.Seq == was {
			c.replace(ch, v, i, order, seq)
		}
	}
	return err
}

// Cursor is a place between two items of a history: what comes before it is
// the next page. It stays good while items move. Empty means the end.
type Cursor string

func makeCursor(s spot, order uint64) Cursor {
	return Cursor(fmt.Sprintf("%016x%016x%016x", s.Seq, s.Sub, order))
}

// parse reads a cursor, which may come from outside.
func (k Cursor) parse() (s spot, order uint64, err error) {
	b, err := hex.DecodeString(string(k))
	if err != nil || len(b) != 24 || string(k) != strings.ToLower(string(k)) {
		return spot{}, 0, &Failure{Code: "cursor_invalid", Text: "this is no place in a history", Hint: "begin again at the end of the history", Cause: err}
	}
	var n [3]uint64
	for at := range n {
		for _, digit := range b[at*8 : at*8+8] {
			n[at] = n[at]<<8 | uint64(digit)
		}
	}
	return spot{n[0], n[1]}, n[2], nil
}

// HistoryItem is a message, or a line about the conversation itself.
type HistoryItem struct {
	Kind    ItemKind
	Key     string   // names the item in this vault; it keeps it when it moves
	Message *Message // of a message, else nil
	Line    *Line    // of any other kind, else nil
}

// Page is a part of a history, oldest first.
type Page struct {
	Items  []HistoryItem
	Before Cursor // for the page before this one; empty when nothing is older
}

// HistoryPage reads at most limit (1 to 200) items of a conversation's history
// that stand before a cursor, "" for its end: messages and lines, in the order
// that all members share, queued messages last. Its cost grows with limit and
// not with the history. Paging on to ever older items shows none twice,
// whatever moves meanwhile; what moves is told by MessageMoved or
// MessageStateChanged.
func (c *Client) HistoryPage(ctx context.Context, conversation string, before Cursor, limit int) (page Page, err error) {
	if limit < 1 || limit > maxPage {
		return page, &Failure{Code: "limit_invalid", Text: "a page of history has 1 to 200 items", Hint: "ask for fewer at a time"}
	}
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		page, err = c.page(ctx, v, before, limit)
		return err
	})
	return page, err
}

func (c *Client) page(ctx context.Context, v *conversation, before Cursor, limit int) (page Page, err error) {
	after := ""
	if before != "" {
		s, order, err := before.parse()
		if err != nil {
			return page, err
		}
		// Its item may have moved: down from the queue, or up when it came again.
		// What lies before both places was on no page yet.
		if i, err := c.itemAt(ctx, nil, v, order); err != nil {
			return page, err
		} else if i != nil && i.Spot.compare(s) < 0 {
			s = i.Spot
		}
		after = spotRecord(v.ID, s)
	}
	records, err := c.vault.Scan(ctx, "at/"+v.ID.String()+"/", after, limit+1)
	if err != nil {
		return page, fail(FailVault, err)
	}
	more := len(records) > limit
	for _, r := range records[:min(limit, len(records))] {
		var at place
		if err := wire.Unmarshal(r.Value, &at); err != nil {
			return page, fail(FailVault, err)
		}
		i, err := c.itemAt(ctx, nil, v, at.n)
		if err != nil {
			return page, err
		}
		if i == nil {
			continue
		}
		page.Items = append(page.Items, i.shown(v.ID, at.n))
		if more {
			page.Before = makeCursor(i.Spot, at.n)
		}
	}
	slices.Reverse(page.Items)
	return page, nil
}

func (i *item) shown(conv conversationID, order uint64) HistoryItem {
	out := HistoryItem{Kind: i.Kind.public(), Key: fmt.Sprintf("%016x", order)}
	if i.Kind == itemMessage {
		m := i.public(conv)
		out.Message = &m
		return out
	}
	out.Line = i.Line.public(i)
	return out
}

// History lists a conversation's messages in the order that all members share,
// oldest first, queued ones last. It reads the whole history; HistoryPage does
// not.
func (c *Client) History(ctx context.Context, conversation string) ([]Message, error) {
	var list []Message
	err := c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		var all []*item
		err = scan(ctx, c.vault, "hist/"+v.ID.String()+"/", func(_ string, b []byte) error {
			i := new(item)
			if err := wire.Unmarshal(b, i); err != nil {
				return fail(FailVault, err)
			}
			if i.Kind == itemMessage {
				all = append(all, i)
			}
			return nil
		})
		list = inOrder(all, v.ID)
		return err
	})
	return list, err
}

// inOrder makes messages of items, in the order of their spots.
func inOrder(all []*item, conv conversationID) []Message {
	slices.SortFunc(all, func(a, b *item) int { return a.Spot.compare(b.Spot) })
	var list []Message
	for _, i := range all {
		list = append(list, i.public(conv))
	}
	return list
}

// Unread lists what arrived and was not marked read, oldest first within each
// conversation.
func (c *Client) Unread(ctx context.Context) ([]Message, error) {
	var list []Message
	err := c.withAccount(ctx, func() error {
		for _, v := range c.sorted() {
			if v.Unread == 0 {
				continue
			}
			var all []*item
			if err := c.scanUnread(ctx, v, func(_ string, i *item) {
				if i.Kind == itemMessage {
					all = append(all, i)
				}
			}); err != nil {
				return err
			}
			list = append(list, inOrder(all, v.ID)...)
		}
		return nil
	})
	return list, err
}

// scanUnread calls f for each unread item, a message or the line of a missed
// call, from the oldest one on.
func (c *Client) scanUnread(ctx context.Context, v *conversation, f func(key string, i *item)) error {
	prefix := "hist/" + v.ID.String() + "/"
	from := ""
	if v.UnreadFrom > 0 {
		from = histRecord(v.ID, v.UnreadFrom-1)
	}
	return scanFrom(ctx, c.vault, prefix, from, func(key string, b []byte) error {
		i := new(item)
		if err := wire.Unmarshal(b, i); err != nil {
			return fail(FailVault, err)
		}
		if i.Unread {
			f(key, i)
		}
		return nil
	})
}

// listed is a conversation as a list shows it, with the message that stands
// last.
func (c *Client) listed(ctx context.Context, v *conversation) (Conversation, error) {
	out := c.public(v)
	if v.LastOrder == 0 {
		return out, nil
	}
	i, err := c.itemAt(ctx, nil, v, v.LastOrder-1)
	if err == nil && i != nil {
		m := i.public(v.ID)
		out.Last = &m
	}
	return out, err
}
