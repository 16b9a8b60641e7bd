// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/filevault"
	"clarion.chat/clarion/wire"
)

// lengths are what a thing's cost is compared at.
func lengths() [2]int { return [2]int{100, 10_000} }

// growth is the cost of one operation at the two lengths.
type growth struct {
	what string
	at   [2]time.Duration
}

// grown is a mailbox of a known length and a connection to it.
type grown struct {
	box
	door  *commands
	acks  chan struct{}
	frame []byte
	sent  uint64
	bad   bool // owned by the reader until acks is read
}

func newGrown(addr string, length int) (*grown, error) {
	g := &grown{box: newBox(), acks: make(chan struct{}, 64)}
	g.frame = g.box.frame()
	var err error
	g.door, err = dialDoor(addr, ignore, func(frame []byte) {
		g.bad = g.bad || wire.Kind(binary.BigEndian.Uint16(frame)) != wire.KindAppended
		g.acks <- struct{}{}
	}, ignoreEnd)
	if err == nil {
		_, err = g.door.ask(g.create())
	}
	if err == nil {
		err = g.add(length, 32)
	}
	return g, err
}

// add appends n envelopes with at most inFlight of them unanswered. It keeps
// within the allowance of one connection, 2,000 a second.
func (g *grown) add(n, inFlight int) error {
	const each = time.Second / 1900
	begin := time.Now()
	for sent, acked := 0, 0; acked < n; {
		for sent < n && sent-acked < inFlight {
			if ahead := time.Duration(sent)*each - time.Since(begin) - time.Second; ahead > 0 {
				time.Sleep(ahead)
			}
			g.sent++
			sent++
			binary.BigEndian.PutUint32(g.frame[refAt:], load|uint32(g.sent))
			scatter(g.frame[idAt:], g.sent)
			if err := g.door.send(g.frame); err != nil {
				return err
			}
		}
		select {
		case <-g.acks:
			acked++
		case <-time.After(patience):
			return errors.New("an append was not answered")
		}
	}
	if g.bad {
		return errors.New("an append was refused")
	}
	return nil
}

// read reads the ten newest envelopes.
func (g *grown) read() error {
	answer, err := g.door.ask(&wire.Read{Mailbox: g.id, Pass: g.pass, After: wire.Seq(g.sent - 10), Limit: 10})
	if err != nil {
		return err
	}
	if e, is := answer.(*wire.Envelopes); !is || len(e.Envelopes) != 10 {
		return errors.New("a read did not give ten envelopes")
	}
	return nil
}

// mailboxCosts compares a short mailbox with a long one, by turns.
func mailboxCosts(addr string) ([]growth, error) {
	var boxes [2]*grown
	for i, n := range lengths() {
		var err error
		if boxes[i], err = newGrown(addr, n); err != nil {
			return nil, err
		}
		defer boxes[i].door.socket.NetConn().Close()
	}
	const turns = 40
	var appends, reads [2][]time.Duration
	for range turns {
		for i, g := range boxes {
			begin := time.Now()
			if err := g.add(1, 1); err != nil {
				return nil, err
			}
			appends[i] = append(appends[i], time.Since(begin))
			for range 5 {
				begin = time.Now()
				if err := g.read(); err != nil {
					return nil, err
				}
				reads[i] = append(reads[i], time.Since(begin))
			}
		}
	}
	return []growth{
		{"append, one at a time, to a mailbox of that length", [2]time.Duration{median(appends[0]), median(appends[1])}},
		{"read the last ten of a mailbox of that length", [2]time.Duration{median(reads[0]), median(reads[1])}},
	}, nil
}

// historyCosts fills a conversation's history with queued messages and lists
// it, from a memory vault and from the same records in a file vault.
func historyCosts(addr, dir string) ([]growth, error) {
	result := []growth{{what: "list a history of that length, vault in memory"}, {what: "list a history of that length, vault in a file"},
		{what: "queue a message after that many, vault in memory"}}
	for i, n := range lengths() {
		memory := vault.NewMemory()
		c, err := newCouple(addr, "history"+strconv.Itoa(n), func(name string) (vault.Vault, error) {
			if name[0] == 'a' {
				return memory, nil
			}
			return vault.NewMemory(), nil
		})
		if err != nil {
			return nil, err
		}
		conversation := c.conversation
		if err := c.stop(); err != nil {
			return nil, err
		}
		// The same vault again, not listening: what is sent stays queued.
		copied := memory.Clone()
		took, err := fillHistory(copied, conversation, n)
		if err != nil {
			return nil, err
		}
		result[2].at[i] = took
		if result[0].at[i], err = listHistory(copied.Clone(), conversation, n); err != nil {
			return nil, err
		}
		file, err := intoFile(copied.Clone(), filepath.Join(dir, "history"+strconv.Itoa(n)))
		if err != nil {
			return nil, err
		}
		if result[1].at[i], err = listHistory(file, conversation, n); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// fillHistory returns the median cost of the last hundredth. It leaves a vault
// that is open still.
func fillHistory(v *vault.Memory, conversation string, n int) (time.Duration, error) {
	ctx := context.Background()
	p := newPerson(openStill{v})
	var took []time.Duration
	for i := range n {
		begin := time.Now()
		if _, err := p.Send(ctx, conversation, numbered(i)); err != nil {
			return 0, errors.Join(err, p.stop())
		}
		took = append(took, time.Since(begin))
	}
	return median(took[n-n/10:]), p.stop()
}

// openStill is a vault that a client's end does not close.
type openStill struct{ *vault.Memory }

// Close does nothing.
func (openStill) Close() error { return nil }

// listHistory returns the median cost of one call of History.
func listHistory(v vault.Vault, conversation string, n int) (time.Duration, error) {
	p := newPerson(v)
	var took []time.Duration
	for range 9 {
		begin := time.Now()
		var list []client.Message
		list, err := p.History(context.Background(), conversation)
		if err == nil && len(list) != n {
			err = errors.New("the history has another length")
		}
		if err != nil {
			return 0, errors.Join(err, p.stop())
		}
		took = append(took, time.Since(begin))
	}
	return median(took), p.stop()
}

// intoFile copies all records into a file vault.
func intoFile(from vault.Vault, dir string) (vault.Vault, error) {
	ctx := context.Background()
	file, err := filevault.Open(dir)
	if err != nil {
		return nil, err
	}
	for after := ""; ; {
		some, err := from.Scan(ctx, "", after, 1000)
		if err != nil || len(some) == 0 {
			return file, err
		}
		var changes []vault.Change
		for _, r := range some {
			changes = append(changes, vault.Change(r))
			after = r.Key
		}
		if err := file.Commit(ctx, changes); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
}

func median[T ~int64 | ~float64](all []T) T { return quantile(all, 0.5) }

// quantile is the nearest one of the values.
func quantile[T ~int64 | ~float64](all []T, q float64) T {
	sorted := slices.Sorted(slices.Values(all))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
