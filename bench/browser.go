// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"clarion.chat/clarion/client/vault"
)

// browserTime bounds the whole part, not what it measures.
const browserTime = 30 * time.Minute

// web is the measurement of the web app, in real browsers against a real
// clariond that serves it.
type web struct {
	ctx  context.Context
	p    plan
	dir  string
	real *realServer

	ada, omar *desk // each a browser of its own
	paths     []string
}

func (p plan) runBrowser(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), browserTime)
	defer cancel()
	fmt.Printf("\nThe web app, in %s; load of the machine %s\n", browserVersion(), load1())
	real, err := startReal(dir)
	if err != nil {
		return err
	}
	w := &web{ctx: ctx, p: p, dir: dir, real: real}
	for _, step := range []func(*web) error{(*web).coldStarts, (*web).weights, (*web).talks, (*web).handOvers, (*web).warmStarts, (*web).longHistory} {
		if err = step(w); err != nil {
			break
		}
	}
	for _, d := range []*desk{w.ada, w.omar} {
		if d != nil {
			d.Kill() // its profile is removed with the folder
		}
	}
	fmt.Printf("  load of the machine at the end %s\n", load1())
	return errors.Join(err, real.stop())
}

// begin is how long a start took, from navigation.
type begin struct{ paint, content, ready, listed time.Duration }

// measureStart opens the app on a screen that was not there before.
func (w *web) measureStart(d *desk, known bool) (begin, *screen, error) {
	s, err := show(w.ctx, d.Browser, w.real.url)
	if err != nil {
		return begin{}, nil, err
	}
	var got begin
	var origin, at stamp
	var paints struct {
		Paint   float64 `json:"first-paint"`
		Content float64 `json:"first-contentful-paint"`
	}
	if err := errors.Join(s.do(&origin, "origin"), s.do(&paints, "paints"), s.do(&at, "isReady")); err != nil {
		return got, s, err
	}
	ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	got.paint, got.content, got.ready = ms(paints.Paint), ms(paints.Content), at.since(origin)
	if known {
		if err := s.do(&at, "isListed"); err != nil {
			return got, s, err
		}
		got.listed = at.since(origin)
	}
	return got, s, nil
}

// coldStarts open the app in browsers that never saw it.
func (w *web) coldStarts() error {
	var all []begin
	for i := range w.p.starts {
		profile := filepath.Join(w.dir, "cold"+strconv.Itoa(i))
		d, err := sit(profile)
		if err != nil {
			return err
		}
		got, s, err := w.measureStart(d, false)
		all = append(all, got)
		if err == nil {
			err = s.do(&w.paths, "loaded")
		}
		if err = errors.Join(err, d.leave(), os.RemoveAll(profile)); err != nil {
			return fmt.Errorf("a first start: %w", err)
		}
	}
	printBegins("first visit", all)
	return nil
}

// warmStarts open it where an account and the service worker are.
func (w *web) warmStarts() error {
	var all []begin
	for range w.p.starts {
		if err := w.ada.leave(); err != nil {
			return err
		}
		d, err := sit(w.ada.profile)
		if err != nil {
			return err
		}
		w.ada = d
		got, _, err := w.measureStart(d, true)
		if err != nil {
			return fmt.Errorf("a later start: %w", err)
		}
		all = append(all, got)
	}
	printBegins("later visit", all)
	return nil
}

// talk is what one kind of pair needed per message.
type talk struct{ own, arrived, shown []time.Duration }

// talks sends one message after the other, in turns between two pages and
// between native clients, all on the same server.
func (w *web) talks() error {
	ada, omar, err := w.meet()
	if err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	var natives []*couple
	defer func() {
		for _, c := range natives {
			_ = c.stop()
		}
	}()
	vaults := filepath.Join(w.dir, "native")
	for name, kind := range []func(string) (vault.Vault, error){memoryVaults, fileVaults(vaults)} {
		c, err := newCouple(w.real.addr(), "n"+strconv.Itoa(name), kind)
		if err != nil {
			return err
		}
		natives = append(natives, c)
	}
	var pages talk
	var native [2][]time.Duration
	for i := -5; i < w.p.words; i++ { // the first few are not counted
		for n, c := range natives {
			took, err := c.converse(time.Now(), 1, 0)
			if err != nil {
				return err
			}
			if i >= 0 {
				native[n] = append(native[n], took...)
			}
		}
		if err := pages.exchange(ada, omar, numbered(i+5), i >= 0); err != nil {
			return fmt.Errorf("message %d between two pages: %w", i, err)
		}
	}
	printTalks(native[0], native[1], pages)
	return nil
}

// exchange writes in one page and looks at both.
func (t *talk) exchange(from, to *screen, text string, counts bool) error {
	var hers, his struct{ Pressed, Arrived, Shown stamp }
	err := errors.Join(from.do(nil, "expect", text), to.do(nil, "expect", text))
	if err == nil {
		err = from.enter(text)
	}
	if err == nil {
		err = errors.Join(to.do(&his, "outcome"), from.do(&hers, "outcome"))
	}
	if err == nil && (hers.Pressed == 0 || his.Arrived == 0) {
		err = errors.New("it was shown and nobody wrote it")
	}
	if err == nil && counts {
		t.own = append(t.own, hers.Shown.since(hers.Pressed))
		t.arrived = append(t.arrived, his.Arrived.since(hers.Pressed))
		t.shown = append(t.shown, his.Shown.since(hers.Pressed))
	}
	return err
}

// meet makes two accounts in two browsers, who are in a conversation then.
func (w *web) meet() (ada, omar *screen, err error) {
	if w.ada, err = sit(filepath.Join(w.dir, "ada")); err != nil {
		return nil, nil, err
	}
	if w.omar, err = sit(filepath.Join(w.dir, "omar")); err != nil {
		return nil, nil, err
	}
	if ada, err = show(w.ctx, w.ada.Browser, w.real.url); err != nil {
		return nil, nil, err
	}
	link := ""
	if err := errors.Join(ada.do(nil, "register", "ada"), ada.do(&link, "invite")); err != nil {
		return nil, nil, err
	}
	if omar, err = show(w.ctx, w.omar.Browser, link); err != nil {
		return nil, nil, err
	}
	return ada, omar, errors.Join(omar.do(nil, "register", "omar"), omar.do(nil, "go", "ada"), ada.do(nil, "go", "omar"), ada.do(nil, "kept"))
}

// handOver is how long one took, from closing the tab that held the core.
type handOver struct{ ready, sent, lockToSent time.Duration }

// handOvers close the tab that runs the core while somebody writes in another.
func (w *web) handOvers() error {
	if err := w.ada.leave(); err != nil {
		return err
	}
	d, err := sit(w.ada.profile)
	if err != nil {
		return err
	}
	w.ada = d
	_, holder, err := w.measureStart(d, true)
	var took []handOver
	for i := range w.p.handOvers {
		if err != nil {
			return fmt.Errorf("a tab: %w", err)
		}
		var next *screen
		if next, err = show(w.ctx, d.Browser, w.real.url); err != nil {
			return err
		}
		// Through the first tab, for as long as that is there.
		if err = errors.Join(next.do(nil, "go", "omar"), next.do(nil, "prepared")); err != nil {
			return err
		}
		text := fmt.Sprintf("handed over %d", i)
		var at struct{ Granted, Ready, Sent stamp }
		before := now()
		if err = errors.Join(holder.page.Close(w.ctx), next.enter(text), next.do(&at, "sent", text)); err != nil {
			return fmt.Errorf("handing over: %w", err)
		}
		if at.Granted < before {
			return errors.New("the second tab ran a core of its own")
		}
		took = append(took, handOver{at.Ready.since(before), at.Sent.since(before), at.Sent.since(at.Granted)})
		holder = next
	}
	printHandOvers(took)
	return nil
}
