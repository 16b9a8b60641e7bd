// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/dial"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/filevault"
)

// person is a real client: its loop, its vault, its connections.
type person struct {
	*client.Client
	vault   vault.Vault
	cancel  context.CancelFunc
	ended   chan error
	arrived chan client.Message
	joined  chan string // conversations
	problem chan string // codes
}

func newPerson(v vault.Vault) *person {
	ctx, cancel := context.WithCancel(context.Background())
	p := &person{
		Client: client.New(client.Options{Vault: v, Dialer: new(dial.Dialer)}), vault: v, cancel: cancel,
		ended: make(chan error, 1), arrived: make(chan client.Message, 1<<14), joined: make(chan string, 16), problem: make(chan string, 16),
	}
	go func() { p.ended <- p.Run(ctx) }()
	go p.sort()
	return p
}

// sort gives each event to whoever waits for its sort.
func (p *person) sort() {
	for e := range p.Events() {
		switch e := e.(type) {
		case client.MessageArrived:
			p.arrived <- e.Message
		case client.ConversationJoined:
			p.joined <- e.Conversation
		case client.Problem:
			select {
			case p.problem <- e.Code:
			default:
			}
		}
	}
}

func (p *person) stop() error {
	p.cancel()
	return errors.Join(<-p.ended, p.vault.Close())
}

func (p *person) register(ctx context.Context, addr, name string) error {
	_, err := p.Register(ctx, client.RegisterParams{Server: "http://" + addr, Name: name})
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}

// couple is two people in a conversation, both online.
type couple struct {
	ada, omar    *person
	conversation string
}

func (c *couple) stop() error { return errors.Join(c.ada.stop(), c.omar.stop()) }

// newCouple registers two people, who meet by an invite link.
func newCouple(addr, name string, vaults func(name string) (vault.Vault, error)) (*couple, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all [2]*person
	for i, prefix := range []string{"ada-", "omar-"} {
		v, err := vaults(prefix + name)
		if err != nil {
			return nil, err
		}
		all[i] = newPerson(v)
		if err := all[i].register(ctx, addr, prefix+name); err != nil {
			return nil, err
		}
	}
	c := &couple{ada: all[0], omar: all[1]}
	if err := c.ada.Listen(ctx); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	invite, err := c.ada.Invite(ctx, 1)
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	met, err := c.omar.Accept(ctx, invite.Link)
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	if err := c.omar.Listen(ctx); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	select {
	case c.conversation = <-c.ada.joined:
	case <-ctx.Done():
		return nil, errors.New("nobody joined")
	}
	if c.conversation != met.ID {
		return nil, errors.New("they are in two conversations")
	}
	return c, nil
}

// memoryVaults keep nothing.
func memoryVaults(string) (vault.Vault, error) { return vault.NewMemory(), nil }

// fileVaults lie in a folder, as those of the clarion command do.
func fileVaults(dir string) func(string) (vault.Vault, error) {
	return func(name string) (vault.Vault, error) { return filevault.Open(filepath.Join(dir, name)) }
}

// couples is how many conversations share the 100 messages a second.
const couples = 10

// shown measures from when a message is due to be sent until the other
// person's client tells that it arrived: sealed, durable, delivered, opened,
// and kept. Each second 100 texts of 500 bytes, so of the size class 1024.
func shown(addr, name string, d time.Duration, vaults func(string) (vault.Vault, error)) ([]time.Duration, error) {
	all := make([]*couple, couples)
	defer func() {
		for _, c := range all {
			if c != nil {
				_ = c.stop()
			}
		}
	}()
	for i := range all {
		var err error
		if all[i], err = newCouple(addr, name+strconv.Itoa(i), vaults); err != nil {
			return nil, err
		}
	}
	n := int(d/time.Second) * 100 / couples
	results := make([][]time.Duration, couples)
	errs := make([]error, couples)
	begin := time.Now().Add(100 * time.Millisecond)
	var done sync.WaitGroup
	for i, c := range all {
		// The couples are out of step, so that the load is even.
		first := begin.Add(time.Duration(i) * 10 * time.Millisecond)
		done.Go(func() { results[i], errs[i] = c.converse(first, n, 100*time.Millisecond) })
	}
	done.Wait()
	var took []time.Duration
	for _, r := range results {
		took = append(took, r...)
	}
	return took, errors.Join(errs...)
}

// converse sends n messages, one each time, and waits for all of them.
func (c *couple) converse(first time.Time, n int, every time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(n)*every)
	defer cancel()
	due := func(i int) time.Time { return first.Add(time.Duration(i) * every) }
	sent := make(chan error, 1)
	go func() {
		for i := range n {
			time.Sleep(time.Until(due(i)))
			if _, err := c.ada.Send(ctx, c.conversation, numbered(i)); err != nil {
				sent <- fmt.Errorf("send: %w", err)
				return
			}
		}
		sent <- nil
	}()
	var took []time.Duration
	for i := range n {
		select {
		case m := <-c.omar.arrived:
			took = append(took, time.Since(due(i)))
			if m.Text != numbered(i) {
				return took, fmt.Errorf("another text than number %d arrived", i)
			}
		case code := <-c.omar.problem:
			return took, fmt.Errorf("problem %s", code)
		case code := <-c.ada.problem:
			return took, fmt.Errorf("problem %s", code)
		case <-ctx.Done():
			return took, fmt.Errorf("message %d did not arrive: %w", i, ctx.Err())
		}
	}
	return took, <-sent
}

func numbered(i int) string { return fmt.Sprintf("%0500d", i) }
