// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// link is what stands in an invite link's fragment: who made it, the hash of
// their identity key, when it ends, and a secret that only this link holds.
type link struct {
	Handle      wire.Handle
	Fingerprint [32]byte
	Expires     int64
	Secret      [32]byte
}

// linkBytes is the part of a link behind the name.
type linkBytes struct{ *link }

// Fields describes the value.
func (l linkBytes) Fields(c *wire.Coder) {
	version := uint8(1)
	c.U8(&version)
	if version != 1 {
		c.Fail(wire.ErrMalformed)
	}
	c.Fixed(l.Fingerprint[:])
	c.I64(&l.Expires)
	c.Fixed(l.Secret[:])
}

func (l *link) url(scheme string) string {
	return scheme + "://" + l.Handle.Host + "/i#" + l.Handle.Name + "/" + base64.RawURLEncoding.EncodeToString(wire.MustMarshal(linkBytes{l}))
}

// isLink reports whether a text is meant as a link.
func isLink(s string) bool { return strings.Contains(s, "://") || strings.Contains(s, "/i#") }

// parseLink reads what url made.
func parseLink(s string) (*link, error) {
	a, rest, ok := splitURL(s)
	fragment, isInvite := strings.CutPrefix(rest, "/i#")
	name, rest, found := strings.Cut(fragment, "/")
	if !ok || !isInvite || !found {
		return nil, fail(FailLink, nil)
	}
	l := &link{Handle: wire.Handle{Name: name, Host: a.host}}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil || !wire.ValidName(name) || !wire.ValidHost(l.Handle.Host) {
		return nil, fail(FailLink, err)
	}
	if err := wire.Unmarshal(b, linkBytes{l}); err != nil {
		return nil, fail(FailLink, err)
	}
	return l, nil
}

// inviteToken is what the opener shows the server, whose hash the maker laid
// into the inbox. Neither tells the secret.
func inviteToken(secret [32]byte) [32]byte {
	return [32]byte(derive(secret[:], "clarion invite token v1", 32))
}

func inviteID(secret [32]byte) [16]byte {
	return [16]byte(derive(secret[:], "clarion invite id v1", 16))
}

// madeInvite is the maker's memory of a link.
type madeInvite struct {
	Secret  [32]byte
	Expires int64
	UsedBy  string // handle, or empty
}

// Fields describes the record.
func (m *madeInvite) Fields(c *wire.Coder) {
	c.Fixed(m.Secret[:])
	c.I64(&m.Expires)
	c.String(&m.UsedBy, wire.MaxName+1+wire.MaxHost)
}

func inviteRecord(id [16]byte) string { return "invite/" + hex.EncodeToString(id[:]) }

// Invite makes a one-time link that is good for 1 to 30 days. It needs the
// server, which refuses the link's second use.
func (c *Client) Invite(ctx context.Context, days int) (inv Invite, err error) {
	err = c.withAccount(ctx, func() error {
		if days < 1 || days > wire.MaxKeep {
			return &Failure{Code: "days_invalid", Text: "an invite link is good for 1 to 30 days", Hint: "choose a number in that range"}
		}
		l := &link{Handle: c.self.Handle, Expires: c.now().Add(time.Duration(days) * 24 * time.Hour).Unix()}
		l.Fingerprint = sha256.Sum256(ptr(c.self.identityPublic())[:])
		if err := c.random(l.Secret[:]); err != nil {
			return err
		}
		var ch change
		ch.put(inviteRecord(inviteID(l.Secret)), &madeInvite{Secret: l.Secret, Expires: l.Expires})
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		token := inviteToken(l.Secret)
		if err := c.putInvite(ctx, sha256.Sum256(token[:]), uint8(days)); err != nil {
			return err
		}
		scheme, _, _ := strings.Cut(c.self.Server, "://")
		inv = Invite{Link: l.url(scheme), Expires: time.Unix(l.Expires, 0).UTC()}
		return nil
	})
	return inv, err
}

func ptr[T any](v T) *T { return &v }

func (c *Client) putInvite(ctx context.Context, hash [32]byte, days uint8) error {
	in, box, err := c.ownInbox()
	if err != nil {
		return err
	}
	s, err := c.inboxDoor(ctx)
	if err != nil {
		return err
	}
	put := &wire.PutInvite{Inbox: box, Pass: in.pass, TokenHash: hash, Days: days}
	_, err = ask[*wire.Done](ctx, s, put)
	if refusedWith(err, wire.CodeNoMailbox) { // a restored server may not have the account yet
		if err := c.upkeep(ctx); err != nil {
			return err
		}
		_, err = ask[*wire.Done](ctx, s, put)
	}
	return err
}

// redeem checks that an introduction was made with one of our links. The link
// is then used; a second person with it is an ordinary contact request.
func (c *Client) redeem(ctx context.Context, ch *change, i *introduction, a *keydir.Account) (bool, error) {
	if i.InviteID == ([16]byte{}) {
		return false, nil
	}
	var m madeInvite
	found, err := get(ctx, c.vault, inviteRecord(i.InviteID), &m)
	if err != nil || !found {
		return false, err
	}
	from := a.Newest.Handle
	want := inviteProof(m.Secret, a.Newest.IdentityKey, from, i.Conversation)
	if !hmac.Equal(want[:], i.Proof[:]) || c.now().Unix() > m.Expires+int64(maxSkew/time.Second) {
		return false, nil
	}
	if m.UsedBy != "" && m.UsedBy != from.String() {
		return false, nil
	}
	m.UsedBy = from.String()
	ch.put(inviteRecord(i.InviteID), &m)
	return true, nil
}

// Accept opens a conversation: by an invite link, which also checks its maker;
// by answering a contact request; or with a bare handle, which arrives at the
// other side as a contact request.
func (c *Client) Accept(ctx context.Context, linkOrHandle string) (out Conversation, err error) {
	err = c.withAccount(ctx, func() error {
		var v *conversation
		var err error
		if isLink(linkOrHandle) {
			v, err = c.acceptLink(ctx, linkOrHandle)
		} else {
			v, err = c.acceptHandle(ctx, linkOrHandle)
		}
		if err != nil {
			return err
		}
		out = c.public(v)
		c.tryUpkeep(ctx)
		return nil
	})
	return out, err
}

func (c *Client) acceptLink(ctx context.Context, text string) (*conversation, error) {
	l, err := parseLink(text)
	if err != nil {
		return nil, err
	}
	if l.Handle.Host != c.self.Handle.Host {
		return nil, fail(FailOtherHost, nil)
	}
	if l.Handle == c.self.Handle {
		return nil, &Failure{Code: FailLink, Text: "this is your own invite link", Hint: "hand it to somebody else"}
	}
	if c.now().Unix() > l.Expires {
		return nil, wire.Refuse(wire.CodeInviteExpired)
	}
	a, err := c.lookUp(ctx, l.Handle)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(a.Newest.IdentityKey[:]) != l.Fingerprint {
		return nil, fail(FailIdentity, nil)
	}
	if p := c.contacts[l.Handle]; p.accepted() && c.convs[p.Conversation] != nil {
		var ch change
		n := *p
		n.How, n.CheckedAt, n.Identity = CheckedInviteLink, c.now().Unix(), a.Newest.IdentityKey
		c.putContact(&ch, &n)
		v := c.convs[p.Conversation]
		if err := c.commit(ctx, &ch); err != nil || v.heard(l.Handle) {
			return v, err
		}
		// Nothing ever came from there: the introduction may have been lost with
		// a device, or deleted unread. Whoever hands out another link waits.
		if err := c.foundAgainBy(ctx, v, &l.Secret); err != nil {
			return v, err
		}
		return v, c.settleFailure(c.flush(ctx, v))
	}
	return c.startDirect(ctx, a, &l.Secret)
}

func (c *Client) acceptHandle(ctx context.Context, text string) (*conversation, error) {
	h, err := wire.ParseHandle(text, c.self.Handle.Host)
	if err != nil {
		return nil, fail(FailHandle, err)
	}
	if h == c.self.Handle {
		return nil, &Failure{Code: FailOneself, Text: "this is your own handle", Hint: "name another person, or hand a link of `clarion invite` to one"}
	}
	if h.Host != c.self.Handle.Host {
		return nil, fail(FailOtherHost, nil)
	}
	var r request
	found, err := get(ctx, c.vault, c.record("req", h), &r)
	if err != nil {
		return nil, err
	}
	if found {
		return c.acceptRequest(ctx, h, &r)
	}
	if p := c.contacts[h]; p != nil && c.convs[p.Conversation] != nil {
		var ch change
		n := *p
		n.State = string(ContactAccepted)
		c.putContact(&ch, &n)
		v := c.convs[p.Conversation]
		if err := c.commit(ctx, &ch); err != nil {
			return v, err
		}
		if v.Status != statusAwaiting {
			_, err := c.askOnceMore(ctx, v, h)
			return v, c.settleFailure(err)
		}
		return v, c.foundAgain(ctx, v) // whoever asks by hand does not want to wait any more
	}
	a, err := c.lookUp(ctx, h)
	if err != nil {
		return nil, err
	}
	return c.startDirect(ctx, a, nil)
}

// acceptRequest joins the conversations that a contact request offered, and
// returns the one of two, or else the first.
func (c *Client) acceptRequest(ctx context.Context, h wire.Handle, r *request) (*conversation, error) {
	a, err := c.lookUp(ctx, h)
	if err != nil {
		return nil, err
	}
	var ch change
	n := contact{Handle: h, Identity: a.Newest.IdentityKey}
	if p := c.contacts[h]; p != nil {
		n = *p
	}
	n.State = string(ContactAccepted)
	c.putContact(&ch, &n)
	ch.drop(c.record("req", h))
	var failed error
	for i := range r.list {
		var step change
		if err := c.join(ctx, &step, &r.list[i], a); err == nil {
			ch.records, ch.events = append(ch.records, step.records...), append(ch.events, step.events...)
		} else if failed = err; unreachable(err) {
			break
		}
	}
	if unreachable(failed) || (failed != nil && len(r.list) == 1) {
		if err := c.load(context.WithoutCancel(ctx)); err != nil { // memory must not be ahead of the vault
			return nil, err
		}
		if unreachable(failed) {
			return nil, failed
		}
		return nil, &Failure{Code: ProblemWelcome, Text: "the request cannot be joined any more", Hint: "ask the person to write again, or send them an invite link", Cause: failed}
	}
	if err := c.commit(ctx, &ch); err != nil {
		return nil, err
	}
	var v *conversation
	for i := range r.list {
		joined := c.convs[r.list[i].Conversation]
		if joined == nil {
			continue
		}
		if v == nil || (joined.Direct && !v.Direct) {
			v = joined
		}
		err := c.catchUp(ctx, joined)
		if err == nil && c.online { // this device listens: to this one too, from now on
			err = c.subscribe(ctx, joined)
		}
		if err := c.settleFailure(err); err != nil {
			return v, err
		}
	}
	if v == nil {
		return nil, &Failure{Code: ProblemWelcome, Text: "the request cannot be joined any more", Hint: "your client asked to be added again; run `clarion listen`"}
	}
	return v, nil
}
