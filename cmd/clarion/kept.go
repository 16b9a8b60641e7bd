// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// The core tells each event once, and any command may be the one that meets
// it: a send reads the marks of an earlier message, or that a member's device
// is new. What a command leaves unsaid is kept in the vault for the next
// listen, which is where people and programs look for it.

const (
	keptPrefix = "cli/event/" // the core's own records begin with other words
	keptMost   = 4096         // events; the oldest give way
)

// keeps reports whether an event is kept for listen. Messages and requests
// wait in the core already, and what is only of its moment is let go.
func keeps(e client.Event) bool {
	switch e.(type) {
	case client.MessageArrived, client.ContactRequested, client.CallArrived:
		return false
	}
	return shapeEvent(e) != nil
}

// keep adds events to what the next listen prints.
func keep(ctx context.Context, v vault.Vault, events []client.Event) error {
	if len(events) == 0 {
		return nil
	}
	old, err := v.Scan(ctx, keptPrefix, "", keptMost)
	if err != nil {
		return err
	}
	next := uint64(0)
	if len(old) > 0 {
		last, err := strconv.ParseUint(strings.TrimPrefix(old[len(old)-1].Key, keptPrefix), 16, 64)
		if err != nil {
			return err
		}
		next = last + 1
	}
	events = events[max(0, len(events)-keptMost):]
	var changes []vault.Change
	for _, r := range old[:max(0, len(old)+len(events)-keptMost)] {
		changes = append(changes, vault.Change{Key: r.Key})
	}
	for _, e := range events {
		var b bytes.Buffer
		shape := shapeEvent(e)
		if p, is := e.(client.Problem); is { // its line lacks the sentence
			shape = struct {
				problemShape
				Text string `json:"text"`
			}{shape.(problemShape), p.Text}
		}
		if err := writeJSON(&b, shape); err != nil {
			return err
		}
		changes = append(changes, vault.Change{Key: fmt.Sprintf("%s%016x", keptPrefix, next), Value: b.Bytes()})
		next++
	}
	return v.Commit(ctx, changes)
}

// takeKept hands each kept event to print and then forgets those that were
// printed.
func takeKept(ctx context.Context, v vault.Vault, print func(client.Event) error) error {
	records, err := v.Scan(ctx, keptPrefix, "", keptMost)
	if err != nil {
		return err
	}
	var printed []vault.Change
	var failed error
	for _, r := range records {
		if e := eventOf(r.Value); e != nil {
			if failed = print(e); failed != nil {
				break
			}
		}
		printed = append(printed, vault.Change{Key: r.Key})
	}
	if len(printed) > 0 {
		if err := v.Commit(context.WithoutCancel(ctx), printed); failed == nil {
			failed = err
		}
	}
	return failed
}

// eventOf reads back what shapeEvent made of a kept event; nil for anything
// else, such as an event of a newer version.
func eventOf(b []byte) client.Event {
	var s struct {
		head
		ID      string   `json:"id"`
		State   string   `json:"state"`
		Name    string   `json:"name"`
		Members []string `json:"members"`
		Handle  string   `json:"handle"`
		Code    string   `json:"code"`
		Text    string   `json:"text"`
		Hint    string   `json:"hint"`
		Held    bool     `json:"held"`
		Left    bool     `json:"left"`
		Days    int      `json:"days"`

		Call     string `json:"call"`
		From     string `json:"from"`
		Incoming bool   `json:"incoming"`
		Video    bool   `json:"video"`
		Reason   string `json:"reason"`
		Seconds  int    `json:"seconds"`
	}
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, s.At)
	if err != nil {
		return nil
	}
	handle, _ := wire.ParseHandle(s.Handle, "")
	switch s.Event {
	case "message_state":
		return client.MessageStateChanged{At: at, Conversation: s.Conversation, Seq: s.Seq, ID: s.ID, State: client.MessageState(s.State)}
	case "conversation_joined":
		var members []wire.Handle
		for _, text := range s.Members {
			h, _ := wire.ParseHandle(text, "")
			members = append(members, h)
		}
		return client.ConversationJoined{At: at, Conversation: s.Conversation, Seq: s.Seq, Name: s.Name, Members: members}
	case "member_added":
		return client.MemberAdded{At: at, Conversation: s.Conversation, Seq: s.Seq, Handle: handle}
	case "member_removed":
		return client.MemberRemoved{At: at, Conversation: s.Conversation, Seq: s.Seq, Handle: handle, Left: s.Left}
	case "device_added":
		return client.DeviceAdded{At: at, Conversation: s.Conversation, Seq: s.Seq, Handle: handle}
	case "keep_changed":
		return client.KeepChanged{At: at, Conversation: s.Conversation, Seq: s.Seq, By: handle, Days: s.Days}
	case "identity_changed":
		return client.IdentityChanged{At: at, Handle: handle, Held: s.Held}
	case "code_changed":
		return client.CodeChanged{At: at, Conversation: s.Conversation, Code: s.Code}
	case "call_ended":
		peer, _ := wire.ParseHandle(s.From, "")
		return client.CallEnds{
			At: at, Conversation: s.Conversation, Seq: s.Seq, Call: s.Call, Peer: peer, Incoming: s.Incoming, Video: s.Video,
			Reason: client.CallReason(s.Reason), Seconds: s.Seconds,
		}
	case "problem":
		return client.Problem{At: at, Conversation: s.Conversation, Seq: s.Seq, Code: s.Code, Text: s.Text, Hint: s.Hint}
	}
	return nil
}
