// SPDX-License-Identifier: AGPL-3.0-or-later

package vaulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"clarion.chat/clarion/client/vault"
)

// Conn carries whole frames, in order, as client.Conn does.
type Conn interface {
	Send(ctx context.Context, frame []byte) error
	Recv(ctx context.Context) ([]byte, error)
}

// request is one call of a vault at the other end of a Conn.
type request struct {
	ID         uint64
	Op         string // open, get, scan, commit, close, erase
	Vault      string
	Key, After []byte // any bytes; Key is also a prefix
	Limit      int
	Changes    []storedChange
}

type storedChange struct{ Key, Value []byte } // a nil Value is null

type answer struct {
	ID      uint64
	Value   []byte
	Records []storedChange
	Err     string
}

// Keeper opens and erases vaults by name, for Serve.
type Keeper struct {
	Open  func(ctx context.Context, name string) (vault.Vault, error)
	Erase func(name string) error
}

// Serve carries out what a Far at the other end asks, until the Conn ends.
func Serve(ctx context.Context, c Conn, k Keeper) error {
	var mu sync.Mutex // guards open and sending
	open := map[string]vault.Vault{}
	for {
		frame, err := c.Recv(ctx)
		if err != nil {
			return err
		}
		var r request
		if err := json.Unmarshal(frame, &r); err != nil {
			return err
		}
		go func() {
			mu.Lock()
			v := open[r.Vault]
			mu.Unlock()
			a := answer{ID: r.ID}
			var err error
			switch {
			case r.Op == "open":
				if v, err = k.Open(ctx, r.Vault); err == nil {
					mu.Lock()
					open[r.Vault] = v
					mu.Unlock()
				}
			case r.Op == "erase":
				err = k.Erase(r.Vault)
			case v == nil:
				err = vault.ErrClosed
			default:
				err = r.apply(ctx, v, &a)
			}
			if err != nil {
				a.Err = err.Error()
			}
			frame, err := json.Marshal(a)
			if err != nil {
				panic(err) // only bytes and strings
			}
			mu.Lock()
			defer mu.Unlock()
			_ = c.Send(ctx, frame) // a connection that ended shows in Recv
		}()
	}
}

func (r *request) apply(ctx context.Context, v vault.Vault, a *answer) (err error) {
	switch r.Op {
	case "get":
		a.Value, err = v.Get(ctx, string(r.Key))
		return err
	case "scan":
		found, err := v.Scan(ctx, string(r.Key), string(r.After), r.Limit)
		for _, f := range found {
			a.Records = append(a.Records, storedChange{[]byte(f.Key), f.Value})
		}
		return err
	case "commit":
		changes := make([]vault.Change, len(r.Changes))
		for i, c := range r.Changes {
			changes[i] = vault.Change{Key: string(c.Key), Value: c.Value}
		}
		return v.Commit(ctx, changes)
	case "close":
		return v.Close()
	}
	return fmt.Errorf("no vault does %q", r.Op)
}

// Far is a keeper of vaults at the other end of a Conn.
type Far struct {
	conn Conn
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex // guards what follows and sending
	last    uint64
	waiting map[uint64]chan answer
	err     error
}

// NewFar speaks to what Serve runs at the other end, until Close.
func NewFar(c Conn) *Far {
	ctx, stop := context.WithCancel(context.Background())
	f := &Far{conn: c, stop: stop, done: make(chan struct{}), waiting: map[uint64]chan answer{}}
	go f.read(ctx)
	return f
}

// Close ends the conversation with the other end.
func (f *Far) Close() {
	f.stop()
	<-f.done
}

func (f *Far) read(ctx context.Context) {
	defer close(f.done)
	for {
		frame, err := f.conn.Recv(ctx)
		var a answer
		if err == nil {
			err = json.Unmarshal(frame, &a)
		}
		f.mu.Lock()
		if err != nil {
			f.err = err
			for _, to := range f.waiting {
				to <- answer{Err: "the other end is gone: " + err.Error()}
			}
			f.mu.Unlock()
			return
		}
		if to := f.waiting[a.ID]; to != nil {
			to <- a
			delete(f.waiting, a.ID)
		}
		f.mu.Unlock()
	}
}

func (f *Far) ask(ctx context.Context, r request) (answer, error) {
	to := make(chan answer, 1)
	f.mu.Lock()
	f.last++
	r.ID = f.last
	frame, err := json.Marshal(r)
	if err == nil {
		err = f.err
	}
	if err == nil {
		f.waiting[r.ID] = to
		err = f.conn.Send(context.WithoutCancel(ctx), frame)
	}
	f.mu.Unlock()
	if err != nil {
		return answer{}, err
	}
	select {
	case a := <-to:
		return a, known(a.Err)
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// known finds the error of a vault again by its words.
func known(text string) error {
	if text == "" {
		return nil
	}
	for _, err := range []error{vault.ErrNotFound, vault.ErrNoKey, vault.ErrClosed, vault.ErrBusy, vault.ErrVersion, vault.ErrFull, vault.ErrDamaged} {
		if err.Error() == text {
			return err
		}
	}
	return errors.New(text)
}

// Open opens the vault of a name, or makes it.
func (f *Far) Open(ctx context.Context, name string) (vault.Vault, error) {
	if _, err := f.ask(ctx, request{Op: "open", Vault: name}); err != nil {
		return nil, err
	}
	return &farVault{f, name}, nil
}

// Erase deletes a vault that is closed.
func (f *Far) Erase(ctx context.Context, name string) error {
	_, err := f.ask(ctx, request{Op: "erase", Vault: name})
	return err
}

// farVault is one vault at the other end.
type farVault struct {
	far  *Far
	name string
}

// Get implements vault.Vault.
func (v *farVault) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, err := v.far.ask(ctx, request{Op: "get", Vault: v.name, Key: []byte(key)})
	if err != nil {
		return nil, err
	}
	return append([]byte{}, a.Value...), nil
}

// Scan implements vault.Vault.
func (v *farVault) Scan(ctx context.Context, prefix, after string, limit int) ([]vault.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, err := v.far.ask(ctx, request{Op: "scan", Vault: v.name, Key: []byte(prefix), After: []byte(after), Limit: limit})
	if err != nil {
		return nil, err
	}
	var out []vault.Record
	for _, r := range a.Records {
		out = append(out, vault.Record{Key: string(r.Key), Value: append([]byte{}, r.Value...)})
	}
	return out, nil
}

// Commit implements vault.Vault.
func (v *farVault) Commit(ctx context.Context, changes []vault.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := request{Op: "commit", Vault: v.name}
	for _, c := range changes {
		r.Changes = append(r.Changes, storedChange{[]byte(c.Key), c.Value})
	}
	_, err := v.far.ask(ctx, r)
	return err
}

// Close implements vault.Vault.
func (v *farVault) Close() error {
	_, err := v.far.ask(context.Background(), request{Op: "close", Vault: v.name})
	return err
}
