// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"encoding/hex"
	"time"

	"clarion.chat/clarion/wire"
)

// ItemKind says what an item of a history is.
type ItemKind string

// Kinds of items: what people wrote, and quiet lines about the conversation.
const (
	KindMessage       ItemKind = "message"
	KindJoined        ItemKind = "conversation_joined" // this device came in, or back
	KindNamed         ItemKind = "conversation_named"
	KindMemberAdded   ItemKind = "member_added"
	KindMemberRemoved ItemKind = "member_removed"
	KindMemberLeft    ItemKind = "member_left"
	KindDeviceAdded   ItemKind = "device_added"
	KindCodeChanged   ItemKind = "code_changed"
	KindKeepChanged   ItemKind = "keep_changed"
	KindCall          ItemKind = "call"
)

// itemKind is an ItemKind as the vault holds it; a number is never used again.
type itemKind uint8

const itemMessage itemKind = 0

// itemKinds gives each number its kind.
func itemKinds() []ItemKind {
	return []ItemKind{KindMessage, KindJoined, KindNamed, KindMemberAdded, KindMemberRemoved, KindMemberLeft, KindDeviceAdded, KindCodeChanged, KindKeepChanged, KindCall}
}

func (k itemKind) public() ItemKind {
	if all := itemKinds(); int(k) < len(all) {
		return all[k]
	}
	return ""
}

func (k ItemKind) stored() itemKind {
	for n, kind := range itemKinds() {
		if kind == k {
			return itemKind(n)
		}
	}
	return itemKind(255)
}

// Line says what happened to a conversation. Fields that its kind does not
// need are zero.
type Line struct {
	Seq     uint64
	At      time.Time     // when this device took note, whole seconds
	By      wire.Handle   // who did it; zero when that is not known
	Handle  wire.Handle   // whom it is about
	Name    string        // conversation_joined, conversation_named
	Members []wire.Handle // conversation_joined
	Code    string        // code_changed: the new 60 digits
	Keep    int           // keep_changed: days
	// Of a call, whose line stands where it rang; Handle is the other person.
	Call     string // its id
	Incoming bool
	Video    bool
	Reason   CallReason
	Seconds  int // for how long media flowed
}

// lineState is what the vault holds of a line beside what every item has.
type lineState struct {
	By      string // handles, empty for none
	Handle  string
	Name    string
	Members []wire.Handle
	Code    string
	Keep    uint8
	Call    *lineCall
}

// lineCall is what the vault holds of a call in a line.
type lineCall struct {
	ID              callID
	Incoming, Video bool
	Reason          string
	Seconds         uint32
}

// Fields describes the value.
func (l *lineCall) Fields(c *wire.Coder) {
	c.Fixed(l.ID[:])
	c.Bool(&l.Incoming)
	c.Bool(&l.Video)
	c.String(&l.Reason, 16)
	c.U32(&l.Seconds)
}

// Fields describes the record.
func (l *lineState) Fields(c *wire.Coder) {
	const maxHandle = wire.MaxName + 1 + wire.MaxHost
	c.String(&l.By, maxHandle)
	c.String(&l.Handle, maxHandle)
	c.String(&l.Name, maxNameBytes)
	wire.List(c, &l.Members, maxMembers)
	c.String(&l.Code, 64)
	c.U8(&l.Keep)
	optional(c, &l.Call)
}

func (l *lineState) public(i *item) *Line {
	out := &Line{Seq: i.Seq, At: time.Unix(i.At, 0).UTC()}
	if l != nil {
		out.By, out.Handle = handleOf(l.By), handleOf(l.Handle)
		out.Name, out.Members, out.Code, out.Keep = l.Name, l.Members, l.Code, int(l.Keep)
		if k := l.Call; k != nil {
			out.Call, out.Incoming, out.Video, out.Reason, out.Seconds = k.ID.String(), k.Incoming, k.Video, CallReason(k.Reason), int(k.Seconds)
		}
	}
	return out
}

// handleOf reads a handle that the vault holds; zero for none.
func handleOf(s string) wire.Handle {
	h, err := wire.ParseHandle(s, "")
	if err != nil {
		return wire.Handle{}
	}
	return h
}

// textOf is the other way round.
func textOf(h wire.Handle) string {
	if h == (wire.Handle{}) {
		return ""
	}
	return h.String()
}

// lined is an event that leaves a line in the history of its conversation.
type lined interface {
	line() (conversation string, kind ItemKind, l Line)
}

func (e ConversationJoined) line() (string, ItemKind, Line) {
	return e.Conversation, KindJoined, Line{Seq: e.Seq, At: e.At, Name: e.Name, Members: e.Members}
}

func (e MemberAdded) line() (string, ItemKind, Line) {
	return e.Conversation, KindMemberAdded, Line{Seq: e.Seq, At: e.At, By: e.By, Handle: e.Handle}
}

func (e MemberRemoved) line() (string, ItemKind, Line) {
	if e.Left {
		return e.Conversation, KindMemberLeft, Line{Seq: e.Seq, At: e.At, Handle: e.Handle}
	}
	return e.Conversation, KindMemberRemoved, Line{Seq: e.Seq, At: e.At, By: e.By, Handle: e.Handle}
}

func (e DeviceAdded) line() (string, ItemKind, Line) {
	return e.Conversation, KindDeviceAdded, Line{Seq: e.Seq, At: e.At, Handle: e.Handle}
}

func (e CodeChanged) line() (string, ItemKind, Line) {
	return e.Conversation, KindCodeChanged, Line{Seq: e.Seq, At: e.At, Code: e.Code}
}

// keepLines writes the lines of the events that a step is about to tell, so
// that whoever was not there finds them in the history.
func (c *Client) keepLines(ch *change) {
	for _, e := range ch.events {
		if l, ok := e.(lined); ok {
			id, kind, line := l.line()
			if v, err := c.byID(id); err == nil {
				v.addLine(ch, kind, line)
				ch.put(v.record(), v)
			}
		}
	}
}

// addLine writes a line; the caller saves the conversation.
func (v *conversation) addLine(ch *change, kind ItemKind, l Line) {
	state := &lineState{By: textOf(l.By), Handle: textOf(l.Handle), Name: l.Name, Members: l.Members, Code: l.Code, Keep: uint8(l.Keep)}
	if id, err := hex.DecodeString(l.Call); err == nil && len(id) == len(callID{}) {
		state.Call = &lineCall{ID: callID(id), Incoming: l.Incoming, Video: l.Video, Reason: string(l.Reason), Seconds: uint32(l.Seconds)}
	}
	i := &item{Kind: kind.stored(), Seq: l.Seq, At: l.At.Unix(), Line: state}
	i.Unread = l.Reason == CallMissed && l.Seq > v.Read
	order := v.addItem(ch, i, spot{Seq: l.Seq})
	if i.Unread { // a missed call waits to be seen, as a message does
		if v.Unread == 0 {
			v.UnreadFrom = order
		}
		v.Unread++
	}
	if v.Active == 0 {
		v.Active = i.At
	}
}
