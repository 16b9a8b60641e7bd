// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

import (
	"time"

	"clarion.chat/clarion/wire"
)

// Facts are what is known of a call at one moment, as one of its devices knows
// it. The zero value of each field is the worst it can be.
type Facts struct {
	Kind Kind
	Path Path
	// Relay is the host name of the relay in use, or of what passes a group's
	// sound on; empty with any other path, or when it is not known.
	Relay string
	// Host serves the own account; the others' stand in their handles.
	Host string
	Seal Seal
	// Verified: the certificates of this connection are those that the devices
	// of the people named here signed and committed to.
	Verified bool
	// NotYet: no connection has certificates so far, and none carries anything
	// before the devices agreed on them. With a path this is no excuse.
	NotYet     bool
	Compared   Compared
	ComparedAt time.Time
	People     []Person // all others in the call
	Program    Program  // of this device
	// PageHost serves the page of this device, in a browser.
	PageHost    string
	AlwaysRelay bool // the setting of this device
	Sends       Sends
}

// Kind is what sort of call it is.
type Kind string

// KindTwo goes from device to device; KindGroup through a server that passes
// each person's sound on to the others.
const (
	KindTwo   Kind = "two"
	KindGroup Kind = "group"
)

// Path is the way that sound and picture take.
type Path string

// Any other word is a path that is not known.
const (
	PathUnknown Path = "unknown" // not connected yet
	PathDirect  Path = "direct"
	PathRelay   Path = "relay" // at least one side's packets go through a relay
	PathSFU     Path = "sfu"   // a server that receives all and passes on
)

// Seal is by what sound and picture are sealed from end to end.
type Seal string

// Any other word is no seal. Between a device and an SFU, DTLS is none either:
// it ends there.
const (
	SealNone   Seal = "none"
	SealDTLS   Seal = "dtls"   // DTLS-SRTP, its fingerprints signed by MLS leaves
	SealFrames Seal = "frames" // each frame, under keys of the MLS group
)

// Compared is what came of reading the short code to each other.
type Compared string

// Any other word is not compared.
const (
	ComparedNot     Compared = "not_compared"
	ComparedSame    Compared = "same"
	ComparedDiffers Compared = "differs"
)

// Program is what a person uses.
type Program string

// Any other word is a program that is not known, and may be a page.
const (
	ProgramUnknown Program = "unknown"
	ProgramBrowser Program = "browser"
	ProgramNative  Program = "native"
)

// Person is somebody else in the call.
type Person struct {
	Handle    wire.Handle
	Checked   string // how, in the words of the client; see the constants
	CheckedAt time.Time
	Devices   int     // that belong to the conversation; 0 when not known
	Program   Program // as the person's own device says
}

// How a person's keys were checked, in the words of package client. Any other
// word is no check.
const (
	CheckedInvite  = "invite_link"
	CheckedDigits  = "digits"
	CheckedQR      = "qr"
	CameByLink     = "came_by_your_link"
	ChangedSince   = "changed_since_check"
	ChangedNoCheck = "changed_not_checked"
)

// Sends is what this device sends.
type Sends struct{ Audio, Video, Screen bool }

func (p *Person) checked() bool {
	return p.Checked == CheckedInvite || p.Checked == CheckedDigits || p.Checked == CheckedQR
}

// sealed reports whether only ends of the call hold the keys.
func (f *Facts) sealed() bool {
	return f.Seal == SealFrames || f.Seal == SealDTLS && f.Kind == KindTwo && f.Path != PathSFU
}

// middle reports whether somebody may stand in the middle of the call.
func (f *Facts) middle() bool { return !f.Verified && !f.waits() || f.Compared == ComparedDiffers }

// waits reports whether nothing flows yet that could be verified or not.
func (f *Facts) waits() bool { return !f.Verified && f.NotYet && f.Path == PathUnknown }

// relayed reports whether the packets pass through a machine of the call's.
func (f *Facts) relayed() bool { return f.Path == PathRelay || f.Path == PathSFU }

// native reports whether no program of the call comes from a page.
func (f *Facts) native() bool {
	for i := range f.People {
		if f.People[i].Program != ProgramNative {
			return false
		}
	}
	return f.Program == ProgramNative
}
