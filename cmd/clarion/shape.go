// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// The shapes of the JSON that scripts read. Names are snake_case, times are
// RFC 3339 in UTC, a conversation that does not apply is "", a seq 0.

type registeredShape struct {
	Handle      string   `json:"handle"`
	Words       []string `json:"words"`
	Fingerprint string   `json:"fingerprint"`
}

type restoredShape struct {
	Handle      string `json:"handle"`
	Fingerprint string `json:"fingerprint"`
}

type meShape struct {
	Handle      string `json:"handle"`
	Server      string `json:"server"`
	Fingerprint string `json:"fingerprint"`
	Device      string `json:"device"`
	Registered  string `json:"registered"`
	ServerKey   string `json:"server_key"`
}

type inviteShape struct {
	Link    string `json:"link"`
	Expires string `json:"expires"`
}

type checkedShape struct {
	How string `json:"how"` // invite_link, digits, qr
	At  string `json:"at"`
}

// standingShape is what is known of a person's keys. Only checked is a check:
// that they came by one's link says that they had it, not who they are.
type standingShape struct {
	Checked *checkedShape `json:"checked"`
	CameBy  string        `json:"came_by,omitempty"` // "link"
	Changed bool          `json:"changed,omitempty"` // their keys are others now, and were not checked since
}

type contactShape struct {
	Handle string `json:"handle"`
	State  string `json:"state"`
	standingShape
}

type leftShape struct {
	Conversation string `json:"conversation"`
	Left         bool   `json:"left"`
	Forgotten    bool   `json:"forgotten"`
}

type draftShape struct {
	Conversation string `json:"conversation"`
	Text         string `json:"text"`
}

type settingShape struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// The handle of the next two is as it was typed.
type declinedShape struct {
	Handle   string `json:"handle"`
	Declined bool   `json:"declined"`
}

type unblockedShape struct {
	Handle  string `json:"handle"`
	Blocked bool   `json:"blocked"`
}

type keepShape struct {
	Conversation string `json:"conversation"`
	Days         int    `json:"days"`
}

type safetyShape struct {
	Handle string `json:"handle"`
	Digits string `json:"digits"`
	Code   string `json:"code"`
}

type scannedShape struct {
	Handle string `json:"handle"`
	Match  bool   `json:"match"`
}

type ringShape struct {
	head
	Call  string `json:"call"`
	From  string `json:"from"`
	Video bool   `json:"video"`
}

// callEndShape is the end of a call; from is the other person, whoever called.
type callEndShape struct {
	head
	Call     string `json:"call"`
	From     string `json:"from"`
	Incoming bool   `json:"incoming"`
	Video    bool   `json:"video"`
	Reason   string `json:"reason"`
	Seconds  int    `json:"seconds"`
}

type conversationShape struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Host    string   `json:"host"`
	Epoch   uint64   `json:"epoch"`
	Code    string   `json:"code"`
	Members []string `json:"members"`
	Unread  int      `json:"unread"`
	State   string   `json:"state,omitempty"` // unless it is active
}

type sentShape struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	Seq          uint64 `json:"seq"` // 0 while it waits
	Epoch        uint64 `json:"epoch"`
}

type flushedShape struct {
	Sent   int `json:"sent"`
	Queued int `json:"queued"`
}

type tableShape struct {
	Table string `json:"table"`
	Rows  uint64 `json:"rows"`
}

type holdingsShape struct {
	Account   string       `json:"account"`
	Tables    []tableShape `json:"tables"`
	Could     []string     `json:"could"`
	Cannot    []string     `json:"cannot"`
	Signature string       `json:"signature"`  // 128 hex digits
	At        string       `json:"at"`         // the signature covers it
	Host      string       `json:"host"`       // so does it this
	ServerKey string       `json:"server_key"` // Ed25519, 64 hex digits
}

type checkedAnswerShape struct {
	Account   string `json:"account"`
	Host      string `json:"host"`
	ServerKey string `json:"server_key"`
	Key       string `json:"key"` // seen, by this vault; or given
	Signature string `json:"signature"`
}

// mailboxHoldingsShape is the answer about a conversation. All but conversation
// and agreed is what the server signed.
type mailboxHoldingsShape struct {
	Conversation string       `json:"conversation"`
	Mailbox      string       `json:"mailbox"` // SHA-256 of its address, 64 hex digits
	Tables       []tableShape `json:"tables"`
	Sizes        []sizeShape  `json:"sizes"`
	Epoch        uint64       `json:"epoch"`
	Head         uint64       `json:"head"` // envelopes ever appended
	Keep         int          `json:"keep"` // days
	Agreed       int          `json:"agreed"`
	FirstGone    string       `json:"first_gone"` // when the first envelope is deleted, "" for none
	LastGone     string       `json:"last_gone"`
	Forget       string       `json:"forget"` // when the mailbox goes unless it is used
	Could        []string     `json:"could"`
	Cannot       []string     `json:"cannot"`
	Signature    string       `json:"signature"`
	At           string       `json:"at"`
	Host         string       `json:"host"`
	ServerKey    string       `json:"server_key"`
}

type sizeShape struct {
	Bytes uint32 `json:"bytes"`
	Rows  uint64 `json:"rows"`
}

// savedShape reads either answer.
type savedShape struct {
	mailboxHoldingsShape
	Account string `json:"account"`
}

type deletedShape struct {
	Account string       `json:"account"`
	Tables  []tableShape `json:"tables"`
	Beyond  []string     `json:"beyond"`
}

type versionShape struct {
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Go       string `json:"go"`
}

// The lines of listen. Each begins with the same four names.
type head struct {
	Event        string `json:"event"`
	At           string `json:"at"`
	Conversation string `json:"conversation"`
	Seq          uint64 `json:"seq"`
}

type arrivedShape struct {
	head
	ID   string `json:"id"`
	From string `json:"from"`
	standingShape
	Text string `json:"text"`
}

type stateShape struct {
	head
	ID    string `json:"id"`
	State string `json:"state"`
}

type requestedShape struct {
	head
	From string `json:"from"`
}

type joinedShape struct {
	head
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

type handleShape struct {
	head
	Handle string `json:"handle"`
}

type identityShape struct {
	head
	Handle string `json:"handle"`
	Held   bool   `json:"held"`
}

type removedShape struct {
	handleShape
	Left bool `json:"left,omitempty"` // by their own wish
}

type keptForShape struct {
	head
	Handle string `json:"handle"` // who changed it
	Days   int    `json:"days"`
}

type codeShape struct {
	head
	Code string `json:"code"`
}

type problemShape struct {
	head
	Code string `json:"code"`
	Hint string `json:"hint"`
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func shapeStanding(c *client.Checked) (s standingShape) {
	if c == nil {
		return s
	}
	switch c.How {
	case client.CheckedInviteLink, client.CheckedDigits, client.CheckedQR:
		s.Checked = &checkedShape{How: c.How, At: stamp(c.At)}
	case client.CheckedCameByLink:
		s.CameBy = "link"
	case client.CheckedChanged, client.CheckedNotSince:
		s.Changed = true
	}
	return s
}

func shapeContact(c client.Contact) contactShape {
	return contactShape{Handle: c.Handle.String(), State: string(c.State), standingShape: shapeStanding(c.Checked)}
}

func shapeConversation(c client.Conversation) conversationShape {
	shape := conversationShape{
		ID: c.ID, Name: c.Name, Host: c.Host, Epoch: c.Epoch, Code: c.Code,
		Members: shapeHandles(c.Members), Unread: c.Unread,
	}
	if c.State != client.ConversationActive {
		shape.State = string(c.State)
	}
	return shape
}

func shapeMessage(m client.Message) arrivedShape {
	return arrivedShape{
		head: head{Event: "message_arrived", At: stamp(m.At), Conversation: m.Conversation, Seq: m.Seq},
		ID:   m.ID, From: m.From.String(), standingShape: shapeStanding(m.Checked), Text: m.Text,
	}
}

func shapeHandles(list []wire.Handle) []string {
	out := make([]string, len(list))
	for i, h := range list {
		out[i] = h.String()
	}
	return out
}

func shapeTables(list []wire.TableRows) []tableShape {
	out := make([]tableShape, len(list))
	for i, t := range list {
		out[i] = tableShape{Table: t.Table, Rows: t.Rows}
	}
	return out
}

func shapeHoldings(h *client.SignedHoldings) holdingsShape {
	return holdingsShape{
		Account: h.Account, Tables: shapeTables(h.Tables), Could: sentences(h.Could), Cannot: sentences(h.Cannot),
		Signature: hex.EncodeToString(h.Signature[:]), At: stamp(time.Unix(h.At, 0)),
		Host: h.Host, ServerKey: hex.EncodeToString(h.ServerKey[:]),
	}
}

// sentences makes no list an empty one, so that JSON has [] and not null.
func sentences(list []string) []string { return append([]string{}, list...) }

// shapeEvent returns the line of listen for an event, or nil for an event that
// scripts are not told.
func shapeEvent(e client.Event) any {
	switch e := e.(type) {
	case client.MessageArrived:
		return shapeMessage(e.Message)
	case client.MessageStateChanged:
		return stateShape{head{"message_state", stamp(e.At), e.Conversation, e.Seq}, e.ID, string(e.State)}
	case client.ContactRequested:
		return requestedShape{head{"contact_requested", stamp(e.At), "", 0}, e.From.String()}
	case client.ConversationJoined:
		return joinedShape{head{"conversation_joined", stamp(e.At), e.Conversation, e.Seq}, e.Name, shapeHandles(e.Members)}
	case client.MemberAdded:
		return handleShape{head{"member_added", stamp(e.At), e.Conversation, e.Seq}, e.Handle.String()}
	case client.MemberRemoved:
		return removedShape{handleShape{head{"member_removed", stamp(e.At), e.Conversation, e.Seq}, e.Handle.String()}, e.Left}
	case client.DeviceAdded:
		return handleShape{head{"device_added", stamp(e.At), e.Conversation, e.Seq}, e.Handle.String()}
	case client.KeepChanged:
		return keptForShape{head{"keep_changed", stamp(e.At), e.Conversation, e.Seq}, e.By.String(), e.Days}
	case client.IdentityChanged:
		return identityShape{head{"identity_changed", stamp(e.At), "", 0}, e.Handle.String(), e.Held}
	case client.CodeChanged:
		return codeShape{head{"code_changed", stamp(e.At), e.Conversation, 0}, e.Code}
	case client.CallArrived:
		return ringShape{head{"call_incoming", stamp(e.At), e.Conversation, 0}, e.Call, e.From.String(), e.Video}
	case client.CallEnds:
		return callEndShape{head{"call_ended", stamp(e.At), e.Conversation, e.Seq}, e.Call, e.Peer.String(), e.Incoming, e.Video, string(e.Reason), e.Seconds}
	case client.Problem:
		return problemShape{head{"problem", stamp(e.At), e.Conversation, e.Seq}, e.Code, e.Hint}
	}
	return nil
}

// writeJSON writes one value as one line, in one write. What could steer or
// deceive a terminal that shows the line stands in it as an escape, which says
// the same to whoever parses it.
func writeJSON(out io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(escaped(b.Bytes()))
	return err
}

// escaped replaces, in one line of JSON, every character that controls,
// reorders or is not seen by its \u escape. The encoder has done so with what
// lies below U+0020, and with line breaks.
func escaped(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for _, r := range string(line) {
		switch {
		case r == '\n' || !(orders(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func shapeMailboxHoldings(h *client.SignedMailboxHoldings) mailboxHoldingsShape {
	out := mailboxHoldingsShape{
		Conversation: h.Conversation, Mailbox: hex.EncodeToString(h.Mailbox[:]), Tables: shapeTables(h.Tables), Sizes: []sizeShape{},
		Epoch: uint64(h.Epoch), Head: uint64(h.Head), Keep: int(h.Keep), Agreed: int(h.Agreed),
		FirstGone: hourStamp(h.FirstGone), LastGone: hourStamp(h.LastGone), Forget: hourStamp(h.Forget),
		Could: sentences(h.Could), Cannot: sentences(h.Cannot), Signature: hex.EncodeToString(h.Signature[:]),
		At: stamp(time.Unix(h.At, 0)), Host: h.Host, ServerKey: hex.EncodeToString(h.ServerKey[:]),
	}
	for _, s := range h.Sizes {
		out.Sizes = append(out.Sizes, sizeShape{Bytes: s.Size, Rows: s.Rows})
	}
	return out
}

func hourStamp(h int64) string {
	if h == 0 {
		return ""
	}
	return stamp(hour(h))
}

// hourOf reads what hourStamp wrote.
func hourOf(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Unix()%3600 != 0 {
		return 0, wire.ErrMalformed
	}
	return t.Unix() / 3600, nil
}

// mailboxHoldings is what the server signed.
func (s *mailboxHoldingsShape) mailboxHoldings(at int64) (*wire.MailboxHoldings, error) {
	h := &wire.MailboxHoldings{
		At: at, Tables: tablesOf(s.Tables), Epoch: wire.Epoch(s.Epoch), Head: wire.Seq(s.Head), Keep: uint8(s.Keep), Could: s.Could, Cannot: s.Cannot,
	}
	b, err := hex.DecodeString(s.Mailbox)
	if err != nil || len(b) != len(h.Mailbox) || s.Keep < 0 || s.Keep > wire.MaxKeep {
		return nil, wire.ErrMalformed
	}
	h.Mailbox = [32]byte(b)
	for _, z := range s.Sizes {
		h.Sizes = append(h.Sizes, wire.SizeRows{Size: z.Bytes, Rows: z.Rows})
	}
	for text, to := range map[*string]*int64{&s.FirstGone: &h.FirstGone, &s.LastGone: &h.LastGone, &s.Forget: &h.Forget} {
		if *to, err = hourOf(*text); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func tablesOf(list []tableShape) []wire.TableRows {
	var out []wire.TableRows
	for _, t := range list {
		out = append(out, wire.TableRows{Table: t.Table, Rows: t.Rows})
	}
	return out
}
