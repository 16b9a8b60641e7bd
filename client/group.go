// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// checkName holds a group's name to what a person can read: 1 to 100
// characters, none of which controls a terminal or turns the text around; and
// not a person's handle, since that names the conversation with the person.
func checkName(name string, direct bool) error {
	if direct && name == "" {
		return nil
	}
	n := utf8.RuneCountInString(name)
	if n < 1 || n > maxNameRunes || len(name) > maxNameBytes || !utf8.ValidString(name) {
		return fail(FailName, nil)
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return fail(FailName, nil)
		}
	}
	if _, err := wire.ParseHandle(strings.ToLower(strings.TrimSpace(name)), ""); err == nil && strings.Contains(name, "@") {
		return looksLikeHandle()
	}
	return nil
}

// checkOwnName is checkName for a group that this device makes: a bare name of
// a contact, or one's own, would name the person too.
func (c *Client) checkOwnName(name string) error {
	if err := checkName(name, false); err != nil {
		return err
	}
	h, err := wire.ParseHandle(strings.ToLower(strings.TrimSpace(name)), c.self.Handle.Host)
	if err == nil && (h == c.self.Handle || c.contacts[h] != nil) {
		return looksLikeHandle()
	}
	return nil
}

func looksLikeHandle() *Failure {
	return &Failure{Code: FailName, Text: "a conversation's name must not be a person's handle or name", Hint: "choose another name"}
}

// founding is what a new MLS group starts from.
type founding struct {
	packages    [][]byte
	invitees    []invitee
	incarnation wire.Incarnation
}

// gather takes the key packages of people for a new group.
func (c *Client) gather(ctx context.Context, accounts []*keydir.Account) (*founding, error) {
	s, err := c.directoryDoor(ctx)
	if err != nil {
		return nil, err
	}
	f := &founding{incarnation: s.hello.Incarnation}
	for _, a := range accounts {
		packages, err := c.takePackages(ctx, a)
		if err != nil {
			return nil, err
		}
		f.packages = append(f.packages, packages...)
		f.invitees = append(f.invitees, *inviteeOf(a))
	}
	return f, nil
}

// found makes a new MLS group with all members in its first commit, and the
// conversation's mailbox address. Nothing has left yet; the Welcomes are queued
// in ch. v brings id, name and what a predecessor leaves.
func (c *Client) found(ch *change, v *conversation, f *founding) error {
	groupID := make([]byte, 32)
	if err := c.random(groupID); err != nil {
		return err
	}
	if err := c.random(v.Mailbox[:]); err != nil {
		return err
	}
	now := uint64(c.now().Unix())
	g, err := mls.Create(c.rand, groupID, c.self.deviceKey(), c.self.Certificate, now-uint64(clockSlack.Seconds()), now+uint64(packageLife.Seconds()))
	if err != nil {
		return err
	}
	_, welcome, next, err := g.Commit(c.rand, mls.CommitOptions{Add: f.packages, Now: now, Validate: c.validator(), Pad: wire.SizeClass})
	g.Forget()
	if err != nil {
		return err
	}
	if len(welcome) > wire.MaxBody/2 { // with what the introduction adds it must stay an envelope
		next.Forget()
		return wire.Refuse(wire.CodeTooLarge)
	}
	v.Status, v.Created, v.Alarm, v.Moves, v.Pending, v.Acked, v.Healing, v.Passes = statusActive, false, "", 0, nil, nil, nil, nil
	v.Renew, v.Lacks = false, false
	v.Keep, v.Incarnation = cmp.Or(v.Keep, wire.DefaultKeep), f.incarnation
	if v.Anew > 0 {
		v.dropRaws(ch)
		v.newMailbox(v.Seq)
	}
	v.Base, v.Start, v.Chain = v.Seq, v.Seq, initialChain(v.ID)
	v.Members = nil
	if err := c.adopt(v, next, v.Seq, nil); err != nil {
		return err
	}
	v.BaseEpoch = v.Epoch
	ch.put(v.rawRecord(v.Start), &raw{Chain: v.Chain, Envelope: wire.Envelope{EnvelopeKind: wire.KindMessage}})
	for i := range f.invitees {
		if err := c.queueWelcome(ch, v, &f.invitees[i], welcome, v.Seq, v.Chain); err != nil {
			return err
		}
	}
	c.convs[v.ID] = v
	v.save(ch)
	c.blobBehind(ch)
	return nil
}

// startDirect opens a one-to-one conversation; with the secret of an invite
// link its maker is checked, and a refused link undoes everything.
func (c *Client) startDirect(ctx context.Context, a *keydir.Account, secret *[32]byte) (*conversation, error) {
	f, err := c.gather(ctx, []*keydir.Account{a})
	if err != nil {
		return nil, err
	}
	v := &conversation{Direct: true}
	if err := c.random(v.ID[:]); err != nil {
		return nil, err
	}
	var ch change
	n := contact{Handle: a.Newest.Handle}
	before := c.contacts[n.Handle]
	if before != nil {
		n = *before
	}
	n.State, n.Identity, n.Conversation = string(ContactAccepted), a.Newest.IdentityKey, v.ID // lookUp has told of another key
	if secret != nil {
		n.How, n.CheckedAt = CheckedInviteLink, c.now().Unix()
		f.invitees[0].Secret, f.invitees[0].Token = *secret, inviteToken(*secret)
	}
	if err := c.found(&ch, v, f); err != nil {
		return nil, err
	}
	c.putContact(&ch, &n)
	v.addLine(&ch, KindJoined, Line{Seq: v.Seq, At: c.now(), Name: n.Handle.String(), Members: v.handles()})
	v.save(&ch)
	if err := c.commit(ctx, &ch); err != nil {
		return nil, err
	}
	err = c.ensureMailbox(ctx, v)
	if err == nil {
		err = c.sendIntroductions(ctx)
	}
	if refusedWith(err, wire.CodeInviteUsed, wire.CodeInviteExpired, wire.CodeInviteInvalid) {
		if undo := c.undoDirect(ctx, v, before, n.Handle); undo != nil {
			return nil, undo
		}
		return nil, err
	}
	if err != nil && !unreachable(err) {
		return nil, err
	}
	return v, nil
}

// undoDirect takes back a conversation that nobody was told of.
func (c *Client) undoDirect(ctx context.Context, v *conversation, before *contact, h wire.Handle) error {
	var ch change
	ch.drop(v.record())
	ch.drop(v.groupRecord())
	ch.drop(v.rawRecord(v.Start))
	for _, kind := range []string{"hist/", "at/"} {
		err := scan(ctx, c.vault, kind+v.ID.String()+"/", func(key string, _ []byte) error { ch.drop(key); return nil })
		if err != nil {
			return fail(FailVault, err)
		}
	}
	delete(c.convs, v.ID)
	if before != nil {
		c.putContact(&ch, before)
	} else {
		ch.drop(c.record("contact", h))
		delete(c.contacts, h)
	}
	return c.commit(ctx, &ch)
}

// NewGroup founds a group. Its name is known to its members only; people who
// do not know us see a contact request.
func (c *Client) NewGroup(ctx context.Context, name string, handles []string) (out Conversation, err error) {
	err = c.withAccount(ctx, func() error {
		if err := c.checkOwnName(name); err != nil {
			return err
		}
		accounts, err := c.people(ctx, handles)
		if err != nil {
			return err
		}
		if len(accounts) == 0 {
			return fail(FailNoOtherMember, nil)
		}
		f, err := c.gather(ctx, accounts)
		if err != nil {
			return err
		}
		v := &conversation{Name: name}
		if err := c.random(v.ID[:]); err != nil {
			return err
		}
		var ch change
		if err := c.found(&ch, v, f); err != nil {
			return err
		}
		v.addLine(&ch, KindNamed, Line{Seq: v.Seq, At: c.now(), By: c.self.Handle, Name: name, Members: v.handles()})
		v.save(&ch)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		err = c.ensureMailbox(ctx, v)
		if err == nil {
			err = c.sendIntroductions(ctx)
		}
		if err != nil && !unreachable(err) {
			return err
		}
		out = c.public(v)
		c.tryUpkeep(ctx)
		return nil
	})
	return out, err
}

// people looks up handles, each once, without oneself.
func (c *Client) people(ctx context.Context, handles []string) ([]*keydir.Account, error) {
	var list []wire.Handle
	for _, text := range handles {
		h, err := wire.ParseHandle(text, c.self.Handle.Host)
		if err != nil {
			return nil, fail(FailHandle, err)
		}
		if c.contacts[h].blocked() {
			return nil, fail(FailBlocked, nil)
		}
		if h != c.self.Handle && !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	var accounts []*keydir.Account
	for _, h := range list {
		a, err := c.lookUp(ctx, h)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}

// AddMember brings a person into a group. One who is in it, was never heard from
// and cannot know of it any more is asked once more; else already_a_member.
func (c *Client) AddMember(ctx context.Context, id, handle string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.groupByID(id)
		if err != nil {
			return err
		}
		accounts, err := c.people(ctx, []string{handle})
		if err != nil {
			return err
		}
		if len(accounts) == 0 {
			return fail(FailAlreadyMember, nil)
		}
		if h := accounts[0].Newest.Handle; v.in(h) {
			again, err := c.askOnceMore(ctx, v, h)
			if err == nil && !again {
				err = fail(FailAlreadyMember, nil)
			}
			return err
		}
		err = c.changeGroup(ctx, v, func(ctx context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
			if v.in(accounts[0].Newest.Handle) {
				return nil, nil, nil, errNothingToCommit
			}
			f, err := c.gather(ctx, accounts)
			if err != nil {
				return nil, nil, nil, err
			}
			return f.packages, nil, f.invitees, nil
		})
		c.tryUpkeep(ctx)
		return err
	})
}

// RemoveMember takes a person's devices out of a group. From that commit on
// they can neither read nor write there.
func (c *Client) RemoveMember(ctx context.Context, id, handle string) error {
	return c.withAccount(ctx, func() error {
		v, err := c.groupByID(id)
		if err != nil {
			return err
		}
		h, err := wire.ParseHandle(handle, c.self.Handle.Host)
		if err != nil {
			return fail(FailHandle, err)
		}
		if h == c.self.Handle {
			return &Failure{Code: FailOneself, Text: "nobody can remove themselves", Hint: "`clarion leave CONVERSATION` ends your own part"}
		}
		if !v.knows(h) {
			return fail(FailNotMember, nil)
		}
		err = c.changeGroup(ctx, v, func(_ context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
			remove := leavesOf(v, h, nil)
			if len(remove) == 0 {
				return nil, nil, nil, errNothingToCommit
			}
			return nil, remove, nil, nil
		})
		c.tryUpkeep(ctx)
		return err
	})
}

func (c *Client) groupByID(id string) (*conversation, error) {
	v, err := c.byID(id)
	if err == nil && v.Direct {
		return nil, &Failure{Code: "not_a_group", Text: "this is a conversation of two", Hint: "make a group with `clarion group new NAME HANDLE…`"}
	}
	return v, err
}

// leavesOf lists a person's leaves, only those that dead names unless it is nil.
func leavesOf(v *conversation, h wire.Handle, dead func(memberState) bool) []mls.LeafIndex {
	var list []mls.LeafIndex
	for _, m := range v.Members {
		if m.Handle == h && (dead == nil || dead(m)) {
			list = append(list, mls.LeafIndex(m.Leaf))
		}
	}
	return list
}
