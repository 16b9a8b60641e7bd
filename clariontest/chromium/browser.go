// SPDX-License-Identifier: AGPL-3.0-or-later

package chromium

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Program is Debian's name of the browser.
const Program = "chromium"

// Browser is one running Chromium.
type Browser struct {
	cmd    *exec.Cmd
	to     io.WriteCloser
	said   *tail
	exited chan struct{} // closed when the process has ended

	mu      sync.Mutex // guards what follows and writing
	last    int
	waiting map[int]chan answer
	gone    bool // no answer will come any more
}

type answer struct {
	result json.RawMessage
	err    error
}

var errGone = errors.New("the browser has ended")

// Devices are arguments that give a browser a microphone and a camera which are
// made up and need nobody's word: 30 pictures a second.
var Devices = []string{
	"--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
}

// Launch starts Chromium on a profile, a folder which it makes and keeps, with
// further arguments. It ends with ctx, with Close or Kill, and with this process.
func Launch(ctx context.Context, profile string, more ...string) (*Browser, error) {
	path, err := exec.LookPath(Program)
	if err != nil {
		return nil, fmt.Errorf("%w: apt-get install %s", err, Program)
	}
	args := []string{
		"--headless=new", "--user-data-dir=" + profile, "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--disable-gpu",
		"--disable-extensions", "--disable-dev-shm-usage", "--password-store=basic", "--use-mock-keychain", "--disable-crash-reporter",
		// A page that nobody looks at must not be slowed down.
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
	}
	args = append(args, more...)
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium's sandbox refuses root
	}
	theirIn, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourIn, theirs, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), ours.Close())
	}
	b := &Browser{
		cmd: exec.CommandContext(ctx, path, append(args, "about:blank")...), to: ours, said: &tail{},
		exited: make(chan struct{}), waiting: map[int]chan answer{},
	}
	b.cmd.ExtraFiles = []*os.File{theirIn, theirs} // descriptors 3 and 4, where Chromium expects them
	b.cmd.Stderr = b.said
	b.cmd.WaitDelay = 5 * time.Second
	err = b.cmd.Start()
	err = errors.Join(err, theirIn.Close(), theirs.Close())
	if err != nil {
		return nil, errors.Join(err, ours.Close(), ourIn.Close())
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer ourIn.Close()
		b.read(ourIn)
	}()
	go func() {
		_ = b.cmd.Wait() // how it ended is asked of nobody
		_ = ours.Close()
		<-read
		close(b.exited)
	}()
	return b, nil
}

// read takes answers until the browser ends.
func (b *Browser) read(from io.Reader) {
	messages := bufio.NewReader(from)
	for {
		message, err := messages.ReadBytes(0)
		if err != nil {
			break
		}
		var m struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if json.Unmarshal(bytes.TrimSuffix(message, []byte{0}), &m) != nil || m.ID == 0 {
			continue // an event
		}
		a := answer{result: m.Result}
		if m.Error != nil {
			a.err = errors.New(m.Error.Message)
		}
		b.mu.Lock()
		if to := b.waiting[m.ID]; to != nil {
			to <- a
			delete(b.waiting, m.ID)
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
	for _, to := range b.waiting {
		to <- answer{err: errGone}
	}
	b.waiting = nil
}

// Call carries out a method of the DevTools protocol, in a page's session or,
// with an empty one, the browser's. The answer is read into result unless
// that is nil.
func (b *Browser) Call(ctx context.Context, session, method string, params, result any) error {
	to := make(chan answer, 1)
	if err := b.post(session, method, params, to); err != nil {
		return err
	}
	select {
	case a := <-to:
		if a.err != nil {
			return fmt.Errorf("%s: %w", method, a.err)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w; chromium said %s", method, ctx.Err(), b.said)
	}
}

func (b *Browser) post(session, method string, params any, to chan answer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return fmt.Errorf("%s: %w: %s", method, errGone, b.said)
	}
	b.last++
	message, err := json.Marshal(struct {
		ID        int    `json:"id"`
		SessionID string `json:"sessionId,omitempty"`
		Method    string `json:"method"`
		Params    any    `json:"params,omitempty"`
	}{b.last, session, method, params})
	if err != nil {
		return err
	}
	b.waiting[b.last] = to
	_, err = b.to.Write(append(message, 0))
	return err
}

// Page is one open page.
type Page struct {
	Browser         *Browser
	target, Session string
}

// Open opens a page.
func (b *Browser) Open(ctx context.Context, url string) (*Page, error) {
	var created struct{ TargetID string }
	if err := b.Call(ctx, "", "Target.createTarget", map[string]any{"url": url}, &created); err != nil {
		return nil, err
	}
	var attached struct{ SessionID string }
	if err := b.Call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": created.TargetID, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	return &Page{Browser: b, target: created.TargetID, Session: attached.SessionID}, nil
}

// Crash ends the page's process at once, as running out of memory would. The
// browser's own process, which keeps IndexedDB, lives on.
func (p *Page) Crash(ctx context.Context) error {
	// The page that crashes gives no answer; what comes next shows that it did.
	return p.Browser.post(p.Session, "Page.crash", nil, make(chan answer, 1))
}

// Terminate ends the program's worker at once, as the page that owns it may;
// the page lives on.
func (p *Page) Terminate(ctx context.Context) error {
	return p.Browser.Call(ctx, p.Session, "Runtime.evaluate", map[string]any{"expression": "program.terminate()"}, nil)
}

// Close closes the page as its person would.
func (p *Page) Close(ctx context.Context) error {
	return p.Browser.Call(ctx, "", "Target.closeTarget", map[string]any{"targetId": p.target}, nil)
}

// Close ends the browser as its person would.
func (b *Browser) Close(ctx context.Context) error {
	err := b.Call(ctx, "", "Browser.close", nil, nil)
	if errors.Is(err, errGone) {
		err = nil
	}
	select {
	case <-b.exited:
		return err
	case <-ctx.Done():
		b.Kill()
		return ctx.Err()
	}
}

// Kill ends the browser's main process at once, with no chance to write
// anything; its helpers follow it. It returns when it has ended.
func (b *Browser) Kill() {
	_ = b.cmd.Process.Kill() // it may have ended already
	<-b.exited
}

// Exited is closed when the browser has ended.
func (b *Browser) Exited() <-chan struct{} { return b.exited }

// Said returns the end of what the browser wrote to its standard error.
func (b *Browser) Said() string { return b.said.String() }

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const maxTail = 16 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxTail; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
