// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"clarion.chat/clarion/client/vault"
)

// memoryOf is what a page holds, in bytes: the JavaScript and the document of
// the page, the JavaScript of its worker, the WebAssembly memory of the core,
// which never shrinks, and all of their process, shared pages in proportion.
type memoryOf struct{ page, worker, core, process float64 }

// longHistory has a native client write many messages while Ada is away, lets
// her browser take them, and scrolls through all of them.
func (w *web) longHistory() error {
	_, s, err := w.again()
	if err != nil {
		return err
	}
	before, err := w.memory(s)
	if err != nil {
		return err
	}
	link := ""
	if err := s.do(&link, "invite"); err != nil {
		return err
	}
	lin := newPerson(vault.NewMemory())
	wrote, err := w.write(lin, link, s)
	if err = errors.Join(err, lin.stop()); err != nil {
		return fmt.Errorf("lin: %w", err)
	}
	fmt.Printf("  %d messages written by a native client in %s\n", w.p.history, wrote.Round(time.Millisecond))

	began := now()
	if s, err = w.back(); err != nil {
		return err
	}
	var at stamp
	if err := s.do(&at, "all", w.p.history); err != nil {
		return err
	}
	fmt.Printf("  caught up by the page in %s, from its start\n", at.since(began).Round(time.Millisecond))
	var way struct {
		Took, Longest          float64
		Most, Elements, Frames int
	}
	opened := now()
	if err := errors.Join(s.do(nil, "go", "lin"), s.do(nil, "end")); err != nil {
		return err
	}
	fmt.Printf("  conversation opened and at its end after %s\n", now().since(opened).Round(time.Millisecond))
	if err := s.do(&way, "climb", longLine(0)); err != nil {
		return fmt.Errorf("scrolling: %w", err)
	}
	fmt.Printf("  scrolled from the last to the first in %.1f s, %d frames, the longest %.0f ms; at most %d messages and %d elements in the document\n",
		way.Took/1000, way.Frames, way.Longest, way.Most, way.Elements)
	after, err := w.memory(s)
	if err != nil {
		return err
	}
	printMemory(w.p.history, before, after)
	return nil
}

func longLine(i int) string {
	return fmt.Sprintf("line %06d of a long conversation, with as many words as people write", i)
}

// again ends Ada's browser and starts it on the profile that it left.
func (w *web) again() (begin, *screen, error) {
	if err := w.ada.leave(); err != nil {
		return begin{}, nil, err
	}
	d, err := sit(w.ada.profile)
	if err != nil {
		return begin{}, nil, err
	}
	w.ada = d
	return w.measureStart(d, true)
}

// back is a start whose beginning is not looked at.
func (w *web) back() (*screen, error) {
	d, err := sit(w.ada.profile)
	if err != nil {
		return nil, err
	}
	w.ada = d
	return show(w.ctx, d.Browser, w.real.url)
}

// write has a new native client accept the link and, once Ada has joined it
// and left her browser, write the history.
func (w *web) write(lin *person, link string, ada *screen) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(w.ctx, browserTime)
	defer cancel()
	if err := lin.register(ctx, w.real.addr(), "lin"); err != nil {
		return 0, err
	}
	met, err := lin.Accept(ctx, link)
	if err != nil {
		return 0, err
	}
	if err := lin.Listen(ctx); err != nil {
		return 0, err
	}
	if err := errors.Join(ada.do(nil, "go", "lin"), w.ada.leave()); err != nil {
		return 0, err
	}
	since := time.Now()
	for i := range w.p.history {
		if _, err := lin.Send(ctx, met.ID, longLine(i)); err != nil {
			return 0, fmt.Errorf("message %d: %w", i, err)
		}
	}
	return time.Since(since), nil
}

// memory collects the garbage and asks the browser and the kernel.
func (w *web) memory(s *screen) (m memoryOf, err error) {
	if err := s.call("HeapProfiler.collectGarbage", nil, nil); err != nil {
		return m, err
	}
	var parts []struct {
		Bytes        float64
		Scope, Types string
	}
	if err := s.do(&parts, "memory"); err != nil {
		return m, err
	}
	for _, p := range parts {
		if p.Scope == "DedicatedWorkerGlobalScope" {
			m.worker += p.Bytes
		} else {
			m.page += p.Bytes
		}
	}
	if m.core, err = w.coreMemory(s); err != nil {
		return m, fmt.Errorf("the core's memory: %w", err)
	}
	var running struct {
		ProcessInfo []struct {
			Type string
			ID   int
		}
	}
	if err := s.page.Browser.Call(w.ctx, "", "SystemInfo.getProcessInfo", nil, &running); err != nil {
		return m, err
	}
	for _, p := range running.ProcessInfo {
		if p.Type == "renderer" {
			m.process = max(m.process, proportional(p.ID))
		}
	}
	return m, nil
}

// coreMemory is the size of the WebAssembly memory in the browser's one worker.
// A session with a worker answers only while its page attaches workers itself.
func (w *web) coreMemory(s *screen) (bytes float64, err error) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	b := s.page.Browser
	auto := map[string]any{"autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true}
	if err := s.call("Target.setAutoAttach", auto, nil); err != nil {
		return 0, err
	}
	defer func() {
		auto["autoAttach"] = false
		err = errors.Join(err, s.call("Target.setAutoAttach", auto, nil))
	}()
	var all struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	filter := map[string]any{"filter": []any{map[string]any{"type": "worker"}}}
	if err := b.Call(ctx, "", "Target.getTargets", filter, &all); err != nil {
		return 0, err
	}
	if len(all.TargetInfos) != 1 {
		return 0, fmt.Errorf("%d workers", len(all.TargetInfos))
	}
	var attached struct{ SessionID string }
	err = b.Call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": all.TargetInfos[0].TargetID, "flatten": true}, &attached)
	if err != nil {
		return 0, err
	}
	call := func(method string, params, result any) {
		if err == nil {
			err = b.Call(ctx, attached.SessionID, method, params, result)
		}
	}
	type object struct{ ObjectID string }
	var kind struct{ Result object }
	var found struct{ Objects object }
	var size struct{ Result struct{ Value float64 } }
	call("Runtime.evaluate", map[string]any{"expression": "WebAssembly.Memory.prototype"}, &kind)
	call("Runtime.queryObjects", map[string]any{"prototypeObjectId": kind.Result.ObjectID}, &found)
	call("Runtime.callFunctionOn", map[string]any{
		"objectId": found.Objects.ObjectID, "returnByValue": true,
		"functionDeclaration": "function () { return this.reduce((n, m) => n + m.buffer.byteLength, 0) }",
	}, &size)
	detach := map[string]any{"sessionId": attached.SessionID}
	return size.Result.Value, errors.Join(err, b.Call(ctx, "", "Target.detachFromTarget", detach, nil))
}

// proportional is a process's share of memory in bytes, or 0 where there is
// no /proc.
func proportional(id int) float64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(id) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(b)) {
		if f := strings.Fields(l); len(f) >= 2 && f[0] == "Pss:" {
			n, _ := strconv.Atoi(f[1])
			return float64(n) * 1024
		}
	}
	return 0
}
