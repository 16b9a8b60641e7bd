// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

// Live passes a body to the mailbox's present subscribers and is never stored.
// Only the pass of the current epoch may.
type Live struct {
	Mailbox MailboxID
	Pass    Pass
	Body    []byte // at most MaxLive
}

// Kind names the frame.
func (*Live) Kind() Kind { return KindLive }

// Fields describes the frame.
func (l *Live) Fields(c *Coder) {
	l.Mailbox.Fields(c)
	c.Fixed(l.Pass[:])
	c.Bytes(&l.Body, MaxLive)
}

// LiveArrived is an event: somebody's live body, the sender's own included.
type LiveArrived struct {
	Mailbox MailboxID
	Body    []byte
}

// Kind names the frame.
func (*LiveArrived) Kind() Kind { return KindLiveArrived }

// Fields describes the frame.
func (l *LiveArrived) Fields(c *Coder) {
	l.Mailbox.Fields(c)
	c.Bytes(&l.Body, MaxLive)
}
