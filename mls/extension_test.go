// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import (
	"errors"
	"testing"
)

// TestRequiredCapabilities: RFC 9420 §11.1, each of the three lists.
func TestRequiredCapabilities(t *testing.T) {
	l := &leafNode{caps: capabilities{extensions: []uint16{0xa}, proposals: []uint16{0xb}, credentials: []uint16{1}}}
	req := func(lists ...[]uint16) []extension {
		var w writer
		for _, x := range lists {
			w.u16s(x)
		}
		return []extension{{kind: extRequiredCaps, data: w.b}}
	}
	none := []uint16{}
	for name, x := range map[string]struct {
		list []extension
		want error
	}{
		"nothing":             {nil, nil},
		"default extension":   {[]extension{{kind: extExternalSenders}}, nil},
		"known extension":     {[]extension{{kind: 0xa}}, nil},
		"unknown extension":   {[]extension{{kind: 0xc}}, ErrInvalidLeaf},
		"what we can":         {req([]uint16{0xa, 1}, []uint16{0xb, 3}, []uint16{1}), nil},
		"requires extension":  {req([]uint16{0xc}, none, none), ErrInvalidLeaf},
		"requires proposal":   {req(none, []uint16{0xc}, none), ErrInvalidLeaf},
		"requires credential": {req(none, none, []uint16{2}), ErrInvalidLeaf},
		"damaged":             {req(none, none), ErrMalformed},
		"damaged by more":     {req(none, none, none, none), ErrMalformed},
	} {
		if err := l.supports(x.list); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var w writer
	encodeExtensions(&w, []extension{{kind: 9}, {kind: 9}})
	r := newReader(w.b)
	if decodeExtensions(r); !errors.Is(r.end(), ErrMalformed) {
		t.Error("one extension twice passes")
	}
}

// TestMessageEpoch reads the clear header of either framing.
func TestMessageEpoch(t *testing.T) {
	party := newParty(t, 2)
	kp, _ := party[0].keyPackage(t)
	public := propose(t, party[0], &proposal{kind: proposalRemove, remove: 1}, false)
	for name, x := range map[string]struct {
		msg  []byte
		kind uint8
		err  error
	}{
		"private":           {seal(t, party[0], "x"), ContentApplication, nil},
		"public":            {public, ContentProposal, nil},
		"public, cut":       {public[:len(public)-1], 0, ErrMalformed},
		"a key package":     {kp, 0, ErrWrongContent},
		"another version":   {[]byte{0, 2, 0, 2}, 0, ErrUnsupported},
		"no wire format":    {[]byte{0, 1, 0, 9}, 0, ErrMalformed},
		"nothing":           {nil, 0, ErrMalformed},
		"a header, no more": {[]byte{0, 1, 0, 2}, 0, ErrMalformed},
	} {
		id, epoch, kind, err := MessageEpoch(x.msg)
		if !errors.Is(err, x.err) || kind != x.kind {
			t.Errorf("%s: %d, %v", name, kind, err)
		}
		if err == nil && (string(id) != string(party[0].g.GroupID()) || epoch != party[0].g.Epoch()) {
			t.Errorf("%s: %q, %d", name, id, epoch)
		}
	}
}

// TestLastEpoch: there is nothing after the last number.
func TestLastEpoch(t *testing.T) {
	g := newParty(t, 1)[0].g
	g.context.epoch = 1<<64 - 1
	if _, _, _, err := g.Commit(&failing{1 << 10}, CommitOptions{}); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}
