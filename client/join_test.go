// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

// testDevice is a client with an account's keys and no server.
func testDevice(t *testing.T, name string) *Client {
	t.Helper()
	c := New(Options{Vault: vault.NewMemory()})
	c.self = &self{Stage: stageReady, Handle: wire.Handle{Name: name, Host: testHandle.Host}}
	for _, secret := range [][]byte{c.self.Identity[:], c.self.Device[:], c.self.RecordKey[:]} {
		if err := c.random(secret); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.makeDevice(c.self); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWelcomeRepeated: a Welcome for the last resort serves once. The state it
// leads to would begin its ratchets anew. A Welcome into another epoch does.
func TestWelcomeRepeated(t *testing.T) {
	ada, omar := testDevice(t, "ada"), testDevice(t, "omar")
	ctx := t.Context()
	packages, last, err := omar.makePackages(ctx, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	welcome := func(kp []byte) []byte {
		g, err := mls.Create(rand.Reader, []byte("a group"), ada.self.deviceKey(), ada.self.Certificate, uint64(now.Add(-time.Hour).Unix()), uint64(now.Add(time.Hour).Unix()))
		if err != nil {
			t.Fatal(err)
		}
		_, w, _, err := g.Commit(rand.Reader, mls.CommitOptions{Add: [][]byte{kp}, Now: uint64(now.Unix()), Validate: ada.validator()})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	take := func(w []byte) error {
		var used change
		g, err := omar.openWelcome(ctx, &used, &introduction{Welcome: w})
		if err != nil {
			return err
		}
		if n := g.NextGeneration(); n != 0 {
			t.Errorf("a new member begins at generation %d", n)
		}
		return omar.vault.Commit(ctx, used.records)
	}
	first, second, once := welcome(last), welcome(last), welcome(packages[0])
	for what, c := range []struct {
		welcome []byte
		want    error
	}{{first, nil}, {first, errIgnore}, {second, nil}, {first, errIgnore}, {second, errIgnore}, {once, nil}, {once, mls.ErrNotForUs}} {
		if err := take(c.welcome); !errors.Is(err, c.want) {
			t.Errorf("Welcome %d: %v, not %v", what, err, c.want)
		}
	}
}
