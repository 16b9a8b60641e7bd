// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

import (
	"strings"
	"time"

	"clarion.chat/clarion/wire"
)

var day = time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)

const relay, own, other = "relay.example", "own.example", "other.example"

func checks() []string {
	return []string{CheckedInvite, CheckedDigits, CheckedQR, CameByLink, ChangedSince, ChangedNoCheck, "", "a way of a later core"}
}

func programs() []Program { return []Program{ProgramNative, ""} }

// companies are the people that a call is tried with.
func companies() [][]Person {
	all := [][]Person{nil}
	omar, lin := wire.Handle{Name: "omar", Host: other}, wire.Handle{Name: "lin", Host: own}
	for _, how := range checks() {
		for _, program := range programs() {
			all = append(all, []Person{{Handle: omar, Checked: how, CheckedAt: day, Devices: 1, Program: program}})
		}
		for _, second := range []string{CheckedDigits, ChangedSince, ""} {
			all = append(all, []Person{
				{Handle: omar, Checked: how, CheckedAt: day, Devices: 2, Program: ProgramNative},
				{Handle: lin, Checked: second, CheckedAt: day, Program: ProgramNative},
			})
		}
	}
	return all
}

// every calls f with each combination of facts.
func every(f func(Facts)) {
	people := companies()
	for _, path := range []Path{PathUnknown, PathDirect, PathRelay, PathSFU} {
		for _, seal := range []Seal{SealNone, SealDTLS, SealFrames} {
			for _, compared := range []Compared{ComparedNot, ComparedSame, ComparedDiffers} {
				for _, program := range programs() {
					for bits := range 16 {
						for _, p := range people {
							facts := Facts{Kind: KindTwo, Path: path, Seal: seal, Compared: compared, ComparedAt: day, Program: program, Host: own,
								People: p, Verified: bits&1 > 0, AlwaysRelay: bits&2 > 0, Sends: Sends{Audio: true, Screen: true}}
							if bits&4 > 0 {
								facts.Relay = relay
							}
							if bits&8 > 0 {
								facts.Kind = KindGroup
							}
							f(facts)
							if !facts.Verified && (path == PathUnknown || path == PathDirect) {
								facts.NotYet = true
								f(facts)
							}
						}
					}
				}
			}
		}
	}
}

// claims lists all that a report says, each with the place it stands in.
func (r *Report) claims(f func(place string, c Claim)) {
	f("headline", r.Headline)
	f("path", r.Path)
	for _, c := range r.Lines {
		f("lines", c)
	}
	for _, p := range r.People {
		for _, c := range p.Claims {
			f(p.Handle.Name, c)
		}
	}
	for _, o := range r.Onlookers {
		for _, c := range o.Claims {
			f(string(o.Role)+" "+o.Name, c)
		}
	}
}

func (r *Report) has(code string) bool {
	found := false
	r.claims(func(_ string, c Claim) { found = found || c.Code == code })
	return found
}

// warnings are what the report warns of: place and subject, without how bad it is.
func (r *Report) warnings() map[string]bool {
	all := map[string]bool{}
	r.claims(func(place string, c Claim) {
		if !c.Warns {
			return
		}
		subject := c.Code
		switch {
		case place == "headline":
			subject = ""
		case strings.HasPrefix(subject, "person_"), strings.HasPrefix(subject, "seal_"):
			subject, _, _ = strings.Cut(subject, "_")
		case strings.HasSuffix(subject, "_hears"), strings.HasSuffix(subject, "_could_hear"):
			subject = "hear"
		case strings.HasPrefix(subject, "peer_address"):
			subject = "address"
		}
		all[place+" "+subject] = true
	})
	return all
}
