// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"crypto/sha256"

	"clarion.chat/clarion/wire"
)

// lateDays is for how long a used or expired invite is remembered, so that a
// late user is told which of the two it is.
const lateDays = 30

// What Bounds say of an inbox unless they are set.
const (
	DefaultInvites           = 1000
	DefaultIntroductions     = 1000
	DefaultIntroductionBytes = 64 << 20
)

// Introduce puts an introduction into an inbox, as Append does, and spends the
// invite it names in the same transaction. CodeInboxFull when the inbox holds
// as much as Bounds allow, unless there is an invite: its owner asked for it,
// and a stranger who fills the inbox must not keep invited people out. done is
// called by the writer and must not block.
func (s *Store) Introduce(i *wire.Introduce, done func(wire.Seq, error)) {
	if !wire.IsSizeClass(len(i.Body)) {
		done(0, refuse(wire.CodeNotPadded))
		return
	}
	var seq wire.Seq
	s.submit(&op{
		do: func(t *tx) (err error) {
			seq, err = t.introduce(i)
			return err
		},
		done: func(err error) { done(seq, err) },
	})
}

func (t *tx) introduce(i *wire.Introduce) (wire.Seq, error) {
	b, err := t.box(i.Inbox)
	if err != nil {
		return 0, err
	}
	if b == nil || !b.inbox {
		return 0, refuse(wire.CodeNoMailbox)
	}
	e := wire.Envelope{ID: i.ID, EnvelopeKind: wire.KindIntroduction, Body: i.Body}
	if seq, err := t.repeated(i.Inbox, &e, b.head); seq != 0 || err != nil {
		return seq, err
	}
	if i.Invite != [32]byte{} {
		if err := t.spendInvite(i.Inbox, sha256.Sum256(i.Invite[:])); err != nil {
			return 0, err
		}
	} else if err := t.roomFor(i); err != nil {
		return 0, err
	}
	return t.put(i.Inbox, b, &e)
}

// roomFor refuses an introduction for which the inbox has no room.
func (t *tx) roomFor(i *wire.Introduce) error {
	var count, bytes int
	_, err := t.row(`SELECT count(*), coalesce(sum(length(body)), 0) FROM envelope WHERE mailbox = $1`, []any{i.Inbox[:]}, &count, &bytes)
	if err != nil {
		return err
	}
	b := &t.s.o.Bounds
	if count >= b.Introductions || bytes+len(i.Body) > b.IntroductionBytes {
		return refuseWith(wire.CodeInboxFull, "the person's inbox is full: on this server it holds at most %d introductions (inbox_introductions) of %d bytes together (inbox_bytes)",
			b.Introductions, b.IntroductionBytes)
	}
	return nil
}

// spendInvite marks an invite as used, or says why it cannot be.
func (t *tx) spendInvite(inbox wire.MailboxID, hash [32]byte) error {
	var used bool
	var expires int64
	found, err := t.row(`SELECT used, expires_hour FROM inbox_invite WHERE inbox = $1 AND token_hash = $2`,
		[]any{inbox[:], hash[:]}, &used, &expires)
	switch {
	case err != nil:
		return err
	case !found:
		return refuse(wire.CodeInviteInvalid)
	case used:
		return refuse(wire.CodeInviteUsed)
	case expires <= t.s.hour():
		return refuse(wire.CodeInviteExpired)
	}
	return t.exec(`UPDATE inbox_invite SET used = 1 WHERE inbox = $1 AND token_hash = $2`, inbox[:], hash[:])
}

// PutInvite lays an invite into an inbox. Laying the same again changes
// nothing. CodeKeepRange, CodeNoMailbox, CodeWrongPass, CodeRateLimited when
// the inbox holds too many.
func (s *Store) PutInvite(p *wire.PutInvite) error {
	if p.Days < wire.MinKeep || p.Days > wire.MaxKeep {
		return refuse(wire.CodeKeepRange)
	}
	return s.write(func(t *tx) error {
		b, err := t.box(p.Inbox)
		if err != nil {
			return err
		}
		if b == nil || !b.inbox {
			return refuse(wire.CodeNoMailbox)
		}
		if !isPass(p.Pass, b.pass) {
			return refuse(wire.CodeWrongPass)
		}
		var count int
		_, err = t.row(`SELECT count(*) FROM inbox_invite WHERE inbox = $1 AND token_hash <> $2 AND used = 0 AND expires_hour > $3`,
			[]any{p.Inbox[:], p.TokenHash[:], s.hour()}, &count)
		if err != nil {
			return err
		}
		if most := s.o.Bounds.Invites; count >= most {
			return refuseWith(wire.CodeRateLimited, "at most %d invites of one account can wait on this server (max_invites)", most)
		}
		return t.exec(`INSERT INTO inbox_invite (inbox, token_hash, expires_hour, forget_hour, used)
			VALUES ($1, $2, $3, $4, 0) ON CONFLICT (inbox, token_hash) DO NOTHING`,
			p.Inbox[:], p.TokenHash[:], s.days(int(p.Days)), s.days(int(p.Days)+lateDays))
	})
}
