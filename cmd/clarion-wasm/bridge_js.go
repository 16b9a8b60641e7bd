// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"syscall/js"

	"clarion.chat/clarion/client"
)

// promise runs f in a goroutine of its own and returns a Promise of what it
// returns: a value that js.ValueOf takes, or an Error with code and hint.
func promise(f func() (any, error)) js.Value {
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any {
		resolve, reject := args[0], args[1]
		go func() {
			v, err := f()
			if err != nil {
				reject.Invoke(errorValue(err))
				return
			}
			resolve.Invoke(v)
		}()
		return nil
	})
	defer executor.Release() // the constructor has called it when it returns
	return js.Global().Get("Promise").New(executor)
}

// errorValue makes the Error that a Promise is rejected with: code, text and
// hint, the text also as its message.
func errorValue(err error) js.Value {
	f := client.AsFailure(err)
	e := js.Global().Get("Error").New(f.Text)
	e.Set("code", f.Code)
	e.Set("text", f.Text)
	e.Set("hint", f.Hint)
	e.Set("queued", f.Queued)
	return e
}

// await waits for a Promise in the calling goroutine, which must not be that
// of a callback. When ctx ends first, what the Promise brings is dropped.
func await(ctx context.Context, p js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	var resolved, rejected js.Func
	release := func() {
		resolved.Release()
		rejected.Release()
	}
	resolved = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: args[0]}
		release()
		return nil
	})
	rejected = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: thrown(args[0])}
		release()
		return nil
	})
	p.Call("then", resolved, rejected)
	select {
	case o := <-settled:
		return o.value, o.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

// thrown turns whatever JavaScript threw into an error; the browser's own
// exceptions keep their names.
func thrown(v js.Value) error {
	if v.Type() == js.TypeObject {
		if exception := js.Global().Get("DOMException"); exception.Truthy() && v.InstanceOf(exception) {
			return &domError{v.Get("name").String(), v.Get("message").String()}
		}
		if m := v.Get("message"); m.Type() == js.TypeString {
			return errors.New(m.String())
		}
	}
	return errors.New(js.Global().Call("String", v).String())
}

// try calls into JavaScript and returns what it throws as an error.
func try(f func() js.Value) (v js.Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = thrown(r.Value)
		default:
			panic(r)
		}
	}()
	return f(), nil
}

// function is a function for JavaScript that answers with a Promise. It lives
// as long as the page.
func function(f func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		return promise(func() (any, error) { return f(args) })
	})
}
