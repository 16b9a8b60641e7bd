// SPDX-License-Identifier: AGPL-3.0-or-later

package vaulttest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/vaulttest"
)

// pipe is one end of a connection within this process.
type pipe struct{ from, to chan []byte }

// Send implements vaulttest.Conn.
func (p pipe) Send(ctx context.Context, frame []byte) error {
	select {
	case p.to <- frame:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Recv implements vaulttest.Conn.
func (p pipe) Recv(ctx context.Context) ([]byte, error) {
	select {
	case frame := <-p.from:
		return frame, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestFar holds a vault at the other end to what every vault must do.
func TestFar(t *testing.T) {
	up, down := make(chan []byte), make(chan []byte)
	var mu sync.Mutex
	kept := map[string]*vault.Memory{}
	keeper := vaulttest.Keeper{
		Open: func(_ context.Context, name string) (vault.Vault, error) {
			mu.Lock()
			defer mu.Unlock()
			if kept[name] == nil {
				kept[name] = vault.NewMemory()
			}
			kept[name] = kept[name].Clone()
			return kept[name], nil
		},
		Erase: func(name string) error {
			mu.Lock()
			defer mu.Unlock()
			delete(kept, name)
			return nil
		},
	}
	served := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { served <- vaulttest.Serve(ctx, pipe{up, down}, keeper) }()
	far := vaulttest.NewFar(pipe{down, up})
	open := func(name string) vault.Vault {
		v, err := far.Open(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	vaulttest.Run(t, func(*testing.T) (vault.Vault, func() vault.Vault) {
		name := rand.Text()
		v := open(name)
		return v, func() vault.Vault {
			v.Close()
			return open(name)
		}
	})
	far.Close()
	stop()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("the other end ended with %v", err)
	}
	if _, err := far.Open(context.Background(), "a"); err == nil {
		t.Error("a vault was opened after the end")
	}
}
