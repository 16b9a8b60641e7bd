// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// Chance returns the source of a test's random choices, from the number in
// CLARION_SEED or a new one. The number is printed, and stands in the message
// of every failure.
func Chance(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CLARION_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CLARION_SEED is a number, not %q", s)
		}
		seed = n
	}
	t.Logf("again with CLARION_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Long reports whether CLARION_LONG asks for long runs.
func Long() bool { return os.Getenv("CLARION_LONG") != "" }

// Budget is how long a random test goes on: a few seconds, or ten minutes when
// CLARION_LONG is set.
func Budget(usual time.Duration) time.Duration {
	if Long() {
		return 10 * time.Minute
	}
	return usual
}
