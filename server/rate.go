// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import "time"

// bucket is a token bucket, owned by a connection's reader.
type bucket struct {
	rate, burst float64 // tokens per second, most tokens
	tokens      float64
	at          time.Time
}

func newBucket(rate, burst float64, now time.Time) bucket {
	return bucket{rate: rate, burst: burst, tokens: burst, at: now}
}

// take takes one token if there is one.
func (b *bucket) take(now time.Time) bool {
	if past := now.Sub(b.at).Seconds(); past > 0 {
		b.tokens = min(b.burst, b.tokens+past*b.rate)
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
