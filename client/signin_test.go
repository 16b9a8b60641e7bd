// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// noNetwork is a network that is down.
type noNetwork struct{}

// Dial implements Dialer.
func (noNetwork) Dial(context.Context, string, DoorName) (Conn, error) {
	return nil, errors.New("no network")
}

// TestTryUpkeepLeavesWhatIsDue: what asked for upkeep at once, as an old vault
// does that must be renewed, is not put off by another's try.
func TestTryUpkeepLeavesWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testDevice(t, "ada")
		c.dialer = noNetwork{}
		c.soon()
		c.tryUpkeep(t.Context())
		c.blobBehind(new(change)) // which does not make the rest less urgent
		c.tryUpkeep(t.Context())
		if c.upkeepAt.After(time.Now()) {
			t.Errorf("what was due now is due in %v", time.Until(c.upkeepAt))
		}
		c.upkeepAt = time.Now().Add(time.Minute)
		c.tryUpkeep(t.Context())
		if d := time.Until(c.upkeepAt); d != upkeepPace {
			t.Errorf("the next upkeep is in %v", d)
		}
		c.blobBehind(new(change))
		if c.upkeepAt.After(time.Now()) {
			t.Error("a blob that is behind makes nothing due")
		}
		c.tryUpkeep(t.Context())
		if d := time.Until(c.upkeepAt); d != upkeepPace {
			t.Errorf("with the blob tried, the next upkeep is in %v", d)
		}
	})
}
