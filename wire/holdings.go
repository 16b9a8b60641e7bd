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
	n := c.length(len(*v), 256)
	if c.reading {
		*v = nil
	}
	for i := 0; i < n && c.err == nil; i++ {
		var s string
		if !c.reading {
			s = (*v)[i]
		}
		c.String(&s, 1024)
		if c.reading && c.err == nil {
			*v = append(*v, s)
		}
	}
}
