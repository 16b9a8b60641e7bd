// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"syscall/js"
	"testing"

	"clarion.chat/clarion/client/vault"
)

// BenchmarkSealing seals the values of one commit by Go and by WebCrypto, all
// of a commit at once: docs/decisions/browser-vault.md says what follows.
//
//	GOOS=js GOARCH=wasm go test -c -o bin/wasm.test ./cmd/clarion-wasm
//	go run ./scripts/browser bin/wasm.test -test.run=^$ -test.bench=Sealing
func BenchmarkSealing(b *testing.B) {
	for _, values := range []int{1, 4, 8, 64} {
		for _, size := range []int{200, 1000, 4000, 64 << 10} {
			changes := make([]vault.Change, values)
			for i := range changes {
				changes[i] = vault.Change{Key: "record/" + strconv.Itoa(i), Value: make([]byte, size)}
			}
			b.Run(fmt.Sprintf("%d of %d bytes by Go", values, size), func(b *testing.B) { sealByGo(b, changes) })
			b.Run(fmt.Sprintf("%d of %d bytes by WebCrypto", values, size), func(b *testing.B) { sealByWebCrypto(b, changes) })
		}
	}
}

// nowhere takes every commit and keeps nothing.
type nowhere struct{ vault.Vault }

func (nowhere) Commit(context.Context, []vault.Change) error { return nil }

func sealByGo(b *testing.B, changes []vault.Change) {
	v := vault.Seal(nowhere{}, [32]byte{1})
	for b.Loop() {
		if err := v.Commit(b.Context(), changes); err != nil {
			b.Fatal(err)
		}
	}
}

// sealByWebCrypto starts all at once and waits for them together. The values
// stay JavaScript's, as they would on their way into IndexedDB.
func sealByWebCrypto(b *testing.B, changes []vault.Change) {
	crypto, err := subtle()
	if err != nil {
		b.Fatal(err)
	}
	algorithm := newObject()
	algorithm.Set("name", "AES-GCM")
	algorithm.Set("length", 256)
	key, err := await(b.Context(), crypto.Call("generateKey", algorithm, false, js.Global().Get("Array").Call("of", "encrypt", "decrypt")))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		all := js.Global().Get("Array").New(len(changes))
		for i, change := range changes {
			nonce := make([]byte, 12)
			rand.Read(nonce)
			all.SetIndex(i, crypto.Call("encrypt", gcm(change.Key, nonce), key, bytesToJS(change.Value)))
		}
		if _, err := await(b.Context(), js.Global().Get("Promise").Call("all", all)); err != nil {
			b.Fatal(err)
		}
	}
}
