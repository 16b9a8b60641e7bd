// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

// Limits that both sides hold. Sizes are bytes, times are whole days.
const (
	MaxFrame      = 1 << 20   // a whole frame, either way
	MaxBody       = 256 << 10 // an envelope's body
	MaxLive       = 16 << 10  // a live event's body
	MaxKeyPackage = 4 << 10
	MaxEntry      = 2 << 10  // a signed directory entry
	MaxLine       = 64       // earlier incarnations in a Hello
	MaxChain      = 256      // entries in one account's chain
	MaxBlob       = 64 << 10 // a recovery blob
	MaxPackages   = 64       // key packages in one command
	MaxRead       = 256      // envelopes in one answer
	MaxWait       = 60       // seconds a read may wait
	MinKeep       = 1
	MaxKeep       = 30
	DefaultKeep   = 30
	// smallestClass is the least size of an envelope's body.
	smallestClass = 512
)

// SizeClass returns the least size class that holds n bytes: 512 · 2^k. Bodies
// are padded to it, so a length says little. Past MaxBody it returns n itself,
// which the server refuses.
func SizeClass(n int) int {
	if n > MaxBody {
		return n
	}
	class := smallestClass
	for class < n {
		class *= 2
	}
	return class
}

// IsSizeClass reports whether a body of n bytes is padded as it must be.
func IsSizeClass(n int) bool { return n <= MaxBody && SizeClass(n) == n }
