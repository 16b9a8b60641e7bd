// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

// GetHoldings asks what the server holds about the signed-in account.
type GetHoldings struct{}

// Kind names the frame.
func (*GetHoldings) Kind() Kind { return KindGetHoldings }

// Fields describes the frame.
func (*GetHoldings) Fields(*Coder) {}

// TableRows counts the rows of one table that concern an account.
type TableRows struct {
	Table string
	Rows  uint64
}

// Fields describes the value.
func (t *TableRows) Fields(c *Coder) {
	c.String(&t.Table, 64)
	c.U64(&t.Rows)
}

// Holdings is the answer in three tenses: what is held now (live rows), what
// the operator could be ordered to record from now on, and what it cannot
// give. Signature is the server key's, over ToSign(PurposeHoldings, host,
// encoding of the other fields).
type Holdings struct {
	Account   string // name@host
	At        int64  // Unix seconds
	Tables    []TableRows
	Could     []string
	Cannot    []string
	Signature Signature
}

// Kind names the frame.
func (*Holdings) Kind() Kind { return KindHoldings }

// Fields describes the frame.
func (h *Holdings) Fields(c *Coder) {
	h.unsigned(c)
	c.Fixed(h.Signature[:])
}

func (h *Holdings) unsigned(c *Coder) {
	c.String(&h.Account, MaxName+1+MaxHost)
	c.I64(&h.At)
	List(c, &h.Tables, 256)
	sentenceList(c, &h.Could)
	sentenceList(c, &h.Cannot)
}

// SignedBytes returns what Signature covers.
func (h *Holdings) SignedBytes(host string) []byte {
	c := Coder{}
	h.unsigned(&c)
	return ToSign(PurposeHoldings, host, c.buf)
}

// sentenceList codes sentences for a person.
func sentenceList(c *Coder, v *[]string) {
	c.StringList(v, 256, 1024)
}

// PurposeMailboxHoldings labels the signature of MailboxHoldings.
const PurposeMailboxHoldings = "clarion mailbox holdings v1"

// GetMailboxHoldings asks, at the mailbox door, what the server holds of one
// mailbox. The current pass alone opens it: CodeStalePass with an earlier one.
type GetMailboxHoldings struct {
	Mailbox MailboxID
	Pass    Pass
}

// Kind names the frame.
func (*GetMailboxHoldings) Kind() Kind { return KindGetMailboxHoldings }

// Fields describes the frame.
func (g *GetMailboxHoldings) Fields(c *Coder) {
	g.Mailbox.Fields(c)
	c.Fixed(g.Pass[:])
}

// SizeRows counts envelopes of one size class, in bytes of body.
type SizeRows struct {
	Size uint32
	Rows uint64
}

// Fields describes the value.
func (s *SizeRows) Fields(c *Coder) {
	c.U32(&s.Size)
	c.U64(&s.Rows)
}

// MailboxHoldings is Holdings for one mailbox. It names the mailbox by the
// SHA-256 of its address, so that an answer can be shown around without giving
// the address away. Hours are Unix hours, as they are stored.
type MailboxHoldings struct {
	Mailbox   [32]byte // SHA-256 of the address
	At        int64    // Unix seconds
	Tables    []TableRows
	Sizes     []SizeRows // envelopes by size class, ascending
	Epoch     Epoch      // current
	Head      Seq        // envelopes ever appended
	Keep      uint8      // days for which later envelopes stay
	FirstGone int64      // hour after which the first envelope is deleted; 0 for none held
	LastGone  int64      // and the last
	Forget    int64      // hour after which the mailbox goes, unless it is used
	Could     []string
	Cannot    []string
	Signature Signature
}

// Kind names the frame.
func (*MailboxHoldings) Kind() Kind { return KindMailboxHoldings }

// Fields describes the frame.
func (h *MailboxHoldings) Fields(c *Coder) {
	h.unsigned(c)
	c.Fixed(h.Signature[:])
}

func (h *MailboxHoldings) unsigned(c *Coder) {
	c.Fixed(h.Mailbox[:])
	c.I64(&h.At)
	List(c, &h.Tables, 256)
	List(c, &h.Sizes, 64)
	h.Epoch.Fields(c)
	h.Head.Fields(c)
	c.U8(&h.Keep)
	c.I64(&h.FirstGone)
	c.I64(&h.LastGone)
	c.I64(&h.Forget)
	sentenceList(c, &h.Could)
	sentenceList(c, &h.Cannot)
}

// SignedBytes returns what Signature covers.
func (h *MailboxHoldings) SignedBytes(host string) []byte {
	c := Coder{}
	h.unsigned(&c)
	return ToSign(PurposeMailboxHoldings, host, c.buf)
}
