// SPDX-License-Identifier: AGPL-3.0-or-later

package chromium

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

//go:embed worker.js
var worker []byte

// Host serves programs to browsers at one loopback address, and so one origin:
// a browser that comes back finds what it stored.
type Host struct {
	URL      string // http://127.0.0.1:port
	server   *http.Server
	wasmExec []byte

	vaults chan *link // a page's connection to /door/vaults

	mu     sync.Mutex
	runs   map[string]*Run
	behind *httputil.ReverseProxy // the server that pages reach here, or nil
}

// Run is one program in one page.
type Run struct {
	URL     string   // the page that runs it
	Args    []string // after the program's name
	Env     map[string]string
	Output  io.Writer // what it prints, both streams
	program string

	mu     sync.Mutex // one writer of Output
	once   sync.Once
	exited chan struct{}
	status int
}

// NewHost starts to serve, until Close.
func NewHost() (*Host, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	h := &Host{runs: map[string]*Run{}, vaults: make(chan *link)}
	if h.wasmExec, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "lib", "wasm", "wasm_exec.js")); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.URL = "http://" + listener.Addr().String()
	h.server = &http.Server{Handler: h.handler()}
	go func() { _ = h.server.Serve(listener) }() // ends with Close
	return h, nil
}

// Reach lets pages reach a Clarion server under this address, as if it had
// served them.
func (h *Host) Reach(server string) error {
	target, err := url.Parse(server)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Origin") // it names this address
		},
		ErrorLog: log.New(io.Discard, "", 0), // a server that is down is part of a test
	}
	return nil
}

func (h *Host) doors(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	behind := h.behind
	h.mu.Unlock()
	if behind == nil {
		http.NotFound(w, r)
		return
	}
	behind.ServeHTTP(w, r)
}

// Close ends serving.
func (h *Host) Close() error { return h.server.Close() }

// Add makes a run of the WebAssembly program in a file. It starts when a page
// opens its URL, once.
func (h *Host) Add(program string, args []string, env map[string]string, output io.Writer) *Run {
	id := rand.Text()
	r := &Run{URL: h.URL + "/run/" + id, Args: args, Env: env, Output: output, program: program, exited: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs[id] = r
	return r
}

// Exited is closed when the program has ended by itself.
func (r *Run) Exited() <-chan struct{} { return r.exited }

// Status is the program's exit status, once it has exited.
func (r *Run) Status() int { return r.status }

func (h *Host) handler() http.Handler {
	mux := http.NewServeMux()
	serve := func(kind string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body) // the browser may have gone
		}
	}
	mux.HandleFunc("GET /wasm_exec.js", serve("text/javascript", h.wasmExec))
	mux.HandleFunc("GET /worker.js", serve("text/javascript", worker))
	mux.HandleFunc("GET /favicon.ico", serve("image/x-icon", nil))
	mux.HandleFunc("GET /empty", serve("text/html", []byte("<!doctype html><title>empty</title>")))
	mux.HandleFunc("GET /door/vaults", h.acceptVaults)
	mux.HandleFunc("GET /door/", h.doors)
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request, *Run){
		"GET /run/{id}": h.page, "GET /run/{id}/start": start, "GET /run/{id}/program": program,
		"POST /run/{id}/output": output, "POST /run/{id}/exit": exit,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			h.mu.Lock()
			run := h.runs[r.PathValue("id")]
			h.mu.Unlock()
			if run == nil {
				http.NotFound(w, r)
				return
			}
			f(w, r, run)
		})
	}
	return mux
}

func (h *Host) page(w http.ResponseWriter, r *http.Request, _ *Run) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, "<!doctype html><title>a run</title><script>globalThis.program = new Worker(%q)</script>", "/worker.js#"+r.PathValue("id"))
}

func start(w http.ResponseWriter, _ *http.Request, run *Run) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"args": append([]string{"program"}, run.Args...), "env": run.Env})
}

func program(w http.ResponseWriter, r *http.Request, run *Run) {
	w.Header().Set("Content-Type", "application/wasm")
	http.ServeFile(w, r, run.program)
}

func output(_ http.ResponseWriter, r *http.Request, run *Run) {
	run.mu.Lock()
	defer run.mu.Unlock()
	_, _ = io.Copy(run.Output, r.Body)
}

func exit(_ http.ResponseWriter, r *http.Request, run *Run) {
	b, err := io.ReadAll(r.Body)
	status, bad := strconv.Atoi(string(b))
	if err != nil || bad != nil {
		status = 1
	}
	run.once.Do(func() {
		run.status = status
		close(run.exited)
	})
}
