// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/wire"
)

// How a person checked a contact by hand, and what a change leaves of it.
const (
	CheckedDigits   = "digits"              // the sixty digits were compared
	CheckedQR       = "qr"                  // the code on the other's screen was scanned
	CheckedNotSince = "changed_not_checked" // the identity key changed, and nothing was checked since
)

const (
	// FailIdentityChanged: a checked member's identity key is another now.
	FailIdentityChanged = "identity_changed"
	// FailCheckCode: a text that is no code for checking a person.
	FailCheckCode = "check_code_invalid"
	// FailNotCompared: a check of what this vault did not show.
	FailNotCompared = "not_compared"
)

// IdentityChanged: the identity key of a contact is another now. When Held,
// the one before was checked, and nothing is sent to conversations with this
// person until Check, CheckScanned or Acknowledge.
type IdentityChanged struct {
	At     time.Time
	Handle wire.Handle
	Held   bool
}

func (IdentityChanged) event() {}

// Safety is what two people compare to check each other. Both values depend on
// the two handles and identity keys only.
type Safety struct {
	Handle wire.Handle // the other person
	Digits string      // 60 decimal digits, the same on both sides
	Code   string      // for the other's CheckScanned; upper-case letters, digits and a colon, as QR's alphanumeric mode takes them
}

// Scanned is what comparing a scanned code says.
type Scanned struct {
	Handle  wire.Handle // whose screen the code says it was on
	Match   bool
	Differs Difference // empty with Match
}

// Difference is why a scanned code does not match.
type Difference string

// What can differ.
const (
	ScannedOtherPerson Difference = "other_person" // another person's code, or one for another person than this
	ScannedOtherKey    Difference = "other_key"    // their device has another identity key than the one known here
	ScannedOwnKey      Difference = "own_key"      // they know another identity key of this person
)

const (
	checkPrefix  = "CLARION:"
	maxCheckCode = 1200 // characters; two handles and two hashes need fewer
)

// checkCode is what a code for checking holds: who shows it, to whom, and both
// fingerprints as that device knows them.
type checkCode struct {
	Shows  wire.Handle
	Own    [32]byte // SHA-256 of the identity key of who shows it
	To     wire.Handle
	Theirs [32]byte // and of who scans it
}

// Fields describes the value.
func (k *checkCode) Fields(c *wire.Coder) {
	version := uint8(1)
	c.U8(&version)
	if version != 1 {
		c.Fail(wire.ErrMalformed)
	}
	k.Shows.Fields(c)
	c.Fixed(k.Own[:])
	k.To.Fields(c)
	c.Fixed(k.Theirs[:])
}

var checkText32 = base32.StdEncoding.WithPadding(base32.NoPadding)

func (k *checkCode) text() string {
	return checkPrefix + checkText32.EncodeToString(wire.MustMarshal(k))
}

// parseCheckCode reads what text made.
func parseCheckCode(s string) (*checkCode, error) {
	rest, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(s)), checkPrefix)
	if !ok || len(s) > maxCheckCode {
		return nil, fail(FailCheckCode, nil)
	}
	b, err := checkText32.DecodeString(rest)
	if err != nil {
		return nil, fail(FailCheckCode, err)
	}
	k := new(checkCode)
	if err := wire.Unmarshal(b, k); err != nil {
		return nil, fail(FailCheckCode, err)
	}
	return k, nil
}

// shown is the pair of keys whose digits this vault last showed of a person.
// What is then called checked is what was compared, also when the key changes
// in between.
type shown struct{ Own, Theirs [32]byte }

// Fields describes the record.
func (s *shown) Fields(c *wire.Coder) {
	c.Fixed(s.Own[:])
	c.Fixed(s.Theirs[:])
}

// SafetyDigits gives what to compare with a contact or a fellow member over
// another way. The directory is asked, if it answers; else what was last seen
// of it counts. Fails with no_such_contact, identity_mismatch.
func (c *Client) SafetyDigits(ctx context.Context, handle string) (out Safety, err error) {
	err = c.withAccount(ctx, func() error {
		h, key, err := c.toCheck(ctx, handle)
		if err != nil {
			return err
		}
		own := c.self.identityPublic()
		var ch change
		ch.put(c.record("shown", h), &shown{Own: own, Theirs: key})
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
		k := &checkCode{Shows: c.self.Handle, Own: sha256.Sum256(own[:]), To: h, Theirs: sha256.Sum256(key[:])}
		out = Safety{Handle: h, Code: k.text(), Digits: keydir.SafetyCode([]keydir.Member{
			{Handle: c.self.Handle, IdentityKey: own}, {Handle: h, IdentityKey: key},
		})}
		return nil
	})
	return out, err
}

// Check notes that the person compared what SafetyDigits last showed of a
// contact, and found it equal; how is CheckedDigits or CheckedQR. A fellow
// member who is no contact yet becomes an accepted one. not_compared when
// nothing was shown, or a key has changed since.
func (c *Client) Check(ctx context.Context, handle, how string) (out Contact, err error) {
	err = c.withAccount(ctx, func() error {
		if how != CheckedDigits && how != CheckedQR {
			return fail(FailNotCompared, nil)
		}
		h, key, err := c.toCheck(ctx, handle)
		if err != nil {
			return err
		}
		var was shown
		if _, err := get(ctx, c.vault, c.record("shown", h), &was); err != nil {
			return err
		}
		if now := (shown{Own: c.self.identityPublic(), Theirs: key}); was != now {
			return fail(FailNotCompared, nil)
		}
		out, err = c.noteChecked(ctx, h, key, how)
		return err
	})
	return out, err
}

// CheckScanned compares a code that another device showed with what this vault
// knows, in constant time, and notes the check when all of it matches. handle
// is whom the person means to check, or empty for whoever showed the code.
// check_code_invalid for a text that is no such code.
func (c *Client) CheckScanned(ctx context.Context, handle, code string) (out Scanned, err error) {
	err = c.withAccount(ctx, func() error {
		k, err := parseCheckCode(code)
		if err != nil {
			return err
		}
		out.Handle = k.Shows
		if handle != "" {
			h, err := wire.ParseHandle(handle, c.self.Handle.Host)
			if err != nil {
				return fail(FailHandle, err)
			}
			if h != k.Shows {
				out.Differs = ScannedOtherPerson
			}
		}
		if out.Differs != "" || k.To != c.self.Handle || k.Shows == c.self.Handle {
			out.Differs = ScannedOtherPerson
			return nil
		}
		h, key, err := c.toCheck(ctx, k.Shows.String())
		if err != nil {
			return err
		}
		own := c.self.identityPublic()
		out.Differs = k.differs(own, key)
		if out.Differs != "" {
			return nil
		}
		out.Match = true
		_, err = c.noteChecked(ctx, h, key, CheckedQR)
		return err
	})
	return out, err
}

// differs compares a code with the keys known here, in constant time.
func (k *checkCode) differs(own, theirs [32]byte) Difference {
	ownHash, theirHash := sha256.Sum256(own[:]), sha256.Sum256(theirs[:])
	sameTheirs := subtle.ConstantTimeCompare(k.Own[:], theirHash[:])
	sameOwn := subtle.ConstantTimeCompare(k.Theirs[:], ownHash[:])
	switch {
	case sameTheirs != 1:
		return ScannedOtherKey
	case sameOwn != 1:
		return ScannedOwnKey
	}
	return ""
}

// Uncheck takes a check back. A contact whose identity changed stays so:
// Acknowledge is for that.
func (c *Client) Uncheck(ctx context.Context, handle string) (Contact, error) {
	return c.changeContact(ctx, handle, func(n *contact) {
		if n.How == CheckedDigits || n.How == CheckedQR || n.How == CheckedInviteLink {
			n.How, n.CheckedAt = "", 0
		}
	})
}

// Acknowledge notes that the person knows of a contact's changed identity and
// wants to write all the same. The contact is then not checked.
func (c *Client) Acknowledge(ctx context.Context, handle string) (Contact, error) {
	out, err := c.changeContact(ctx, handle, func(n *contact) {
		if n.How == CheckedChanged {
			n.How, n.CheckedAt = CheckedNotSince, c.now().Unix()
		}
	})
	if err != nil {
		return out, err
	}
	return out, c.withAccount(ctx, func() error { return c.releaseHeld(ctx) })
}

// changeContact changes what the vault keeps of a contact.
func (c *Client) changeContact(ctx context.Context, handle string, f func(*contact)) (out Contact, err error) {
	err = c.withAccount(ctx, func() error {
		h, err := wire.ParseHandle(handle, c.self.Handle.Host)
		if err != nil {
			return fail(FailHandle, err)
		}
		old := c.contacts[h]
		if old == nil {
			return fail(FailNoContact, nil)
		}
		n := *old
		f(&n)
		if n != *old {
			var ch change
			c.putContact(&ch, &n)
			if err := c.commit(ctx, &ch); err != nil {
				return err
			}
			c.soon()
		}
		out = n.public()
		return nil
	})
	return out, err
}

// toCheck is the identity key to compare for a person, and notes first when it
// is another than the one known.
func (c *Client) toCheck(ctx context.Context, handle string) (h wire.Handle, key [32]byte, err error) {
	h, err = wire.ParseHandle(handle, c.self.Handle.Host)
	if err != nil {
		return h, key, fail(FailHandle, err)
	}
	if h == c.self.Handle || !c.acquainted(h) {
		return h, key, fail(FailNoContact, nil)
	}
	a, err := c.lookUp(ctx, h)
	if later(err) {
		var p pinned
		var found bool
		if found, err = get(ctx, c.vault, c.record("dir", h), &p); err == nil && !found {
			err = fail(FailUnreachable, nil)
		}
		if err == nil {
			a, err = keydir.Verify(h.Host, p.Chain)
		}
	}
	if err != nil {
		return h, key, err
	}
	var ch change
	c.become(&ch, h, a.Newest.IdentityKey)
	return h, a.Newest.IdentityKey, c.commit(ctx, &ch)
}

// acquainted reports whether a person is a contact or in a conversation of ours.
func (c *Client) acquainted(h wire.Handle) bool {
	if c.contacts[h] != nil {
		return true
	}
	for _, v := range c.convs {
		if v.knows(h) {
			return true
		}
	}
	return false
}

func (c *Client) noteChecked(ctx context.Context, h wire.Handle, key [32]byte, how string) (Contact, error) {
	n := contact{Handle: h, State: string(ContactAccepted), Identity: key}
	if p := c.contacts[h]; p != nil {
		n = *p
	}
	n.How, n.CheckedAt, n.Identity = how, c.now().Unix(), key
	var ch change
	c.putContact(&ch, &n)
	ch.drop(c.record("shown", h))
	if err := c.commit(ctx, &ch); err != nil {
		return Contact{}, err
	}
	c.soon()
	return n.public(), c.releaseHeld(ctx)
}

// become notes that a contact's identity key is another now: what was checked
// before is checked no longer.
func (c *Client) become(ch *change, h wire.Handle, key [32]byte) {
	p := c.contacts[h]
	if p == nil || p.Identity == key {
		return
	}
	n := *p
	n.Identity = key
	if p.Identity != ([32]byte{}) {
		switch n.How {
		case CheckedInviteLink, CheckedDigits, CheckedQR, CheckedChanged:
			n.How = CheckedChanged
		default:
			n.How = CheckedNotSince
		}
		n.CheckedAt = c.now().Unix()
		ch.tell(IdentityChanged{At: c.now(), Handle: h, Held: n.How == CheckedChanged})
	}
	c.putContact(ch, &n)
}

// identityChanged is become for a key that a group shows. A leaf that was made
// under an earlier identity stays in a group for a while and changes nothing.
func (c *Client) identityChanged(ctx context.Context, ch *change, h wire.Handle, key [32]byte) {
	if p := c.contacts[h]; p == nil || p.Identity == key {
		return
	}
	var seen pinned
	if found, err := get(ctx, c.vault, c.record("dir", h), &seen); err == nil && found {
		if a, err := keydir.Verify(h.Host, seen.Chain); err == nil && a.Newest.IdentityKey != key {
			return
		}
	}
	c.become(ch, h, key)
}

// held reports whether a conversation has a member whose identity changed
// after it was checked, which the person has not dealt with. No text is sealed
// there; what is queued waits.
func (c *Client) held(v *conversation) bool {
	for i := range v.Members {
		if p := c.contacts[v.Members[i].Handle]; p != nil && p.How == CheckedChanged {
			return true
		}
	}
	return false
}

// flushUnheld is flush for whoever can go on while texts are held.
func (c *Client) flushUnheld(ctx context.Context, v *conversation) error {
	err := c.flush(ctx, v)
	if err != nil && AsFailure(err).Code == FailIdentityChanged {
		return nil
	}
	return err
}

// releaseHeld sends what waited for the person's word, if there is a
// connection; else the next flush does.
func (c *Client) releaseHeld(ctx context.Context) error {
	c.marksDue() // they were held too
	if !c.listening || !c.online {
		return nil
	}
	for _, v := range c.sorted() {
		if v.Status != statusActive || !v.waiting() || v.obstacle() != "" {
			continue
		}
		if err := c.settleFailure(c.flushUnheld(ctx, v)); err != nil {
			return err
		}
	}
	return nil
}
