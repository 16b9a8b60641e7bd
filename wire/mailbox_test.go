// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestEnvelopeHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e Envelope
		fill(t, reflect.ValueOf(&e).Elem(), "envelope")
		moved := e
		moved.Seq++
		if e.Hash() != moved.Hash() {
			t.Fatal("the hash changes with the place")
		}
		for name, change := range map[string]func(*Envelope){
			"id":    func(e *Envelope) { e.ID[3]++ },
			"epoch": func(e *Envelope) { e.Epoch++ },
			"kind":  func(e *Envelope) { e.EnvelopeKind = e.EnvelopeKind%3 + 1 },
			"next":  func(e *Envelope) { e.Next[0]++ },
			"body":  func(e *Envelope) { e.Body = append([]byte{0}, e.Body...) },
		} {
			other := e
			change(&other)
			if e.Hash() == other.Hash() {
				t.Fatalf("the hash does not cover the %s", name)
			}
		}
	})
}

func TestEnvelopeKinds(t *testing.T) {
	for kind := range 256 {
		_, err := Marshal(&Envelope{EnvelopeKind: EnvelopeKind(kind)})
		if known := kind >= 1 && kind <= 3; (err == nil) != known {
			t.Errorf("an envelope of kind %d gives %v", kind, err)
		}
	}
}
