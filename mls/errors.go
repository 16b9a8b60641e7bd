// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "errors"

// Errors of this package. Test them with errors.Is. After any error the Group
// is as it was before the call.
var (
	// ErrMalformed: the bytes are not an encoding of what was asked for.
	ErrMalformed = errors.New("mls: malformed encoding")
	// ErrTooLarge: a vector, a message or a tree is larger than we accept.
	ErrTooLarge = errors.New("mls: larger than the limits of this implementation")
	// ErrUnsupported: well formed, but a suite, version, credential or proposal beyond this package.
	ErrUnsupported = errors.New("mls: unsupported version, cipher suite, credential or proposal")
	// ErrSignature: a signature does not verify.
	ErrSignature = errors.New("mls: signature does not verify")
	// ErrDecrypt: an AEAD or HPKE ciphertext does not open.
	ErrDecrypt = errors.New("mls: ciphertext does not open")
	// ErrTag: a membership or confirmation tag is wrong.
	ErrTag = errors.New("mls: authentication tag is wrong")
	// ErrLifetime: the key package is not valid at the time given.
	ErrLifetime = errors.New("mls: key package outside its lifetime")
	// ErrNoTree: the Welcome carries no ratchet tree and none was given.
	ErrNoTree = errors.New("mls: welcome without a ratchet tree")
	// ErrInvalidTree: the ratchet tree breaks a rule of RFC 9420 §12.4.3.1.
	ErrInvalidTree = errors.New("mls: invalid ratchet tree")
	// ErrInvalidLeaf: a leaf node breaks a rule of RFC 9420 §7.3.
	ErrInvalidLeaf = errors.New("mls: invalid leaf node")
	// ErrInvalidCommit: the commit breaks a rule of RFC 9420 §12.2 or §12.4.
	ErrInvalidCommit = errors.New("mls: invalid commit")
	// ErrUnknownProposal: the commit refers to a proposal that was not received.
	ErrUnknownProposal = errors.New("mls: commit refers to an unknown proposal")
	// ErrNotForUs: the Welcome names no key package that we hold.
	ErrNotForUs = errors.New("mls: welcome is not for this key package")
	// ErrWrongGroup: the message belongs to another group.
	ErrWrongGroup = errors.New("mls: message of another group")
	// ErrOldEpoch: the message belongs to an earlier epoch than the state.
	ErrOldEpoch = errors.New("mls: message of an earlier epoch")
	// ErrFutureEpoch: the message belongs to a later epoch than the state.
	ErrFutureEpoch = errors.New("mls: message of a later epoch")
	// ErrWrongContent: the message is of another kind than the call expects.
	ErrWrongContent = errors.New("mls: message of another kind")
	// ErrUnknownSender: the sender's leaf does not exist or is blank.
	ErrUnknownSender = errors.New("mls: sender is not a member")
	// ErrOwnMessage: the message was made under our own leaf; its key is gone or is not ours to use.
	ErrOwnMessage = errors.New("mls: message from our own leaf")
	// ErrReplay: the key of this generation has been used; the message was opened before.
	ErrReplay = errors.New("mls: message was already opened")
	// ErrKeyDiscarded: the key of this generation was thrown away under the bounds on skipped keys.
	ErrKeyDiscarded = errors.New("mls: key of a late message was discarded")
	// ErrFarGeneration: the generation is too far beyond the newest one seen.
	ErrFarGeneration = errors.New("mls: generation too far ahead")
	// ErrExhausted: the ratchet has no generation left.
	ErrExhausted = errors.New("mls: no generation left in this epoch")
	// ErrRemoved: the commit removes this member.
	ErrRemoved = errors.New("mls: commit removes this member")
	// ErrUnknownPSK: a pre-shared key is needed that was not supplied.
	ErrUnknownPSK = errors.New("mls: unknown pre-shared key")
	// ErrNoValidate: a credential enters and there is no ValidateFunc to ask.
	ErrNoValidate = errors.New("mls: no function to validate a credential with")
	// ErrKeyMismatch: a private key does not belong to the public key it should.
	ErrKeyMismatch = errors.New("mls: private key does not match")
	// ErrForgotten: the Group's secrets were zeroed by Forget.
	ErrForgotten = errors.New("mls: state was forgotten")
	// ErrArgument: an argument of the caller makes no sense, such as a key of a wrong size.
	ErrArgument = errors.New("mls: invalid argument")
)
