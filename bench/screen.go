// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"clarion.chat/clarion/clariontest/chromium"
)

// screenScript is what a page is given before its own programs: eyes.
//
//go:embed screen.js
var screenScript string

// callScript is more of it, about calls.
//
//go:embed call.js
var callScript string

// realServer is a clariond with the web app in it, as `make build` leaves it.
type realServer struct {
	url string
	cmd *exec.Cmd
}

// startReal builds clariond from this tree and runs it. Only its allowance for
// costly commands is wider: the measurement comes from one address, and its
// relay reaches that.
func startReal(dir string) (*realServer, error) {
	program, config := filepath.Join(dir, "clariond"), filepath.Join(dir, "clariond.conf")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./cmd/clariond")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building clariond: %w\n%s", err, out)
	}
	if err := os.WriteFile(config, []byte("operator = Lin\nslow_per_second = 1000\nslow_burst = 1000\n"), 0o600); err != nil {
		return nil, err
	}
	s := &realServer{cmd: exec.Command(program, "serve", "--data", filepath.Join(dir, "real"), "--listen", "127.0.0.1:0", "--config", config, "--relay-anywhere")}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if url, is := strings.CutPrefix(lines.Text(), "listening "); is {
				said <- strings.TrimSuffix(strings.Fields(url)[0], "/")
			}
		}
	}()
	select {
	case url, ok := <-said:
		if ok {
			s.url = url
			return s, nil
		}
		return nil, errors.Join(errors.New("clariond ended before it listened"), s.cmd.Wait())
	case <-time.After(patience):
		return nil, errors.Join(errors.New("clariond does not listen"), s.stop())
	}
}

func (s *realServer) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// addr is HOST:PORT.
func (s *realServer) addr() string { return strings.TrimPrefix(s.url, "http://") }

// screen is one page before a person.
type screen struct {
	page *chromium.Page
	ctx  context.Context
}

// show opens a page of a browser that somebody looks at.
func show(ctx context.Context, b *chromium.Browser, url string) (*screen, error) {
	page, err := b.Open(ctx, "about:blank")
	if err != nil {
		return nil, err
	}
	s := &screen{page: page, ctx: ctx}
	return s, errors.Join(
		s.call("Page.enable", nil, nil),
		s.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil),
		s.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil),
		s.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": screenScript + callScript}, nil),
		s.call("Page.navigate", map[string]any{"url": url}, nil),
	)
}

// call carries out a method that answers at once.
func (s *screen) call(method string, params, result any) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	return s.page.Browser.Call(ctx, s.page.Session, method, params, result)
}

// eval evaluates an expression, waits for its promise, and reads its value.
func (s *screen) eval(expression string, into any) error {
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}
	// What the page waits for has its own limits in screen.js.
	if err := s.page.Browser.Call(s.ctx, s.page.Session, "Runtime.evaluate", params, &got); err != nil {
		return err
	}
	if e := got.ExceptionDetails; e != nil {
		return fmt.Errorf("the page: %s %s", e.Text, e.Exception.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(got.Result.Value, into)
}

// do calls a function of screen.js.
func (s *screen) do(into any, function string, args ...any) error {
	var all []string
	for _, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			return err
		}
		all = append(all, string(b))
	}
	if err := s.eval("bench."+function+"("+strings.Join(all, ", ")+")", into); err != nil {
		return fmt.Errorf("%s: %w", function, err)
	}
	return nil
}

// enter writes a text where the cursor is and presses Enter.
func (s *screen) enter(text string) error {
	if err := s.call("Input.insertText", map[string]any{"text": text}, nil); err != nil {
		return err
	}
	key := map[string]any{"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		key["type"] = kind
		if err := s.call("Input.dispatchKeyEvent", key, nil); err != nil {
			return err
		}
	}
	return nil
}

// stamp is a moment in milliseconds since 1970, as the pages tell it.
type stamp float64

func (s stamp) since(before stamp) time.Duration {
	return time.Duration((float64(s) - float64(before)) * float64(time.Millisecond))
}

func now() stamp { return stamp(float64(time.Now().UnixNano()) / 1e6) }

// desk is a browser on a profile of its own.
type desk struct {
	*chromium.Browser
	profile string
}

// sit starts a browser on the profile, with a camera and a microphone.
func sit(profile string) (*desk, error) {
	b, err := chromium.Launch(context.Background(), profile, chromium.Devices...)
	if err != nil {
		return nil, err
	}
	return &desk{Browser: b, profile: profile}, nil
}

// leave ends the browser as its person would.
func (d *desk) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return d.Close(ctx)
}
