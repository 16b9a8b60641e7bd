// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"testing"

	"clarion.chat/clarion/wire"
)

// sameAgain decodes bytes from outside as T. Whatever is taken must encode to
// the very same bytes: each value has one encoding.
func sameAgain[T any, P interface {
	*T
	wire.Value
}](t *testing.T, b []byte) (v T, ok bool) {
	if wire.Unmarshal(b, P(&v)) != nil {
		return v, false
	}
	again, err := wire.Marshal(P(&v))
	if err != nil || !bytes.Equal(again, b) {
		t.Fatalf("%x decodes to %+v, which encodes to %x (%v)", b, v, again, err)
	}
	return v, true
}

func seed[T any, P interface {
	*T
	wire.Value
}](f *testing.F, values ...T) {
	f.Helper()
	for _, v := range values {
		f.Add(wire.MustMarshal(P(&v)))
	}
}

var (
	testHandle = wire.Handle{Name: "ada", Host: "localhost:8440"}
	testText   = content{Kind: contentText, Text: "hello", At: 1, Seen: 2}
	testMark   = content{Kind: contentMark, Got: 3, Read: 2}
)

func FuzzContent(f *testing.F) {
	seed(f, testText, testMark, content{Kind: contentLeave})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[content](t, b) })
}

func FuzzIntroduction(f *testing.F) {
	seed(f, introduction{Kind: introWelcome, Name: "Harbour", Welcome: []byte{1, 2}}, introduction{Kind: introAddBack})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[introduction](t, b) })
}

func FuzzLiveFrame(f *testing.F) {
	seed(f, liveFrame{Epoch: 1, Leaf: 2, Counter: 3, Sealed: []byte("x")})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[liveFrame](t, b) })
}

func FuzzRecoveryBlob(f *testing.F) {
	seed(f, recoveryBlob{Contacts: []contact{{Handle: testHandle, State: "accepted"}}, Conversations: []blobConversation{{Name: "x", Members: []wire.Handle{testHandle}}}})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[recoveryBlob](t, b) })
}

func FuzzSignedBlob(f *testing.F) {
	seed(f, signedBlob{Number: 7, Content: []byte{1, 0}})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[signedBlob](t, b) })
}

// FuzzConversation: the vault is sealed, and still its bytes may come from a
// disk that somebody else had.
func FuzzConversation(f *testing.F) {
	seed(f, conversation{Status: statusActive, Passes: []epochPass{{Epoch: 1}}, Members: []memberState{{Handle: testHandle}},
		Pending: &pending{Kind: wire.KindCommit, Commit: &pendingCommit{State: []byte{1}, Invitees: []invitee{{Handle: testHandle}}}}})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[conversation](t, b) })
}

func FuzzSelf(f *testing.F) {
	seed(f, self{Stage: stageReady, Handle: testHandle, Chain: [][]byte{{1}}})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[self](t, b) })
}

func FuzzLink(f *testing.F) {
	l := link{Handle: testHandle, Expires: 5}
	f.Add(l.url("http"))
	f.Add("https://host/i#ada/AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseLink(s)
		if err != nil {
			return
		}
		again, err := parseLink(l.url("https"))
		if err != nil || *again != *l {
			t.Fatalf("%q reads as %+v, which reads back as %+v (%v)", s, l, again, err)
		}
	})
}

// FuzzUnpad: the padding of what HPKE sealed came from another person.
func FuzzUnpad(f *testing.F) {
	f.Add(append(wire.MustMarshal(&paddedText{[]byte("hello")}), make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := unpad(b)
		if err == nil && len(plain) > len(b)-4 {
			t.Fatalf("%d bytes came out of %d", len(plain), len(b))
		}
	})
}

func FuzzCommitNote(f *testing.F) {
	seed(f, commitNote{Keep: 7})
	f.Fuzz(func(t *testing.T, b []byte) { sameAgain[commitNote](t, b) })
}

// FuzzCheckCode: a camera reads it from a screen that somebody else holds.
func FuzzCheckCode(f *testing.F) {
	k := checkCode{Shows: testHandle, To: wire.Handle{Name: "omar", Host: "localhost:8440"}}
	f.Add(k.text())
	f.Add("CLARION:AEAA")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseCheckCode(s)
		if err != nil {
			return
		}
		again, err := parseCheckCode(k.text())
		if err != nil || *again != *k {
			t.Fatalf("%q reads as %+v, which reads back as %+v (%v)", s, k, again, err)
		}
	})
}

// FuzzCursor: any text either is a place in a history, in its one form, or is
// refused.
func FuzzCursor(f *testing.F) {
	f.Add(string(makeCursor(spot{Seq: 1_000_001, Sub: 7}, 7)))
	f.Add(string(makeCursor(queueSpot(3), 12)))
	f.Add("")
	f.Add("zz")
	f.Fuzz(func(t *testing.T, text string) {
		s, order, err := Cursor(text).parse()
		if err == nil && string(makeCursor(s, order)) != text {
			t.Errorf("%q is read as %v, %d", text, s, order)
		}
	})
}
