// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"syscall/js"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/cmd/clarion-wasm/calls"
)

// Codes of failures that arise at the core's edge.
const (
	failClosed     = "core_closed"
	failPassphrase = "passphrase_unavailable"
)

// entry makes globalThis.clarionCore; web/src/core/generated.ts has its type.
func entry() js.Value {
	e := newObject()
	e.Set("open", function(func(args []js.Value) (any, error) {
		var o calls.OpenOptions
		if err := fromJS("options", argument(args, 0), reflect.ValueOf(&o).Elem()); err != nil {
			return nil, err
		}
		return open(o)
	}))
	e.Set("state", function(func(args []js.Value) (any, error) {
		name, err := vaultName(args)
		if err != nil {
			return nil, err
		}
		state, err := vaultState(context.Background(), name)
		if err != nil {
			return nil, err
		}
		return toJS(reflect.ValueOf(state))
	}))
	e.Set("erase", function(func(args []js.Value) (any, error) {
		name, err := vaultName(args)
		if err != nil {
			return nil, err
		}
		return nil, eraseVault(name)
	}))
	return e
}

// argument returns the nth argument, undefined when there are fewer.
func argument(args []js.Value, n int) js.Value {
	if n >= len(args) {
		return js.Undefined()
	}
	return args[n]
}

// vaultName reads the one argument that names a vault.
func vaultName(args []js.Value) (name string, err error) {
	if err = fromJS("vault", argument(args, 0), reflect.ValueOf(&name).Elem()); err == nil && name == "" {
		err = wrongArgument("vault", "a name")
	}
	return name, err
}

// running is an open core: the client, its loop, and how it ended.
type running struct {
	core  calls.Core
	vault vault.Vault
	stop  context.CancelFunc
	ctx   context.Context
	ended chan struct{} // closed after the loop and the vault

	mu     sync.Mutex // guards failed
	failed error      // why it ended, nil when it was closed
}

// open starts a core and returns its object: call, next and close, which all
// answer with Promises.
func open(o calls.OpenOptions) (js.Value, error) {
	ctx, stop := context.WithCancel(context.Background())
	var v vault.Vault = vault.NewMemory()
	var lock calls.Lock = noLock{}
	var raw *browserVault
	if o.Vault != "" {
		var err error
		var keys *browserLock
		if v, raw, keys, err = openVault(ctx, o); err != nil {
			stop()
			return js.Undefined(), err
		}
		lock = keys
	}
	r := &running{
		core:  calls.Core{Client: client.New(client.Options{Vault: v, Dialer: dialer{}}), Lock: lock},
		vault: v, stop: stop, ctx: ctx, ended: make(chan struct{}),
	}
	go func() {
		err := r.core.Run(ctx)
		if closing := v.Close(); err == nil {
			err = closing
		}
		r.fail(err)
		close(r.ended)
	}()
	if raw != nil {
		go r.watch(raw)
	}
	table := map[string]calls.Entry{}
	for _, e := range calls.All() {
		table[e.Name] = e
	}
	core := newObject()
	core.Set("call", function(func(args []js.Value) (any, error) {
		name := argument(args, 0)
		e, known := table[name.String()]
		if name.Type() != js.TypeString || !known {
			return nil, &client.Failure{Code: failUsage, Text: "the core has no call of this name"}
		}
		return r.call(e, argument(args, 1))
	}))
	core.Set("next", function(func([]js.Value) (any, error) { return r.next() }))
	core.Set("opener", function(func([]js.Value) (any, error) {
		if raw == nil {
			return nil, nil
		}
		opener := lock.(*browserLock).Opener()
		if opener == nil {
			return nil, nil
		}
		return bytesToJS(opener), nil
	}))
	core.Set("close", function(func([]js.Value) (any, error) {
		stop()
		<-r.ended
		return nil, r.why()
	}))
	return core, nil
}

// watch ends the core when its vault is taken away: whoever has it now is its
// only owner.
func (r *running) watch(v *browserVault) {
	select {
	case <-v.database.gone:
		r.fail(vaultFailure(errGone))
	case <-v.lock.lost:
		r.fail(vaultFailure(errTaken))
	case <-v.taken:
		r.fail(vaultFailure(errTaken))
	case <-r.ctx.Done():
		return
	}
	r.stop()
}

// noLock is that of a vault in memory, which needs none.
type noLock struct{}

// Passphrase implements calls.Lock.
func (noLock) Passphrase(context.Context) (bool, error) { return false, nil }

// ChangePassphrase implements calls.Lock.
func (noLock) ChangePassphrase(context.Context, string, string) error {
	return &client.Failure{Code: failPassphrase, Text: "what is kept in memory only has no passphrase"}
}

// fail notes why the core ends; the first reason counts.
func (r *running) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil {
		r.failed = err
	}
}

func (r *running) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// call makes one call of the table.
func (r *running) call(e calls.Entry, from js.Value) (any, error) {
	params := reflect.New(e.Params).Elem()
	if err := fromJS("params", from, params); err != nil {
		return nil, err
	}
	result, err := e.Run(r.ctx, &r.core, params.Interface())
	if err != nil {
		return nil, r.reason(err)
	}
	if result == (calls.None{}) {
		return nil, nil
	}
	return toJS(reflect.ValueOf(result))
}

// reason replaces what a core that has ended says by why it ended, and what it
// says of a vault that was taken from it by just that.
func (r *running) reason(err error) error {
	for _, lost := range []error{errTaken, errGone} {
		if errors.Is(err, lost) {
			return vaultFailure(lost)
		}
	}
	select {
	case <-r.ended:
		if why := r.why(); why != nil {
			return why
		}
		return &client.Failure{Code: failClosed, Text: "the core was closed", Hint: "open it again", Cause: err}
	default:
		return err
	}
}

// next returns the next event that the table knows.
func (r *running) next() (any, error) {
	for e := range r.core.Events() {
		v, err := eventToJS(e)
		if err != nil || v.Truthy() {
			return v, err
		}
	}
	<-r.ended
	return nil, r.why()
}

// eventToJS gives an event its form for JavaScript, or null when it has none.
func eventToJS(e client.Event) (js.Value, error) {
	for _, entry := range calls.Events() {
		if entry.Type == reflect.TypeOf(e) {
			object := newObject()
			object.Set("event", entry.Name)
			return object, fieldsToJS(object, reflect.ValueOf(e))
		}
	}
	return js.Null(), nil
}
