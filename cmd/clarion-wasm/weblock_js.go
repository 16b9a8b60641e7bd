// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"sync"
	"syscall/js"
	"time"

	"clarion.chat/clarion/client/vault"
)

// lockWait is how long another page may take to let a vault go that it is
// just closing.
const lockWait = 2 * time.Second

// webLock is a Web Lock: at most one page or worker of the origin holds it,
// and it ends with its holder, however that dies.
type webLock struct {
	lost chan struct{} // closed when another page stole it
	let  js.Value      // resolves the promise that holds it

	mu       sync.Mutex // guards released
	released bool
}

// takeLock takes the lock on a vault, or returns vault.ErrBusy. With steal
// nobody is waited for: whoever held it has lost it.
func takeLock(name string, steal bool) (*webLock, error) {
	locks := js.Global().Get("navigator").Get("locks")
	if !locks.Truthy() {
		return nil, errors.New("this browser has no locks between pages")
	}
	l := &webLock{lost: make(chan struct{})}
	granted := make(chan struct{})
	var executor, held js.Func
	executor = js.FuncOf(func(_ js.Value, args []js.Value) any {
		l.let = args[0]
		return nil
	})
	hold := js.Global().Get("Promise").New(executor)
	executor.Release()
	held = js.FuncOf(func(js.Value, []js.Value) any {
		close(granted)
		return hold
	})
	options := newObject()
	if steal {
		options.Set("steal", true)
	} else {
		options.Set("signal", js.Global().Get("AbortSignal").Call("timeout", lockWait.Milliseconds()))
	}
	ended := make(chan error, 1)
	request := locks.Call("request", "clarion vault "+name, options, held)
	go func() {
		// Settles when the lock was let go, was not granted in time, or was stolen.
		_, err := await(context.Background(), request)
		held.Release()
		ended <- err
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.released {
			close(l.lost)
		}
	}()
	select {
	case <-granted:
		return l, nil
	case err := <-ended:
		var e *domError
		if errors.As(err, &e) && (e.name == "TimeoutError" || e.name == "AbortError") {
			return nil, vault.ErrBusy
		}
		return nil, err
	}
}

// release lets the lock go.
func (l *webLock) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.released {
		l.released = true
		l.let.Invoke()
	}
}
