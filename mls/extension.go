// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

import "slices"

// Extension types of RFC 9420 §17.3, and last_resort of the MLS extensions
// document. Types 1 to 5 are default: they need not be listed in capabilities.
const (
	extApplicationID   = 1
	extRatchetTree     = 2
	extRequiredCaps    = 3
	extExternalPub     = 4
	extExternalSenders = 5
	extLastResort      = 0x000a
)

type extension struct {
	kind uint16
	data []byte
}

// encodeExtensions writes Extension extensions<V> (RFC 9420 §13).
func encodeExtensions(w *writer, list []extension) {
	w.vector(func(w *writer) {
		for _, e := range list {
			w.u16(e.kind)
			w.opaque(e.data)
		}
	})
}

// decodeExtensions reads a list in which each type occurs at most once.
// A ratchet_tree extension may be as large as a message.
func decodeExtensions(r *reader) []extension {
	var out []extension
	r.each(MaxMessage, maxList, func(r *reader) {
		e := extension{kind: r.u16(), data: r.opaque(MaxMessage)}
		if findExtension(out, e.kind) != nil {
			r.fail(ErrMalformed)
			return
		}
		out = append(out, e)
	})
	return out
}

func findExtension(list []extension, kind uint16) *extension {
	for i := range list {
		if list[i].kind == kind {
			return &list[i]
		}
	}
	return nil
}

// requiredCapabilities is the extension of RFC 9420 §11.1.
type requiredCapabilities struct{ extensions, proposals, credentials []uint16 }

func decodeRequired(list []extension) (*requiredCapabilities, error) {
	e := findExtension(list, extRequiredCaps)
	if e == nil {
		return nil, nil
	}
	r := newReader(e.data)
	c := &requiredCapabilities{extensions: r.u16s(), proposals: r.u16s(), credentials: r.u16s()}
	return c, r.end()
}

// supports tells whether a leaf can be in a group with these extensions in its
// GroupContext (RFC 9420 §7.2, §11.1).
func (l *leafNode) supports(list []extension) error {
	for _, e := range list {
		if e.kind > extExternalSenders && !slices.Contains(l.caps.extensions, e.kind) {
			return ErrInvalidLeaf
		}
	}
	req, err := decodeRequired(list)
	if err != nil || req == nil {
		return err
	}
	for _, x := range req.extensions {
		if x > extExternalSenders && !slices.Contains(l.caps.extensions, x) {
			return ErrInvalidLeaf
		}
	}
	for _, x := range req.proposals {
		if x > proposalGroupContextExtensions && !slices.Contains(l.caps.proposals, x) {
			return ErrInvalidLeaf
		}
	}
	for _, x := range req.credentials {
		if !slices.Contains(l.caps.credentials, x) {
			return ErrInvalidLeaf
		}
	}
	return nil
}
