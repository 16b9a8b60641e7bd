// SPDX-License-Identifier: AGPL-3.0-or-later

package call

// Compare counts how many packets of a source are in another, padding aside, and
// how many sizes the other's packets have.
func Compare(sent, got *Source) (found, sizes int) {
	there, lengths := map[string]bool{}, map[int]bool{}
	for _, p := range got.packets {
		if _, _, rest, err := split(p); err == nil {
			there[string(rest)] = true
		}
		lengths[len(p)] = true
	}
	for _, p := range sent.packets {
		if _, _, rest, err := split(p); err == nil && there[string(rest)] {
			found++
		}
	}
	return found, len(lengths)
}
