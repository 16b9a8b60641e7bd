// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"errors"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/wire"
)

// Failure is an error a person meets: a code, a sentence, a hint. The codes of
// the server (wire.Code) and those below share one namespace.
//
// Queued is set by Send, Flush and FlushConversation alone: what was to leave
// waits in the vault, and leaves by itself when what the code names is over.
// Without it nothing of the message goes on by itself: it was refused before it
// was kept, this device was removed, or an alarm stopped the conversation.
type Failure struct {
	Code   string
	Text   string
	Hint   string
	Queued bool
	Cause  error // for the log; may be nil
}

// Error gives code and sentence.
func (f *Failure) Error() string { return f.Code + ": " + f.Text }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// Codes of failures that arise in the client.
const (
	FailUnreachable     = "unreachable"
	FailTimeout         = "timeout"
	FailNotRegistered   = "not_registered"
	FailRegistered      = "already_registered"
	FailWords           = "words_invalid"
	FailHandle          = "handle_invalid"
	FailLink            = "link_invalid"
	FailOtherHost       = "other_host"
	FailWrongHost       = "wrong_host"
	FailIdentity        = "identity_mismatch"
	FailNoConversation  = "no_such_conversation"
	FailNoContact       = "no_such_contact"
	FailBlocked         = "contact_blocked"
	FailNotMember       = "not_a_member"
	FailAlreadyMember   = "already_a_member"
	FailTooLong         = "message_too_long"
	FailEmpty           = "message_empty"
	FailNotText         = "message_not_text"
	FailOldVault        = "old_vault"
	FailDeviceReplaced  = "device_replaced"
	FailHistoryDiffers  = "history_differs"
	FailServerRolled    = "server_restored"
	FailVault           = "vault_failed"
	FailNoOtherMember   = "no_other_member"
	FailAwaitingMembers = "awaiting_way_back"
	FailName            = "conversation_name_invalid"
	FailAmbiguous       = "ambiguous_conversation"
	FailOneself         = "oneself"
	FailServerKey       = "server_key_differs"
	FailServerKeyText   = "server_key_invalid"
	FailBlobUnreadable  = "blob_unreadable"
	FailBlobNotSigned   = "blob_not_signed"
	FailBlobOlder       = "blob_older"

	// FailFull is the server's code too: a disk is full, here or there, and the
	// sentence says whose.
	FailFull = string(wire.CodeDiskFull)
)

var failures = map[string]sentencePair{
	FailUnreachable:     {"the server does not answer", "check the network and the server's address, then try again"},
	FailTimeout:         {"the server did not answer in time", "try again"},
	FailNotRegistered:   {"this vault holds no account", "run `clarion register --server URL --name NAME` first"},
	FailRegistered:      {"this vault holds an account already", "use another --home for another account"},
	FailWords:           {"these are not the 24 words of a recovery sheet", "check spelling and order; each word stands on the sheet with its number"},
	FailHandle:          {"this is not a handle", "write name@host, or a bare name for your own server"},
	FailLink:            {"this is not an invite link", "paste the whole link, with what follows the #"},
	FailOtherHost:       {"this person is on another host, and conversations across hosts are not built yet", "meet on one server"},
	FailWrongHost:       {"the server says that it is another host than the one addressed", "check the address; if it is right, tell the operator"},
	FailIdentity:        {"the server's directory names another identity than the one known", "do not go on; ask the person by another way"},
	FailNoConversation:  {"there is no such conversation", "run `clarion conversations` for the list"},
	FailNoContact:       {"there is no such contact", "run `clarion contacts` for the list"},
	FailBlocked:         {"this contact is blocked", "run `clarion accept HANDLE` to talk again"},
	FailNotMember:       {"this person is not in the conversation", "run `clarion conversations` for its members"},
	FailAlreadyMember:   {"this person is in the conversation already", "run `clarion conversations --json` for its members"},
	FailTooLong:         {"the message is longer than 16,000 bytes", "send it in parts"},
	FailEmpty:           {"the message is empty", "write something"},
	FailNotText:         {"the message is not UTF-8 text", "convert it first"},
	FailSetting:         {"a setting has a name of 1 to 32 letters a-z, digits and underscores, and at most 1,024 bytes; there are at most 256", "shorten it, or set another to nothing"},
	FailMessageID:       {"a message's id is 32 hex digits that no other message has", "draw another at random"},
	FailOldVault:        {"this vault is older than what it has sent, or a copy", "it will not send again in this conversation until a member has added this device anew; run `clarion listen`"},
	FailDeviceReplaced:  {"this device was replaced by another of yours", "run `clarion restore` here to use this device again"},
	FailHistoryDiffers:  {"what this device saw differs from what another member saw", "nothing more is sent here; compare with the members by another way and tell the operator"},
	FailServerRolled:    {"the server was restored from an older backup", "what this device holds is put back; what only the server held may be missing"},
	FailVault:           {"the vault could not be written", "check the disk; nothing was sent"},
	FailNoOtherMember:   {"nobody else is in this conversation", "add somebody first"},
	FailAwaitingMembers: {"this device waits for a member to add it again", "it happens when one of them is online; run `clarion listen`"},
	FailIdentityChanged: {"the identity of somebody here changed after you checked it; nothing is sent to them meanwhile", "compare again with `clarion check HANDLE`, or run `clarion acknowledge HANDLE` to write all the same"},
	FailLeft:            {"you have left this conversation", "its history stays until `clarion leave --forget`; a member can add you again"},
	FailOtherLeft:       {"the other person has left this conversation", "`clarion accept HANDLE` begins another; the history stays"},
	FailNotOver:         {"this conversation goes on", "run `clarion leave` first"},
	FailCheckCode:       {"this is not a code for checking a person", "scan or paste the whole code that `clarion check HANDLE` shows on the other device"},
	FailNotCompared:     {"what was compared is not what stands here now", "run `clarion check HANDLE` and compare what it shows"},
	FailName:            {"a conversation's name has 1 to 100 characters, with none that controls the terminal", "choose another name"},
	FailAmbiguous:       {"more than one conversation fits", "use its id from `clarion conversations`, or enough of its beginning"},
	FailOneself:         {"this is your own handle", "name another person"},
	FailServerKey:       {"the server's key is another than the one this device met it with", "ask the operator by another way which key is theirs, and why it is another; if it is, `clarion holdings --key KEY` takes it"},
	FailServerKeyText:   {"this is not a server's key", "it has 64 hex digits; `clarion whoami` shows the one that this device has seen"},
	FailBlobUnreadable:  {"the recovery blob on the server does not open with these words, so contacts and conversations did not come back", "tell the operator; your contacts can be added again by their invite links"},
	FailBlobNotSigned:   {"the recovery blob that the server gave was not signed by this account, so nothing in it was believed and contacts and conversations did not come back", "tell the operator; your contacts can be added again by their invite links"},
	FailBlobOlder:       {"the recovery blob that the server gave is older than one it had taken, or from before this account last came back from its sheet", "look whether contacts, checks and conversations are what you remember, and compare with the people again"},
	FailInCall:          {"another call is on", "end it first"},
	FailNoCall:          {"there is no such call, or it is over", "run `clarion calls` for the past ones"},
	FailCallTaken:       {"this call was answered already", "it goes on where it was answered"},
	FailCallGroup:       {"calls are for conversations of two", "call one of the members"},
	FailCallContact:     {"this person is not accepted yet, so there is no call", "accept the request first"},
	FailFingerprint:     {"this is not the certificate that this side committed to", "begin the call anew; if it happens again, this program is at fault"},
	FailDescription:     {"this is not the description of a call's media that was asked for", "begin the call anew; if it happens again, this program is at fault"},
	FailFull:            {"there is no room on this device's disk for the vault", "make room, then try again; the last step was not kept"},
}

type sentencePair struct{ text, hint string }

// fail makes the failure of a code, with its sentence and hint. A vault that
// failed because the disk is full is told as that.
func fail(code string, cause error) *Failure {
	if code == FailVault && errors.Is(cause, vault.ErrFull) {
		code = FailFull
	}
	s := failures[code]
	return &Failure{Code: code, Text: s.text, Hint: s.hint, Cause: cause}
}

// AsFailure turns any error of this package into what a person meets.
func AsFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	var r *wire.Refusal
	if errors.As(err, &r) {
		return &Failure{Code: string(r.Code), Text: r.Text, Hint: r.Hint, Cause: err}
	}
	return &Failure{Code: string(wire.CodeInternal), Text: err.Error(), Cause: err}
}

// unreachable reports whether err says that the server could not be asked, so
// that nothing is known of what it did.
func unreachable(err error) bool {
	var f *Failure
	return errors.As(err, &f) && (f.Code == FailUnreachable || f.Code == FailTimeout)
}

// later reports whether err says nothing of the matter itself: the server
// could not be asked, or not now, or the vault failed. What waits waits on.
func later(err error) bool {
	var f *Failure
	return unreachable(err) || (errors.As(err, &f) && (f.Code == FailVault || f.Code == FailFull)) || refusedWith(err, wire.CodeRateLimited, wire.CodeStoreDown, wire.CodeShuttingDown, wire.CodeDiskFull, wire.CodeClockSkew)
}

// nobody reports whether err is the directory's last word that a person is not
// whom they are said to be. Any other error only means to ask again.
func nobody(err error) bool {
	var f *Failure
	known := errors.As(err, &f) && (f.Code == FailIdentity || f.Code == FailOtherHost)
	return known || refusedWith(err, wire.CodeNoAccount)
}

// refusedWith reports whether the server refused with one of codes.
func refusedWith(err error, codes ...wire.Code) bool {
	var r *wire.Refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, c := range codes {
		if r.Code == c {
			return true
		}
	}
	return false
}
