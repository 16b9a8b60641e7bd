// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"crypto/sha256"
	_ "embed"
	"strings"
)

// The recovery sheet's words are those of BIP 39, English: 24 words of 11 bits
// hold 256 bits of entropy and 8 bits of their SHA-256. The library that knows
// them carries nine languages, 100 kB in the browser's core; it checks this
// file in the tests instead.

//go:embed words.txt
var wordList string

// wordBits is what one word holds.
const wordBits = 11

// wordsOf writes 32 bytes of entropy as 24 words.
func wordsOf(entropy [32]byte) []string {
	list := strings.Fields(wordList)
	sum := sha256.Sum256(entropy[:])
	bits := append(entropy[:], sum[0])
	words := make([]string, 24)
	for i := range words {
		n := 0
		for at := i * wordBits; at < (i+1)*wordBits; at++ {
			n = n<<1 | int(bits[at/8]>>(7-at%8)&1)
		}
		words[i] = list[n]
	}
	return words
}

// entropyOf reads 24 words back. ok is false for an unknown word, another
// number of words, or a checksum that does not fit.
func entropyOf(words []string) (entropy [32]byte, ok bool) {
	if len(words) != 24 {
		return entropy, false
	}
	index := map[string]int{}
	for i, w := range strings.Fields(wordList) {
		index[w] = i
	}
	var bits [33]byte
	for i, w := range words {
		n, known := index[strings.ToLower(w)]
		if !known {
			return entropy, false
		}
		for j := range wordBits {
			at := i*wordBits + j
			bits[at/8] |= byte(n>>(wordBits-1-j)&1) << (7 - at%8)
		}
	}
	copy(entropy[:], bits[:32])
	sum := sha256.Sum256(entropy[:])
	return entropy, sum[0] == bits[32]
}
