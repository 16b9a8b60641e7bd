// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// Who was brought into a conversation and never said anything may not know of
// it: the introduction was deleted unread, or went to a device that was lost
// before it took it. Nobody can ask for what they never heard of, so here it is
// the inviter's device that looks.

// ProblemLapsed: nothing was ever heard from somebody, and the server has
// deleted what told them of the conversation.
const ProblemLapsed = "introduction_lapsed"

// unheardPace is how often this device looks after people never heard from.
const unheardPace = time.Hour

// lapsedFor says who was never heard from.
func lapsedFor(v *conversation, h wire.Handle) *Failure {
	f := namedFailure(ProblemLapsed)
	f.Text = fmt.Sprintf("nothing was ever heard from %s, and the server has deleted what told them of this conversation", h)
	f.Hint = fmt.Sprintf("they may have been away for longer than the server keeps it, or may not want to answer; `clarion accept %s` asks once more", h)
	if !v.Direct {
		f.Hint = fmt.Sprintf("they may have been away for longer than the server keeps it, or may not want to come; `clarion group add %s %s` asks once more", v.ID, h)
	}
	return f
}

// lapsed reports whether a person's introduction is gone and they never spoke.
func (v *conversation) lapsed(h wire.Handle) bool {
	return !v.heard(h) && slices.ContainsFunc(v.Members, func(m memberState) bool { return m.Handle == h && m.Lapsed && !m.Leaving })
}

// strayed reports whether a person never heard from has a leaf of a device that
// the directory does not name.
func (v *conversation) strayed(a *keydir.Account) bool {
	h := a.Newest.Handle
	return v.in(h) && !v.heard(h) && slices.ContainsFunc(v.Members, func(m memberState) bool {
		return m.Handle == h && !a.Newest.HasDevice(m.Device)
	})
}

// noteLapsed tells, once each, whose introduction the server has deleted while
// nothing was heard from them, and forgets the introductions that were answered.
func (c *Client) noteLapsed(ctx context.Context) error {
	newest := map[string]int64{}
	sent := map[string]outgoing{}
	to := func(o *outgoing) string { return o.Conversation.String() + o.To.String() }
	err := scan(ctx, c.vault, "intro/", func(key string, b []byte) error {
		var o outgoing
		if err := wire.Unmarshal(b, &o); err != nil {
			return fail(FailVault, err)
		}
		switch {
		case !o.Welcome:
		case o.Sent:
			sent[key] = o
			newest[to(&o)] = max(newest[to(&o)], o.SentAt)
		default:
			newest[to(&o)] = c.now().Unix() // on its way
		}
		return nil
	})
	if err != nil || len(sent) == 0 {
		return err
	}
	s, err := c.directoryDoor(ctx)
	if err != nil {
		return err
	}
	limit := c.now().Unix() - (int64(s.hello.Keep)*24+1)*3600 // its hour is rounded
	var ch change
	for key, o := range sent {
		v := c.convs[o.Conversation]
		switch {
		case v == nil || !v.in(o.To) || v.heard(o.To) || c.contacts[o.To].blocked():
			ch.drop(key)
		case o.SentAt >= limit || v.obstacle() != "":
		default:
			ch.drop(key)
			if newest[to(&o)] > o.SentAt {
				continue // asked once more since
			}
			for i := range v.Members {
				v.Members[i].Lapsed = v.Members[i].Lapsed || v.Members[i].Handle == o.To
			}
			v.save(&ch)
			ch.tell(c.problem(v.ID.String(), v.Seq, lapsedFor(v, o.To)))
		}
	}
	return c.commit(ctx, &ch)
}

// tendUnheard looks, at most once in unheardPace, after people who were never
// heard from. Where the directory says that the leaf's device is no longer one
// of an accepted contact's, it is replaced by one that is: once for each device
// that they lose, so nobody is asked twice who does not want to answer.
func (c *Client) tendUnheard(ctx context.Context) error {
	if c.now().Before(c.unheardAt) {
		return nil
	}
	c.unheardAt = c.now().Add(unheardPace)
	if err := c.noteLapsed(ctx); err != nil {
		return err
	}
	for _, v := range c.sorted() {
		for _, h := range v.handles() {
			if v.obstacle() != "" || h == c.self.Handle || v.heard(h) || !v.in(h) || !c.contacts[h].accepted() {
				continue
			}
			a, err := c.lookUp(ctx, h)
			if err == nil && v.strayed(a) {
				err = c.replaceUnheard(ctx, v, a, [32]byte{})
			}
			if unreachable(err) || refusedWith(err, wire.CodeRateLimited) {
				return err
			}
		}
	}
	return nil
}

// replaceUnheard replaces, by one commit, the leaves of a person that the
// directory does not name, and that of device; their devices get a Welcome, and
// what waits for them is sent again.
func (c *Client) replaceUnheard(ctx context.Context, v *conversation, a *keydir.Account, device [32]byte) error {
	err := c.changeGroup(ctx, v, func(ctx context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
		if v.heard(a.Newest.Handle) {
			return nil, nil, nil, errNothingToCommit
		}
		return c.planAddBack(ctx, v, &introduction{Device: device, Epoch: v.Epoch}, a)
	})
	if err != nil {
		return err
	}
	return c.flushUnheld(ctx, v)
}

// askOnceMore is replaceUnheard by a person's own act, where it can help: false
// means that the person was heard from, or may still find the introduction.
func (c *Client) askOnceMore(ctx context.Context, v *conversation, h wire.Handle) (bool, error) {
	if v.Status != statusActive || !v.in(h) || v.heard(h) {
		return false, nil
	}
	if err := c.catchUp(ctx, v); err != nil {
		return false, err
	}
	if err := c.noteLapsed(ctx); err != nil {
		return false, err
	}
	a, err := c.lookUp(ctx, h)
	if err != nil {
		return false, err
	}
	var device [32]byte
	for _, m := range v.Members {
		if m.Handle == h && m.Lapsed {
			device = m.Device
		}
	}
	if !v.lapsed(h) && !v.strayed(a) {
		return false, nil
	}
	return true, c.replaceUnheard(ctx, v, a, device)
}
