// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"clarion.chat/clarion/client/vault/vaulttest"
	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/server"
)

// Clock is a clock that a test moves. It goes with the system's clock, plus
// what was added, until it is stopped.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
	stands time.Time // zero while it goes
}

// Now is the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stands.IsZero() {
		return c.stands.Add(c.offset)
	}
	return time.Now().Add(c.offset)
}

// StandAt stops it at a time; from then on only Add moves it.
func (c *Clock) StandAt(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stands = at
}

// Add moves it on.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Server is one Clarion server on a loopback port. It can be stopped and
// started again on the same port, with the same data or restored ones.
type Server struct {
	t      testing.TB
	Dir    string
	URL    string
	Host   string
	Clock  *Clock
	config server.Config
	addr   string

	running *running
	far     *vaulttest.Far // see KeepVaultsIn
}

type running struct {
	srv    *server.Server
	http   *http.Server
	cancel context.CancelFunc
	ended  chan error
}

// NewServer starts a server in a folder of its own; it ends with the test. It
// relays calls, at its own port, if a change sets Relay.Anywhere.
func NewServer(t testing.TB, change ...func(*server.Config)) *Server {
	t.Helper()
	s := &Server{t: t, Dir: filepath.Join(t.TempDir(), "data"), Clock: new(Clock)}
	s.config = server.Config{DataDir: s.Dir, Clock: s.Clock.Now, Beyond: inventory.Beyond}
	s.config.Tenses = func() (could, cannot []string) { return inventory.Could(), inventory.Cannot() }
	for _, f := range change {
		f(&s.config)
	}
	l, err := s.listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", l.Port())
	s.URL, s.Host, s.config.NewHost = "http://"+s.addr, s.addr, s.addr
	if s.config.Host != "" {
		s.Host = s.config.Host
	}
	s.start(l)
	t.Cleanup(s.Stop)
	return s
}

// listen opens the server's ports.
func (s *Server) listen(at string) (*server.Ports, error) {
	if s.config.Relay.Anywhere {
		return server.Listen(at, "")
	}
	return server.Listen(at, server.RelayOff)
}

// Start runs a stopped server again, on the same port.
func (s *Server) Start() {
	s.t.Helper()
	// A client that dials while nobody listens may have been given this very
	// port for its own end; it lets go of it at once.
	var l *server.Ports
	err := errors.New("not tried")
	for end := time.Now().Add(Patience); err != nil && time.Now().Before(end); runtime.Gosched() {
		l, err = s.listen(s.addr)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.start(l)
}

func (s *Server) start(l *server.Ports) {
	s.t.Helper()
	s.config.Ports = l
	srv, err := server.Open(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{srv: srv, cancel: cancel, ended: make(chan error, 1), http: &http.Server{Handler: srv.Handler()}}
	go func() { r.ended <- srv.Run(ctx) }()
	go func() { _ = r.http.Serve(srv.Web()) }()
	s.running = r
}

// Stop ends the server, if it runs, and waits for the end.
func (s *Server) Stop() {
	r := s.running
	if r == nil {
		return
	}
	s.running = nil
	r.cancel()
	r.http.Close()
	if err := <-r.ended; err != nil {
		s.t.Errorf("the server ended with %v", err)
	}
	if err := r.srv.Close(); err != nil {
		s.t.Errorf("closing the server: %v", err)
	}
}

// Restart is Stop and Start.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Backup writes a backup while the server runs.
func (s *Server) Backup(file string) {
	s.t.Helper()
	if err := server.Backup(s.Dir, file); err != nil {
		s.t.Fatal(err)
	}
}

// Restore stops the server, puts the backup in place and starts again.
func (s *Server) Restore(file string) {
	s.t.Helper()
	s.Stop()
	if _, err := server.Restore(s.Dir, file); err != nil {
		s.t.Fatal(err)
	}
	s.Start()
}

// Server gives the running server, for what only an operator does.
func (s *Server) Server() *server.Server { return s.running.srv }
