// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"fmt"
	"time"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// How long the server keeps what is written in a conversation is the members'
// to say. It changes with a commit: the server takes it beside the commit, the
// members from the commit's authenticated data, so all see who changed it.

// KeepChanged: a member changed for how long the server keeps what is written
// from then on.
type KeepChanged struct {
	At           time.Time
	Conversation string
	Seq          uint64
	By           wire.Handle
	Days         int
}

func (KeepChanged) event() {}

func (e KeepChanged) line() (string, ItemKind, Line) {
	return e.Conversation, KindKeepChanged, Line{Seq: e.Seq, At: e.At, By: e.By, Keep: e.Days}
}

// commitNote is the authenticated data of a commit that changes more than the
// group. A commit that does not has none.
type commitNote struct {
	Keep  uint8 // days, or 0 for no change
	Lacks bool  // the committer has not taken all that was sent before
}

// Fields describes the note.
func (n *commitNote) Fields(c *wire.Coder) {
	version := uint8(1)
	c.U8(&version)
	c.U8(&n.Keep)
	c.Bool(&n.Lacks)
	if version != 1 || n.Keep > wire.MaxKeep || (n.Keep == 0 && !n.Lacks) {
		c.Fail(wire.ErrMalformed)
	}
}

// noteOf is what a commit says beside its proposals. What its sender wrote there
// counts once MLS has verified the commit; a note that does not read says
// nothing.
func noteOf(commit []byte) commitNote {
	b, err := mls.MessageAAD(commit)
	var n commitNote
	if err != nil || len(b) == 0 || wire.Unmarshal(b, &n) != nil {
		return commitNote{}
	}
	return n
}

// SetKeep changes for how many days, 1 to 30, the server keeps what is written
// in a conversation from then on; what is there already stays as long as it
// was to stay. It needs the server, whose own limit may be lower:
// keep_out_of_range.
func (c *Client) SetKeep(ctx context.Context, id string, days int) error {
	return c.withAccount(ctx, func() error {
		v, err := c.byID(id)
		if err != nil {
			return err
		}
		if days < wire.MinKeep || days > wire.MaxKeep {
			return wire.Refuse(wire.CodeKeepRange)
		}
		s, err := c.mailboxDoor(ctx)
		if err != nil {
			return err
		}
		if days > int(s.hello.Keep) {
			r := wire.Refuse(wire.CodeKeepRange)
			r.Text = fmt.Sprintf("this server keeps for %d days at most", s.hello.Keep)
			return r
		}
		keep := uint8(days)
		return c.changeGroupKeep(ctx, v, keep, func(_ context.Context, v *conversation) ([][]byte, []mls.LeafIndex, []invitee, error) {
			if v.Keep == keep {
				return nil, nil, nil, errNothingToCommit
			}
			return nil, nil, nil, nil
		})
	})
}

// adoptKeep takes what a commit says about keep.
func (c *Client) adoptKeep(ch *change, v *conversation, seq uint64, keep uint8, by wire.Handle) {
	if keep == 0 || keep == v.Keep {
		return
	}
	v.Keep = keep
	ch.tell(KeepChanged{At: c.now(), Conversation: v.ID.String(), Seq: seq, By: by, Days: int(keep)})
}
