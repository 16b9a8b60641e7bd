// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest/chromium"
)

// stage builds the browser's part and opens a browser for one test.
func stage(t *testing.T) *chromium.Stage {
	t.Helper()
	program, err := chromium.BuildTests(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return chromium.NewStage(t, program)
}

// TestTimeMachineInBrowser is TestTimeMachine with every vault in the
// IndexedDB of a real browser: set back, copied, failing at random commits.
func TestTimeMachineInBrowser(t *testing.T) {
	chance := Chance(t)
	far := stage(t).Vaults()
	deadline := time.Now().Add(Budget(12 * time.Second))
	for session := 0; time.Now().Before(deadline); session++ {
		seed := chance.Uint64()
		ok := t.Run(fmt.Sprint("session ", session), func(t *testing.T) {
			newMachine(t, rand.New(rand.NewPCG(seed, 1)), func(s *Server) { s.KeepVaultsIn(far) }).run()
		})
		if !ok {
			return
		}
	}
}

// TestLiarInBrowser is TestLiar with both vaults in IndexedDB, each lie once.
func TestLiarInBrowser(t *testing.T) {
	chance := Chance(t)
	far := stage(t).Vaults()
	for _, what := range lies() {
		t.Run(string(what), func(t *testing.T) {
			newPair(t, rand.New(rand.NewPCG(chance.Uint64(), 2)), func(s *Server) { s.KeepVaultsIn(far) }).liedTo(what)
		})
	}
}
