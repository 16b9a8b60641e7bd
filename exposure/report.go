// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

import (
	"time"

	"clarion.chat/clarion/wire"
)

// Tense says when a claim is about.
type Tense string

// The tenses. What somebody could do, a client does not see being done.
const (
	Is     Tense = "is"     // a fact of the call or of a person in it
	Sees   Tense = "sees"   // learns it now, and could record it
	Holds  Tense = "holds"  // has it stored
	Could  Tense = "could"  // could do it, or be made to, from now on
	Cannot Tense = "cannot" // does not learn it, or cannot do it
)

// Claim is one sentence, which Sentence and the page's catalogue have words
// for, and the test that fails when it is not true any more.
type Claim struct {
	Code  string
	Args  Args
	Tense Tense
	Warns bool   // it says that somebody may hear or see more than a person would think
	Test  string // package.TestName, or file.spec.ts: beginning of a title
}

// Args are what a sentence mentions; which of them is up to its code.
type Args struct {
	Who   string    // a handle, or empty
	Host  string    // a host name, or empty
	Count int       // of people or devices
	Some  int       // of Count
	At    time.Time // a day; zero when not known
}

// Role is the part that somebody has in what happens.
type Role string

// The roles. A stranger is in no call; Table speaks of strangers.
const (
	RolePeer     Role = "peer"
	RoleHost     Role = "host"  // the server of an account
	RoleRelay    Role = "relay" // the relay, or the SFU
	RoleNetwork  Role = "network"
	RolePage     Role = "page" // whoever serves the page
	RoleStranger Role = "stranger"
)

// Participant is a person of the call, and what is known of them.
type Participant struct {
	Handle wire.Handle
	Claims []Claim // the first says how they were checked
}

// Onlooker is a party, and what it can and cannot see.
type Onlooker struct {
	Role   Role
	Name   string // a handle or a host name; empty when not known
	Claims []Claim
}

// Report answers "Who could hear this call?".
type Report struct {
	Headline  Claim // the conclusion
	Path      Claim
	Lines     []Claim // how it is sealed, and the short code
	People    []Participant
	Onlookers []Onlooker // those of RolePage last; they are to be shown whenever the headline is
}

// Of says who could hear a call.
func Of(f Facts) Report {
	r := Report{Headline: f.headline(), Path: f.path(), Lines: f.lines()}
	for i := range f.People {
		r.People = append(r.People, f.People[i].participant())
	}
	r.Onlookers = f.onlookers()
	return r
}

func (f *Facts) headline() Claim {
	unchecked, changed, who := 0, 0, ""
	for i := range f.People {
		switch p := &f.People[i]; {
		case p.Checked == ChangedSince:
			changed++
			who = p.Handle.String()
		case !p.checked():
			unchecked++
		}
	}
	all := Args{Count: len(f.People) + 1, Some: unchecked}
	switch {
	case !f.sealed() && f.relayed() && f.Relay != "":
		return say("headline_open_relay", Is, Args{Host: f.Relay})
	case !f.sealed():
		return say("headline_open", Is, Args{})
	case !f.Verified && !f.waits():
		return say("headline_middle_keys", Is, Args{})
	case f.middle():
		return say("headline_middle_code", Is, Args{})
	case changed == 1:
		return say("headline_changed", Is, Args{Who: who})
	case changed > 1:
		return say("headline_changed_some", Is, Args{Count: all.Count, Some: changed})
	case len(f.People) == 0:
		return say("headline_nobody", Is, Args{})
	case len(f.People) == 1:
		return f.headlineOfTwo(unchecked == 0)
	case unchecked == 1:
		return say("headline_group_one", Is, all)
	case unchecked > 1:
		return say("headline_group_some", Is, all)
	case f.native():
		return say("headline_only_group", Is, all)
	}
	return say("headline_group", Is, all)
}

// headlineOfTwo says "only" of programs that no page brought.
func (f *Facts) headlineOfTwo(checked bool) Claim {
	a := Args{Who: f.People[0].Handle.String()}
	switch {
	case !checked && f.Compared == ComparedSame && f.Kind == KindTwo:
		return say("headline_two_code", Is, a)
	case !checked:
		return say("headline_two_unchecked", Is, a)
	case f.native():
		return say("headline_only_two", Is, a)
	}
	return say("headline_two", Is, a)
}

func (f *Facts) path() Claim {
	switch {
	case f.relayed() && f.Relay == "":
		return say("path_unnamed", Is, Args{})
	case f.Path == PathRelay:
		return say("path_relay", Is, Args{Host: f.Relay})
	case f.Path == PathSFU:
		return say("path_sfu", Is, Args{Host: f.Relay})
	case f.Path == PathDirect:
		return say("path_direct", Is, Args{})
	}
	return say("path_unknown", Is, Args{})
}

func (f *Facts) lines() []Claim {
	seal := "seal_none"
	switch {
	case !f.sealed():
	case f.middle():
		seal = "seal_unknown"
	case f.waits():
		seal = "seal_not_yet"
	case f.Seal == SealFrames:
		seal = "seal_frames"
	default:
		seal = "seal_dtls"
	}
	all := []Claim{say(seal, Is, Args{})}
	switch {
	case f.Compared == ComparedDiffers:
		all = append(all, say("code_differs", Is, Args{At: f.ComparedAt}))
	case f.Kind != KindTwo: // the short code is between two
	case f.Compared == ComparedSame:
		all = append(all, say("code_same", Is, Args{At: f.ComparedAt}))
	case f.waits(): // there is no code to read
	default:
		all = append(all, say("code_not_compared", Is, Args{}))
	}
	return all
}

func (p *Person) participant() Participant {
	code := "person_not_checked"
	switch p.Checked {
	case CheckedInvite, CheckedDigits, CheckedQR, CameByLink, ChangedSince, ChangedNoCheck:
		code = "person_" + p.Checked
	}
	a := Args{Who: p.Handle.String()}
	all := []Claim{say(code, Is, Args{Who: a.Who, At: p.CheckedAt})}
	if p.Devices == 1 {
		all = append(all, say("person_device", Is, a))
	} else if p.Devices > 1 {
		all = append(all, say("person_devices", Is, Args{Who: a.Who, Count: p.Devices}))
	}
	switch p.Program {
	case ProgramBrowser:
		all = append(all, say("person_browser", Is, a))
	case ProgramNative:
		all = append(all, say("person_native", Is, a))
	}
	return Participant{Handle: p.Handle, Claims: all}
}

func say(code string, t Tense, a Args) Claim {
	c := Claim{Code: code, Args: a, Tense: t}
	c.Test, c.Warns = proofOf(code)
	return c
}
