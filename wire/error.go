// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import "errors"

// Code is an error's name, the same in every room and at every face.
type Code string

// The codes a server answers with. docs/protocol/errors.md gives each its
// cause and remedy; the table below gives each its sentence and hint.
const (
	CodeMalformed      Code = "malformed"
	CodeTooLarge       Code = "too_large"
	CodeUnknownVersion Code = "unknown_version"
	CodeUnknownCommand Code = "unknown_command"
	CodeNotSignedIn    Code = "not_signed_in"
	CodeBadSignature   Code = "bad_signature"
	CodeBadCertificate Code = "bad_certificate"
	CodeBadEntry       Code = "bad_entry"
	CodeNameTaken      Code = "name_taken"
	CodeNameInvalid    Code = "name_invalid"
	CodeNameDeleted    Code = "name_deleted"
	CodeNoAccount      Code = "no_such_account"
	CodeNoKeyPackage   Code = "no_key_package"
	CodeInviteNeeded   Code = "invite_needed"
	CodeInviteInvalid  Code = "invite_invalid"
	CodeInviteExpired  Code = "invite_expired"
	CodeInviteUsed     Code = "invite_used"
	CodeClosed         Code = "registration_closed"
	CodeBlobOutdated   Code = "blob_outdated"
	CodeNoMailbox      Code = "no_such_mailbox"
	CodeMailboxExists  Code = "mailbox_exists"
	CodeMailboxClosed  Code = "mailbox_closed"
	CodeInboxFull      Code = "inbox_full"
	CodeWrongPass      Code = "wrong_pass"
	CodeStalePass      Code = "stale_pass"
	CodeStaleEpoch     Code = "stale_epoch"
	CodeIDReused       Code = "id_reused"
	CodeNotPadded      Code = "not_padded"
	CodeKeepRange      Code = "keep_out_of_range"
	CodeTooManyLive    Code = "too_many_live"
	CodeRateLimited    Code = "rate_limited"
	CodeNoRelay        Code = "no_relay"
	CodeClockSkew      Code = "clock_skew"
	CodeDiskFull       Code = "disk_full"
	CodeStoreDown      Code = "store_unavailable"
	CodeShuttingDown   Code = "shutting_down"
	CodeInternal       Code = "internal"
)

// ErrTooLarge is a value past its limit.
var ErrTooLarge = errors.New("past its size limit")

// Refusal is the answer to a command that was not carried out. Nothing has
// changed when it arrives. Epoch and Seq tell an append where the mailbox
// stands (codes stale_pass, stale_epoch); they are 0 elsewhere.
type Refusal struct {
	Code  Code
	Text  string // one sentence for a person
	Hint  string // what to do about it; may be empty
	Epoch Epoch
	Seq   Seq
}

// Error gives code and sentence.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Text }

// Refuse makes the refusal for a code, with its sentence and hint.
func Refuse(code Code) *Refusal {
	s := sentences[code]
	return &Refusal{Code: code, Text: s.text, Hint: s.hint}
}

// CodeOf returns the code in err's chain, or CodeInternal.
func CodeOf(err error) Code {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return CodeInternal
}

type sentence struct{ text, hint string }

var sentences = map[Code]sentence{
	CodeMalformed:      {"the server could not read the command", "update clarion; if it is current, report this"},
	CodeTooLarge:       {"the data is past its size limit", "send less at once; `clariond serve --help` lists the limits"},
	CodeUnknownVersion: {"client and server speak different protocol versions", "update the older of the two"},
	CodeUnknownCommand: {"the server does not know this command", "update the server"},
	CodeNotSignedIn:    {"this needs a signed-in device", "sign in first"},
	CodeBadSignature:   {"the signature does not verify", "check that the right vault is in use"},
	CodeBadCertificate: {"the device certificate is forged, expired or for another host", "run `clarion restore` to certify this device anew"},
	CodeBadEntry:       {"the directory entry does not follow from the one before", "run `clarion restore` with the recovery sheet"},
	CodeNameTaken:      {"this name is taken", "choose another name"},
	CodeNameInvalid:    {"a name has 1 to 32 of a-z, 0-9, '.', '-', '_' and begins with a letter", "choose another name"},
	CodeNameDeleted:    {"this name was deleted and is never given again", "choose another name"},
	CodeNoAccount:      {"there is no such account on this server", "check the spelling of the handle"},
	CodeNoKeyPackage:   {"the account has no key package left", "try again after the person was online"},
	CodeInviteNeeded:   {"this server registers people by invitation only", "ask its operator for an invite code, then use --invite CODE"},
	CodeInviteInvalid:  {"the server does not know this invite", "ask for a new one"},
	CodeInviteExpired:  {"this invite has expired", "ask for a new one"},
	CodeInviteUsed:     {"this invite was used already", "ask for a new one"},
	CodeClosed:         {"this server does not register new people", "choose another server"},
	CodeBlobOutdated:   {"the server holds a newer recovery blob", "another device or a copy of this vault wrote it; it is written again by itself"},
	CodeNoMailbox:      {"the server holds no such mailbox", "the conversation may have been restored elsewhere; run `clarion listen`"},
	CodeMailboxExists:  {"a mailbox with this address exists under another pass", "try again"},
	CodeMailboxClosed:  {"the server was restored from a backup, and this mailbox only reads", "run `clarion listen`; the conversation moves by itself"},
	CodeInboxFull:      {"the person's inbox is full", "it is sent again by itself; or ask them for an invite link, which still works"},
	CodeWrongPass:      {"the pass does not open this mailbox", "run `clarion listen` to catch up"},
	CodeStalePass:      {"the pass of an earlier epoch only reads", "you may have been removed; ask a member to add you again"},
	CodeStaleEpoch:     {"the conversation has moved to another epoch", "read on and send again"},
	CodeIDReused:       {"another envelope has this id already", "this vault may be a copy; run `clarion restore`"},
	CodeNotPadded:      {"an envelope's size must be a size class", "update clarion"},
	CodeKeepRange:      {"keep is 1 to 30 days", "choose a number in that range"},
	CodeTooManyLive:    {"too many live events in a short time", "wait a moment"},
	CodeRateLimited:    {"too many commands on this connection", "wait a moment, then try again"},
	CodeNoRelay:        {"this server relays no calls", "a call works where the two devices reach each other directly; or tell the operator"},
	CodeClockSkew:      {"this device's clock and the server's differ too much", "set the clock of the one that is wrong"},
	CodeDiskFull:       {"the server's disk is full", "nothing was stored; tell the operator"},
	CodeStoreDown:      {"the server's store is not available", "nothing was stored; try again in a moment"},
	CodeShuttingDown:   {"the server is shutting down", "try again in a moment"},
	CodeInternal:       {"the server failed inside", "nothing was changed; its log tells the operator more"},
}

// Fields describes the refusal.
func (r *Refusal) Fields(c *Coder) {
	c.String((*string)(&r.Code), 64)
	c.String(&r.Text, 512)
	c.String(&r.Hint, 512)
	r.Epoch.Fields(c)
	r.Seq.Fields(c)
}
