// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"
	"time"

	"clarion.chat/clarion/client/vault"
)

// IndexedDB, as far as a vault needs it. Its rule: a transaction ends by
// itself as soon as the event loop turns and none of its requests is open. So
// all requests of a transaction are made in one go, by a goroutine that does
// not wait in between: Go gives the thread back to the browser only when every
// goroutine waits.

const (
	databaseVersion = 1
	storeRecords    = "records" // values under binary keys, which IndexedDB orders by their bytes
	storeMeta       = "meta"    // the seal and the owner, each under its name
	// blockedWait is how long other pages may take to close a database that
	// this one needs for itself.
	blockedWait = 5 * time.Second
)

// errAbsent is a database that is not there and was not to be made.
var errAbsent = errors.New("there is no such database")

// database is an open database.
type database struct {
	value    js.Value
	gone     chan struct{} // closed when the browser or another page took it away
	handlers []js.Func
}

func databaseName(vaultName string) string { return "clarion/" + vaultName }

// indexedDB returns the browser's factory.
func indexedDB() (js.Value, error) {
	f := js.Global().Get("indexedDB")
	if !f.Truthy() {
		return f, errors.New("this browser, or this private window, keeps nothing")
	}
	return f, nil
}

// openDatabase opens a vault's database; with create it makes it when it is
// not there, else it returns errAbsent.
func openDatabase(name string, create bool) (*database, error) {
	factory, err := indexedDB()
	if err != nil {
		return nil, err
	}
	request, err := try(func() js.Value { return factory.Call("open", databaseName(name), databaseVersion) })
	if err != nil {
		return nil, named(err)
	}
	absent := false
	upgrade := js.FuncOf(func(js.Value, []js.Value) any {
		if !create {
			absent = true
			request.Get("transaction").Call("abort") // which also takes the new database back
			return nil
		}
		made := request.Get("result")
		made.Call("createObjectStore", storeRecords)
		made.Call("createObjectStore", storeMeta)
		return nil
	})
	defer upgrade.Release()
	request.Set("onupgradeneeded", upgrade)
	value, err := settle(request, func(late js.Value) { late.Call("close") })
	switch {
	case absent:
		return nil, errAbsent
	case err != nil:
		return nil, err
	}
	d := &database{value: value, gone: make(chan struct{})}
	stores := value.Get("objectStoreNames")
	if !stores.Call("contains", storeRecords).Bool() || !stores.Call("contains", storeMeta).Bool() {
		value.Call("close")
		return nil, vault.ErrDamaged
	}
	d.watch()
	return d, nil
}

// watch notices when the database is taken away: another page deletes it or
// brings it to a newer version, and waits for this one to let go; or the
// browser removes it, as when a person clears what sites keep.
func (d *database) watch() {
	taken := false
	take := func(js.Value, []js.Value) any {
		if !taken {
			taken = true
			d.value.Call("close")
			close(d.gone)
		}
		return nil
	}
	for _, event := range []string{"onversionchange", "onclose"} {
		f := js.FuncOf(take)
		d.handlers = append(d.handlers, f)
		d.value.Set(event, f)
	}
}

// close lets the database go, once the transactions that run have ended.
func (d *database) close() {
	d.value.Set("onversionchange", js.Null())
	d.value.Set("onclose", js.Null())
	d.value.Call("close")
	for _, f := range d.handlers {
		f.Release()
	}
	d.handlers = nil
}

// deleteDatabase removes a vault's database, if it is there.
func deleteDatabase(name string) error {
	factory, err := indexedDB()
	if err != nil {
		return err
	}
	request, err := try(func() js.Value { return factory.Call("deleteDatabase", databaseName(name)) })
	if err != nil {
		return named(err)
	}
	_, err = settle(request, func(js.Value) {})
	return err
}

// settle waits for a request that opens or deletes a database. While other
// pages block it for long it gives up with vault.ErrBusy, and what comes later
// is handed to late.
func settle(request js.Value, late func(result js.Value)) (js.Value, error) {
	type outcome struct {
		result js.Value
		err    error
	}
	settled, blocked := make(chan outcome, 1), make(chan struct{}, 1)
	gaveUp := false
	var handlers []js.Func
	on := func(event string, f func()) {
		h := js.FuncOf(func(js.Value, []js.Value) any {
			f()
			return nil
		})
		handlers = append(handlers, h)
		request.Set(event, h)
	}
	release := func() {
		for _, h := range handlers {
			h.Release()
		}
	}
	on("onblocked", func() {
		select {
		case blocked <- struct{}{}:
		default:
		}
	})
	on("onsuccess", func() {
		if gaveUp {
			late(request.Get("result"))
		}
		settled <- outcome{result: request.Get("result")}
		release()
	})
	on("onerror", func() {
		settled <- outcome{err: named(thrown(request.Get("error")))}
		release()
	})
	select {
	case o := <-settled:
		return o.result, o.err
	case <-blocked:
	}
	select {
	case o := <-settled:
		return o.result, o.err
	case <-time.After(blockedWait):
		gaveUp = true
		return js.Undefined(), vault.ErrBusy
	}
}

// transact runs one transaction: requests makes all its requests at once, and
// their results are there when transact returns nil. One that writes is on the
// disk by then, whole, or was not made. ctx ends the wait for one that reads.
func (d *database) transact(ctx context.Context, mode string, requests func(tx js.Value)) error {
	names := js.Global().Get("Array").Call("of", storeRecords, storeMeta)
	options := newObject()
	options.Set("durability", "strict")
	tx, err := try(func() js.Value { return d.value.Call("transaction", names, mode, options) })
	if err != nil {
		return d.failed(err)
	}
	settled := make(chan error, 1)
	var complete, abort js.Func
	release := func() {
		complete.Release()
		abort.Release()
	}
	complete = js.FuncOf(func(js.Value, []js.Value) any {
		settled <- nil
		release()
		return nil
	})
	abort = js.FuncOf(func(js.Value, []js.Value) any {
		settled <- thrown(tx.Get("error"))
		release()
		return nil
	})
	tx.Set("oncomplete", complete)
	tx.Set("onabort", abort)
	_, err = try(func() js.Value {
		requests(tx) // and it completes by itself: who asks it to cannot abort it any more
		return tx
	})
	if err != nil {
		// Nothing of it may stay. A transaction that has ended meanwhile throws.
		_, _ = try(func() js.Value { return tx.Call("abort") })
		<-settled
		return d.failed(err)
	}
	if mode == "readwrite" {
		return d.failed(<-settled)
	}
	select {
	case err := <-settled:
		return d.failed(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resultOf reads the result of a request whose transaction is complete.
func resultOf(request js.Value) (js.Value, error) {
	return try(func() js.Value { return request.Get("result") })
}

// failed names what went wrong with an open database.
func (d *database) failed(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-d.gone:
		return errGone
	default:
		return named(err)
	}
}

// errGone is a vault that was deleted or evicted while it was open.
var errGone = errors.New("the browser took the vault away")

// errTaken is a vault that was opened anew by another page or worker; nothing
// was changed.
var errTaken = errors.New("another page took the vault over")

// domError is what a browser throws: DOMException, by its name.
type domError struct{ name, message string }

// Error gives name and message.
func (e *domError) Error() string { return e.name + ": " + e.message }

// named gives an error of IndexedDB the vault's own name.
func named(err error) error {
	var e *domError
	if !errors.As(err, &e) {
		return err
	}
	switch e.name {
	case "QuotaExceededError":
		return fmt.Errorf("%w: %w", vault.ErrFull, err)
	case "VersionError":
		return fmt.Errorf("%w: %w", vault.ErrVersion, err)
	}
	return err
}
