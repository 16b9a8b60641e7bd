// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"crypto/ed25519"
	"errors"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"clarion.chat/clarion/server/internal/relay"
	"clarion.chat/clarion/server/internal/store"
	"clarion.chat/clarion/wire"
)

// Errors of Open, Backup, Restore and NewCode.
var (
	ErrBusy    = store.ErrBusy    // another process holds the data folder
	ErrVersion = store.ErrVersion // data of another version, or not Clarion's
	ErrHost    = store.ErrHost    // the data belongs to another host
	ErrNoData  = store.ErrNoData  // no server has run in the folder yet
	ErrExists  = store.ErrExists  // a backup never overwrites
	ErrDamaged = store.ErrDamaged // a backup fails its integrity check

	ErrNotBackup = store.ErrNotBackup // a file to restore is no backup
	ErrForeign   = store.ErrForeign   // a restore would replace data of another host or version
)

// drainTime is how long connections have to take what they are owed.
const drainTime = 5 * time.Second

// Server serves one data folder. Open makes it, Run keeps it going.
type Server struct {
	c        Config
	store    *store.Store
	hub      hub
	relay    *relay.Relay // nil when there is none
	upgrader *gws.Upgrader
	doors    map[string]*door
	app      map[string]*appFile // the web app by file name; nil when there is none
	holds    []holding           // what /about.json says of the inventory
	buffers  sync.Pool           // *[]byte, for what is being written to sockets

	mu       sync.Mutex
	sessions map[*session]struct{}
	open     int // places taken
	closing  bool
	readers  sync.WaitGroup
}

// Open opens the data folder and takes its lock. It starts nothing. ErrBusy,
// ErrVersion, ErrHost, a wrong setting, or an error of the disk (a refusal
// with disk_full or store_unavailable in its chain).
func Open(c Config) (*Server, error) {
	srv, err := open(c)
	if err != nil && c.Ports != nil {
		c.Ports.Close()
	}
	return srv, err
}

func open(c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	srv := &Server{
		c:        c,
		hub:      hub{boxes: make(map[wire.MailboxID]*watchers)},
		sessions: make(map[*session]struct{}),
		doors:    map[string]*door{"account": accountDoor(), "mailbox": mailboxDoor()},
	}
	if srv.app, err = readApp(c.Web); err != nil {
		return nil, err
	}
	if srv.holds, err = readHoldings(); err != nil {
		return nil, err
	}
	srv.upgrader = srv.newUpgrader()
	srv.store, err = store.Open(store.Options{
		Dir: c.DataDir, Host: c.Host, NewHost: c.NewHost, Clock: c.Clock,
		Retention: c.Retention, Brief: c.BriefRetention, Keep: c.Keep, Committed: srv.hub.committed,
		Bounds: store.Bounds{KeyPackages: c.Sizes.KeyPackages, Invites: c.Sizes.Invites,
			Introductions: c.Sizes.InboxCount, IntroductionBytes: c.Sizes.InboxBytes},
	})
	if err != nil {
		return nil, err
	}
	if srv.relay, err = srv.c.newRelay(srv.host()); err != nil {
		return nil, errors.Join(err, srv.store.Close())
	}
	return srv, nil
}

// Host returns the host of this server's handles.
func (srv *Server) Host() string { return srv.host() }

func (srv *Server) host() string { return srv.store.Meta().Host }

// Run owns the store's writer, the purge loops and the relay. It blocks until ctx is done,
// the connections have been given what they are owed, and all that it started
// has ended. It is called once.
func (srv *Server) Run(ctx context.Context) error {
	writing, stopWriting := context.WithCancel(context.Background())
	defer stopWriting()
	var owned sync.WaitGroup
	var writerErr, relayErr error
	owned.Go(func() { writerErr = srv.store.Run(writing) })
	owned.Go(func() { srv.purgeLoop(ctx) })
	if srv.relay != nil {
		srv.warnOfRelay()
		owned.Go(func() {
			relayErr = srv.relay.Run(ctx)
			if n := srv.relay.Stats(); n.Errors > 0 {
				srv.c.Log.Info("faults that the relay's library told of; what it said names addresses and was not kept", "number", n.Errors)
			}
		})
	}
	if srv.c.BriefRetention > 0 {
		owned.Go(func() { srv.briefLoop(ctx) })
	}

	<-ctx.Done()
	srv.endSessions()
	stopWriting()
	owned.Wait()
	return errors.Join(writerErr, relayErr)
}

// Close frees the data folder and the ports. Run must have returned, or never
// been called.
func (srv *Server) Close() error {
	if srv.c.Ports != nil {
		srv.c.Ports.Close()
	}
	return srv.store.Close()
}

// purgeLoop purges at once and then at each full hour.
func (srv *Server) purgeLoop(ctx context.Context) {
	for {
		if err := srv.Purge(); err != nil {
			srv.c.Log.Error("the purge job did not finish; it runs again within an hour", "cause", err)
		}
		now := srv.c.Clock()
		next := time.NewTimer(now.Truncate(time.Hour).Add(time.Hour + time.Second).Sub(now))
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return
		}
	}
}

// briefLoop purges at the pace of a retention below one hour.
func (srv *Server) briefLoop(ctx context.Context) {
	pace := time.NewTicker(max(srv.c.BriefRetention/2, time.Millisecond))
	defer pace.Stop()
	for {
		if err := srv.store.PurgeBrief(); err != nil && wire.CodeOf(err) != wire.CodeShuttingDown {
			srv.c.Log.Error("the purge job did not finish; it runs again soon", "cause", err)
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
	}
}

// Purge deletes what is past its limit now. Run must be running.
func (srv *Server) Purge() error {
	all, err := srv.store.Purge()
	for _, p := range all {
		if p.Removed > 0 {
			srv.c.Log.Info("purged", "table", p.Table, "rows", p.Removed, "limit", p.Policy)
		}
	}
	if err == nil {
		err = srv.store.PurgeBrief()
	}
	if wire.CodeOf(err) == wire.CodeShuttingDown {
		return nil
	}
	return err
}

func (srv *Server) isClosing() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.closing
}

// errFull and errClosing refuse a connection.
var (
	errFull    = errors.New("too many connections")
	errClosing = errors.New("the server is shutting down")
)

// reserve takes a place for a connection that is being made.
func (srv *Server) reserve() error {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	switch {
	case srv.closing:
		return errClosing
	case srv.open >= srv.c.Limits.Connections:
		return errFull
	}
	srv.open++
	srv.readers.Add(1)
	return nil
}

// enter lists a connection, unless the server began to end meanwhile.
func (srv *Server) enter(s *session) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closing {
		return false
	}
	srv.sessions[s] = struct{}{}
	return true
}

// leave gives a connection's place back.
func (srv *Server) leave(s *session) {
	srv.mu.Lock()
	delete(srv.sessions, s)
	srv.open--
	srv.mu.Unlock()
	srv.readers.Done()
}

// endSessions refuses new connections and commands, gives each connection the
// answers it is owed, and closes it.
func (srv *Server) endSessions() {
	srv.mu.Lock()
	srv.closing = true
	var all []*session
	for s := range srv.sessions {
		all = append(all, s)
	}
	srv.mu.Unlock()
	for _, s := range all {
		srv.hub.dismiss(s)
		s.shut()
	}
	cut := time.AfterFunc(drainTime, func() {
		for _, s := range all {
			s.cut()
		}
	})
	defer cut.Stop()
	srv.readers.Wait()
}

// hello is the first frame of a connection.
func (srv *Server) hello(challenge [32]byte) *wire.Hello {
	m := srv.store.Meta()
	return &wire.Hello{
		Version: wire.Version, Host: m.Host, Incarnation: m.Incarnation, Line: m.Line,
		Time: srv.c.Clock().Unix(), Challenge: challenge,
		ServerKey: [32]byte(m.ServerKey.Public().(ed25519.PublicKey)),
		Keep:      srv.c.Keep, MaxBody: uint32(srv.c.Sizes.Body),
	}
}
