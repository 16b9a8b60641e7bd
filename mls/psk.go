// SPDX-License-Identifier: AGPL-3.0-or-later

package mls

// Types of pre-shared keys and uses of resumption keys (RFC 9420 §8.4).
const (
	pskExternal   = 1
	pskResumption = 2

	// ResumptionApplication is the usage of a resumption key in a commit.
	ResumptionApplication = 1
)

// PSKID names a pre-shared key: an external one by ID, a resumption key by
// the epoch of a group it comes from.
type PSKID struct {
	External bool
	ID       []byte // external
	Usage    uint8  // resumption
	GroupID  []byte // resumption
	Epoch    uint64 // resumption
	nonce    []byte
}

// PSKFunc supplies the pre-shared key of that name, or nil if it is unknown.
type PSKFunc func(PSKID) []byte

func (p *PSKID) encode(w *writer) {
	if p.External {
		w.u8(pskExternal)
		w.opaque(p.ID)
	} else {
		w.u8(pskResumption)
		w.u8(p.Usage)
		w.opaque(p.GroupID)
		w.u64(p.Epoch)
	}
	w.opaque(p.nonce)
}

func decodePSKID(r *reader) PSKID {
	var p PSKID
	switch r.u8() {
	case pskExternal:
		p.External = true
		p.ID = r.opaque(maxSmall)
	case pskResumption:
		if p.Usage = r.u8(); p.Usage < 1 || p.Usage > 3 {
			r.fail(ErrMalformed)
		}
		p.GroupID, p.Epoch = r.opaque(maxSmall), r.u64()
	default:
		r.fail(ErrMalformed)
	}
	p.nonce = r.opaque(maxSmall)
	return p
}

// pskSecret combines pre-shared keys in their order (RFC 9420 §8.4). With none
// it is all zero.
func pskSecret(ids []PSKID, supply PSKFunc) (secret, error) {
	var out, zero secret
	for i := range ids {
		var key []byte
		if supply != nil {
			key = supply(ids[i])
		}
		if key == nil {
			return zero, ErrUnknownPSK
		}
		var label writer
		ids[i].encode(&label)
		label.u16(uint16(i))
		label.u16(uint16(len(ids)))
		extracted := extract(zero[:], key)
		input := expandWithLabel(extracted[:], "derived psk", label.b, secretSize)
		out = extract(input, out[:])
		clear(extracted[:])
		clear(input)
	}
	return out, nil
}
