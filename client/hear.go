// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"time"

	"clarion.chat/clarion/exposure"
)

// CallFacts are what a media engine knows of its own connection, and what its
// program is. The rest of who could hear the core knows.
type CallFacts struct {
	Path        string // "direct" or "relay"; anything else is not known
	Relay       string // host name of the relay in use; empty: not known, or none
	Browser     bool   // this program is a page
	PageHost    string // whoever serves the page
	AlwaysRelay bool
	Sends       CallMedia
}

// CompareCode notes what came of reading the short code of a call's present
// round to each other. It counts until the round or the call ends.
func (c *Client) CompareCode(ctx context.Context, call string, same bool) error {
	return c.withAccount(ctx, func() error {
		k, err := c.callByID(call)
		if err != nil {
			return err
		}
		if k.code == "" {
			return fail(FailNotCompared, nil)
		}
		k.compared, k.comparedAt = exposure.ComparedDiffers, c.now()
		if same {
			k.compared = exposure.ComparedSame
		}
		c.tell(CallChanged{Call: k.public()})
		return nil
	})
}

// WhoCouldHear says who could hear a call of a conversation of two: one that is
// on, or, when call is empty, one that would begin now.
func (c *Client) WhoCouldHear(ctx context.Context, conversation, call string, f CallFacts) (r exposure.Report, err error) {
	err = c.withAccount(ctx, func() error {
		v, err := c.byID(conversation)
		if err != nil {
			return err
		}
		facts := exposure.Facts{
			Kind: exposure.KindTwo, Path: exposure.PathUnknown, Host: c.self.Handle.Host, Seal: exposure.SealDTLS, NotYet: true,
			Compared: exposure.ComparedNot, People: []exposure.Person{c.exposedPerson(v)}, Program: exposure.ProgramNative,
			AlwaysRelay: f.AlwaysRelay, Sends: exposure.Sends(f.Sends),
		}
		if f.Path == string(exposure.PathDirect) || f.Path == string(exposure.PathRelay) {
			facts.Path = exposure.Path(f.Path)
		}
		if facts.Path == exposure.PathRelay {
			facts.Relay = f.Relay
		}
		if f.Browser {
			facts.Program, facts.PageHost = exposure.ProgramBrowser, f.PageHost
		}
		if call != "" {
			k, err := c.callByID(call)
			if err != nil {
				return err
			}
			// Before both have revealed, no description was believed and nothing flows.
			facts.Verified, facts.NotYet = k.round.known, !k.round.known
			if k.compared != "" {
				facts.Compared, facts.ComparedAt = k.compared, k.comparedAt
			}
		}
		r = exposure.Of(facts)
		return nil
	})
	return r, err
}

// exposedPerson is the other person of a conversation of two.
func (c *Client) exposedPerson(v *conversation) exposure.Person {
	p := exposure.Person{Handle: v.peer(c.self.Handle), Program: exposure.ProgramUnknown}
	for i := range v.Members {
		if v.Members[i].Handle == p.Handle {
			p.Devices++
		}
	}
	if known := c.contacts[p.Handle]; known != nil {
		p.Checked, p.CheckedAt = known.How, time.Unix(known.CheckedAt, 0).UTC()
	}
	return p
}
