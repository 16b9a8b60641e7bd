// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// Proposal types of RFC 9420 §17.4.
const (
	proposalAdd                    = 1
	proposalUpdate                 = 2
	proposalRemove                 = 3
	proposalPSK                    = 4
	proposalReInit                 = 5
	proposalExternalInit           = 6
	proposalGroupContextExtensions = 7
)

// proposal is Proposal of RFC 9420 §12.1: one of the fields, by kind.
type proposal struct {
	kind       uint16
	add        *KeyPackage
	update     *leafNode
	remove     LeafIndex
	psk        PSKID
	reInit     reInit
	kemOutput  []byte // external init
	extensions []extension
}

// reInit is read and written so that messages can be authenticated; a commit
// with one is refused.
type reInit struct {
	groupID    []byte
	version    uint16
	suite      uint16
	extensions []extension
}

func (p *proposal) encode(w *writer) {
	w.u16(p.kind)
	p.encodeBody(w)
}

func (p *proposal) encodeBody(w *writer) {
	switch p.kind {
	case proposalAdd:
		p.add.encode(w)
	case proposalUpdate:
		p.update.encode(w)
	case proposalRemove:
		w.u32(uint32(p.remove))
	case proposalPSK:
		p.psk.encode(w)
	case proposalReInit:
		w.opaque(p.reInit.groupID)
		w.u16(p.reInit.version)
		w.u16(p.reInit.suite)
		encodeExtensions(w, p.reInit.extensions)
	case proposalExternalInit:
		w.opaque(p.kemOutput)
	case proposalGroupContextExtensions:
		encodeExtensions(w, p.extensions)
	}
}

func decodeProposal(r *reader) *proposal { return decodeProposalBody(r, r.u16()) }

// decodeProposalBody reads a proposal of a known kind. An unknown kind has no
// length of its own and cannot be passed over.
func decodeProposalBody(r *reader, kind uint16) *proposal {
	p := &proposal{kind: kind}
	switch kind {
	case proposalAdd:
		p.add = decodeKeyPackage(r)
	case proposalUpdate:
		p.update = decodeLeafNode(r)
	case proposalRemove:
		p.remove = LeafIndex(r.u32())
	case proposalPSK:
		p.psk = decodePSKID(r)
	case proposalReInit:
		p.reInit = reInit{groupID: r.opaque(maxSmall), version: r.u16(), suite: r.u16(), extensions: decodeExtensions(r)}
	case proposalExternalInit:
		p.kemOutput = r.opaque(maxSmall)
	case proposalGroupContextExtensions:
		p.extensions = decodeExtensions(r)
	default:
		r.fail(ErrUnsupported)
	}
	return p
}

// needsPath tells whether a commit with this proposal must have a path
// (RFC 9420 §17.4).
func (p *proposal) needsPath() bool {
	return p.kind != proposalAdd && p.kind != proposalPSK && p.kind != proposalReInit
}

// proposalOrRef is ProposalOrRef of RFC 9420 §12.4.
type proposalOrRef struct {
	proposal *proposal // by value
	ref      []byte    // else by reference
}

func (p *proposalOrRef) encode(w *writer) {
	if p.proposal != nil {
		w.u8(1)
		p.proposal.encode(w)
		return
	}
	w.u8(2)
	w.opaque(p.ref)
}

func decodeProposalOrRef(r *reader) proposalOrRef {
	switch r.u8() {
	case 1:
		return proposalOrRef{proposal: decodeProposal(r)}
	case 2:
		return proposalOrRef{ref: r.opaque(secretSize)}
	}
	r.fail(ErrMalformed)
	return proposalOrRef{}
}

// sentProposal is a proposal with the member who made it.
type sentProposal struct {
	*proposal
	sender LeafIndex
}

// commit is Commit of RFC 9420 §12.4.
type commit struct {
	proposals []proposalOrRef
	path      *updatePath
}

func (c *commit) encode(w *writer) {
	w.vector(func(w *writer) {
		for i := range c.proposals {
			c.proposals[i].encode(w)
		}
	})
	w.present(c.path != nil)
	if c.path != nil {
		c.path.encode(w)
	}
}

func decodeCommit(r *reader) *commit {
	c := &commit{}
	r.each(MaxMessage, 2*MaxLeaves, func(r *reader) { c.proposals = append(c.proposals, decodeProposalOrRef(r)) })
	if r.present() {
		c.path = decodeUpdatePath(r)
	}
	return c
}
