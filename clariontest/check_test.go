// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// history is a client's history of a conversation.
func history(c *Client, conv string) []client.Message {
	c.t.Helper()
	h, err := c.History(Context(c.t), conv)
	if err != nil {
		c.t.Fatalf("%s's history: %v", c.Name, err)
	}
	return h
}

// texts lists what a history says, in the order of the conversation's places.
func texts(h []client.Message) []string {
	h = slices.Clone(h)
	slices.SortStableFunc(h, func(a, b client.Message) int { return int(int64(a.Seq) - int64(b.Seq)) })
	var out []string
	for _, m := range h {
		out = append(out, m.Text)
	}
	return out
}

// sameHistory fails the test unless all clients hold the same messages, each
// once, in the same order.
func sameHistory(t *testing.T, conv string, all ...*Client) []string {
	t.Helper()
	want := texts(history(all[0], conv))
	seen := map[string]int{}
	for _, text := range want {
		if seen[text]++; seen[text] > 1 {
			t.Errorf("%s holds %q %d times", all[0].Name, text, seen[text])
		}
	}
	for _, c := range all[1:] {
		if got := texts(history(c, conv)); !slices.Equal(got, want) {
			t.Errorf("%s and %s hold different histories: %s", all[0].Name, c.Name, firstDifference(want, got))
		}
	}
	return want
}

func firstDifference(a, b []string) string {
	for i := range max(len(a), len(b)) {
		x, y := "nothing", "nothing"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("%d and %d messages; at %d %q, and %q", len(a), len(b), i, x, y)
		}
	}
	return "none"
}

// Problems lists the codes of the problems a client told of so far.
func (c *Client) problems() []string {
	c.take()
	var codes []string
	for _, e := range c.Log {
		if p, ok := e.(client.Problem); ok {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

// take takes what events there are, without waiting.
func (c *Client) take() {
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				return
			}
			c.events, c.Log = append(c.events, e), append(c.Log, e)
		default:
			return
		}
	}
}

// files reads every file of a data folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range list {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = b
	}
	return all
}

// where names the files that hold the bytes.
func where(all map[string][]byte, what []byte) []string {
	var found []string
	for name, b := range all {
		if bytes.Contains(b, what) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// appends returns a Tap that keeps every envelope its client appends.
func appends(into *[]*wire.Append) *Tap {
	return &Tap{Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
		if a, ok := body.(*wire.Append); ok {
			n := *a
			*into = append(*into, &n)
		}
		return true
	}}
}
