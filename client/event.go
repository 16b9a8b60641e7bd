// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"time"

	"clarion.chat/clarion/wire"
)

// Event is something that happened, told once, in order. The vault holds its
// trace before it is told.
type Event interface{ event() }

// Checked says how a person's identity was checked, and when.
type Checked struct {
	How string // CheckedInviteLink and so on
	At  time.Time
}

// How a contact came to be known.
const (
	CheckedInviteLink = "invite_link"         // we opened the person's own link
	CheckedCameByLink = "came_by_your_link"   // the person opened ours; not yet checked
	CheckedChanged    = "changed_since_check" // the identity key changed after it was checked
)

// Message is one message of a conversation, as history holds it.
type Message struct {
	ID           string // 32 hex digits, chosen by the sender
	Conversation string
	Seq          uint64 // place in the conversation; 0 while it waits; where it failed, for one that did
	From         wire.Handle
	Own          bool
	Checked      *Checked // nil: not checked
	Text         string
	At           time.Time // the sender's clock, whole seconds
	State        MessageState
	Unread       bool
}

// MessageState is how far an own message came.
type MessageState string

// States of an own message, in order. Sent means durable on the server;
// delivered and read are what every other member's client has said.
const (
	StateQueued    MessageState = "queued"
	StateSent      MessageState = "sent"
	StateDelivered MessageState = "delivered"
	StateRead      MessageState = "read"
	StateFailed    MessageState = "failed" // never sent, and never will be
)

// MessageArrived: somebody wrote.
type MessageArrived struct{ Message Message }

// MessageStateChanged: an own message came further.
type MessageStateChanged struct {
	At           time.Time
	Conversation string
	Seq          uint64
	ID           string
	State        MessageState
}

// MessageMoved: a message of the history has another place now, because it
// came again: put back after a restore of the server, or sent once more.
type MessageMoved struct {
	At           time.Time
	Conversation string
	Seq          uint64 // where it stands now
	ID           string
}

// ContactRequested: a stranger wants to talk.
type ContactRequested struct {
	At   time.Time
	From wire.Handle
}

// ConversationJoined: this device is now in a conversation.
type ConversationJoined struct {
	At           time.Time
	Conversation string
	Seq          uint64
	Name         string
	Members      []wire.Handle
}

// MemberAdded: a person came into a conversation.
type MemberAdded struct {
	At           time.Time
	Conversation string
	Seq          uint64
	Handle       wire.Handle
	By           wire.Handle // who did it
}

// MemberRemoved: a person is out of a conversation, perhaps oneself; with Left
// it was their own wish.
type MemberRemoved struct {
	At           time.Time
	Conversation string
	Seq          uint64
	Handle       wire.Handle
	By           wire.Handle // who did it; zero when that is not known
	Left         bool
}

// DeviceAdded: a member's device is new, after a loss or restore.
type DeviceAdded struct {
	At           time.Time
	Conversation string
	Seq          uint64
	Handle       wire.Handle
}

// CodeChanged: the 60 digits of a conversation are others now.
type CodeChanged struct {
	At           time.Time
	Conversation string
	Seq          uint64
	Code         string
}

// Typing: a member is writing at this moment; never stored.
type Typing struct {
	At           time.Time
	Conversation string
	From         wire.Handle
}

// Problem: something is wrong that the person should know.
type Problem struct {
	At           time.Time
	Conversation string // may be empty
	Seq          uint64
	Code         string
	Text         string
	Hint         string
}

// ConnectionChanged: live connections came up or went down.
type ConnectionChanged struct {
	At     time.Time
	Online bool
}

func (MessageArrived) event()      {}
func (MessageStateChanged) event() {}
func (MessageMoved) event()        {}
func (ContactRequested) event()    {}
func (ConversationJoined) event()  {}
func (MemberAdded) event()         {}
func (MemberRemoved) event()       {}
func (DeviceAdded) event()         {}
func (CodeChanged) event()         {}
func (Typing) event()              {}
func (Problem) event()             {}
func (ConnectionChanged) event()   {}
