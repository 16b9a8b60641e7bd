// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// VerifyOwn reports nil when msg, of this epoch, was made and signed by our own
// leaf with a generation that this state has not reached: by a later state of
// ours, or by a copy of it. Sender data alone prove nothing, because every
// member has their key. It consumes nothing. Generations that this state has
// used are ErrReplay or ErrKeyDiscarded, whoever sent them.
func (g *Group) VerifyOwn(msg []byte) error {
	m, err := parsePrivate(msg)
	if err != nil {
		return err
	}
	if err := g.checkHeader(m.groupID, m.epoch); err != nil {
		return err
	}
	s, err := g.openSenderData(m)
	if err != nil {
		return err
	}
	if s.leaf != g.own {
		return ErrUnknownSender
	}
	_, _, err = g.openFrom(m, s)
	return err
}
