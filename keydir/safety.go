// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"bytes"
	"cmp"
	"crypto/sha512"
	"encoding/binary"
	"slices"

	"clarion.chat/clarion/wire"
)

// Member is one account of a conversation, for SafetyCode.
type Member struct {
	Handle      wire.Handle
	IdentityKey [32]byte
}

const (
	purposeSafety = "clarion safety code v1"
	safetyRounds  = 5200 // makes each guess at a matching key as dear as that many hashes
	safetyGroups  = 12   // of five digits
)

// SafetyCode returns the 60 decimal digits that the members of a conversation
// compare over another way: equal for all who see the same handles with the
// same identity keys, in whatever order they list them. A member listed twice,
// as with two devices, counts once. The slice is not changed.
func SafetyCode(members []Member) string {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b Member) int {
		return cmp.Or(
			cmp.Compare(a.Handle.Name, b.Handle.Name),
			cmp.Compare(a.Handle.Host, b.Handle.Host),
			bytes.Compare(a.IdentityKey[:], b.IdentityKey[:]),
		)
	})
	sorted = slices.Compact(sorted)
	parts := make([][]byte, 0, 2*len(sorted))
	for i := range sorted {
		parts = append(parts, []byte(sorted[i].Handle.String()), sorted[i].IdentityKey[:])
	}
	// No host of its own: the members' may differ.
	all := sha512.Sum512(wire.ToSign(purposeSafety, "", parts...))

	sum := all
	var round [2 * sha512.Size]byte
	copy(round[sha512.Size:], all[:])
	for range safetyRounds {
		copy(round[:], sum[:])
		sum = sha512.Sum512(round[:])
	}
	digits := make([]byte, 0, 5*safetyGroups)
	for i := range safetyGroups {
		digits = appendFive(digits, sum[5*i:5*i+5])
	}
	return string(digits)
}

// appendFive appends the five decimal digits of 40 bits modulo 100,000.
func appendFive(digits, five []byte) []byte {
	n := uint64(five[0])<<32 | uint64(binary.BigEndian.Uint32(five[1:]))
	for unit := uint64(10000); unit > 0; unit /= 10 {
		digits = append(digits, '0'+byte(n/unit%10))
	}
	return digits
}
