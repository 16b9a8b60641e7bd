// SPDX-License-Identifier: AGPL-3.0-or-later

package calls

import (
	"context"
	"reflect"
	"unicode"

	"clarion.chat/clarion/client"
)

// Core is what calls are made on: a client, and the lock on its vault.
type Core struct {
	*client.Client
	Lock Lock
}

// Lock guards a vault with a passphrase. Errors: client.Failure.
type Lock interface {
	// Passphrase reports whether the vault opens with a passphrase only.
	Passphrase(ctx context.Context) (bool, error)
	// ChangePassphrase puts next in place of now; empty means none. A wrong
	// now changes nothing.
	ChangePassphrase(ctx context.Context, now, next string) error
}

// Entry is one call.
type Entry struct {
	Name   string
	Params reflect.Type // a struct
	Run    func(ctx context.Context, c *Core, params any) (result any, err error)
}

// None is no parameters, or no result.
type None struct{}

// call makes an entry of a function.
func call[P, R any](name string, f func(ctx context.Context, c *Core, p P) (R, error)) Entry {
	return Entry{name, reflect.TypeFor[P](), func(ctx context.Context, c *Core, params any) (any, error) {
		return f(ctx, c, params.(P))
	}}
}

// ask makes an entry of a method without parameters.
func ask[R any](name string, f func(*client.Client, context.Context) (R, error)) Entry {
	return call(name, func(ctx context.Context, c *Core, _ None) (R, error) { return f(c.Client, ctx) })
}

// do makes an entry of a function without a result.
func do[P any](name string, f func(ctx context.Context, c *Core, p P) error) Entry {
	return call(name, func(ctx context.Context, c *Core, p P) (None, error) { return None{}, f(ctx, c, p) })
}

// act makes an entry of a method with neither parameters nor result.
func act(name string, f func(*client.Client, context.Context) error) Entry {
	return do(name, func(ctx context.Context, c *Core, _ None) error { return f(c.Client, ctx) })
}

// EventEntry is one kind of event.
type EventEntry struct {
	Name string
	Type reflect.Type
}

func event[E client.Event](name string) EventEntry { return EventEntry{name, reflect.TypeFor[E]()} }

// FieldName is how a Go field is called in JavaScript: ID is id, ServerKey is
// serverKey, URLOfHost is urlOfHost.
func FieldName(goName string) string {
	runes := []rune(goName)
	for i := range runes {
		last := i+1 == len(runes) || string(runes[i+1:]) == "s" // the s of URLs begins no word
		if i > 0 && !last && unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i+1]) {
			break // the first letter of the next word
		}
		if !unicode.IsUpper(runes[i]) {
			break
		}
		runes[i] = unicode.ToLower(runes[i])
	}
	return string(runes)
}

// Optional reports whether a field of parameters may be left out.
func Optional(tag reflect.StructTag) bool { return tag.Get("core") == "optional" }
