// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"clarion.chat/clarion/server"
	"clarion.chat/clarion/web"
	"clarion.chat/clarion/wire"
)

// serveCommand runs the server until a signal ends it.
type serveCommand struct {
	Listen       *string `placeholder:"HOST:PORT" help:"Address to serve at; port 0 takes a free one. Default: localhost:8440."`
	Host         *string `placeholder:"HOST" help:"What stands after the @ of handles. Default: what the data folder says, at first the address."`
	Registration *string `placeholder:"open|invite|closed" help:"Who may register. Default: open."`
	Keep         *int    `placeholder:"DAYS" help:"Longest time an envelope may stay, 1 to 30. Default: 30."`
	ClockOffset  span    `name:"clock-offset" hidden:"" help:"Shift the server's clock."`
	App          string  `name:"app" hidden:"" help:"For tests: hand out the web app that was built into this folder."`
	Anywhere     bool    `name:"relay-anywhere" hidden:"" help:"For tests: relay to private addresses and this machine's own too."`
	Retention    *span   `hidden:"" help:"For tests: delete envelopes after this time, whole hours rounded up. Below one hour it is exact: an envelope goes between once and one and a half times this after it arrived, and its time of arrival is kept in memory only."`
}

// Help is shown by serve --help.
func (serveCommand) Help() string {
	return `Example:
  clariond serve --data ./data --listen localhost:8440

Settings of --config FILE, one "key = value" a line, # begins a comment:
  data, listen, tls_cert and tls_key (files, both or none), host, registration (open|invite|closed), keep (1 to 30 days), operator, jurisdiction, contact,
  connections, commands_per_second, command_burst, slow_per_second, slow_burst, live_per_second, live_burst,
  subscriptions, waiting_reads,
  relay (on|off), relay_listen (HOST:PORT), relay_public (IP address), relay_host (HOST or HOST:PORT), relay_ports (MIN-MAX), and these bounds and sizes, each with its range and default:
` + sizes() + `
A key package has at most 4096 bytes and a directory entry 2048. The data folder is held by one process at a time.`
}

// sizes lists the settings of size, a line each.
func sizes() string {
	var b strings.Builder
	for _, s := range new(server.Relay).Settings(new(int)) {
		fmt.Fprintf(&b, "  %-20s %s, %d to %d; default %d\n", s.Key, s.What, s.Least, s.Most, s.Default)
	}
	for _, s := range new(server.Sizes).Settings() {
		class := ""
		if s.Class {
			class = ", 512 doubled any number of times"
		}
		fmt.Fprintf(&b, "  %-20s %s, %d to %d%s; default %d\n", s.Key, s.What, s.Least, s.Most, class, s.Default)
	}
	return b.String()
}

// Run serves until the invocation's context ends.
func (s *serveCommand) Run(inv *invocation) error {
	if err := given(map[string]*string{"listen": s.Listen, "host": s.Host, "registration": s.Registration}); err != nil {
		return err
	}
	c, err := s.config(inv)
	if err != nil {
		return err
	}
	listen := or(s.Listen, first(inv.c.Listen, defaultListen))
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return usage(fmt.Sprintf("the address to listen at is HOST:PORT, not %q", listen), "for example --listen localhost:8440")
	}
	cert, err := inv.c.certificate(c.Log)
	if err != nil {
		return err
	}
	if c.Ports, err = server.Listen(listen, inv.c.Relay.at()); err != nil {
		return listenFailure(listen, inv.c.Relay.Listen, err)
	}
	where := address{"http", net.JoinHostPort(shownHost(host), fmt.Sprint(c.Ports.Port()))}
	if cert != nil {
		where.scheme, c.TLS = "https", cert.settings()
	}
	c.NewHost = where.host()
	srv, err := server.Open(*c)
	if err != nil {
		return err
	}
	if cert != nil {
		cert.warn(srv.Host(), c.Clock())
	}
	err = serveOn(inv, srv, func() { welcome(inv, srv, where) })
	return errors.Join(err, srv.Close())
}

// shownHost is the host that a person on this machine can use.
func shownHost(host string) string {
	ip := net.ParseIP(host)
	if host == "" || (ip != nil && ip.IsUnspecified()) {
		return "localhost"
	}
	return host
}

// listenFailure says what is wrong with the address.
func listenFailure(listen, relay string, err error) error {
	var dns *net.DNSError
	var address *net.AddrError
	if errors.As(err, &dns) || errors.As(err, &address) {
		return usage(fmt.Sprintf("%q is no address of this machine", listen), "for example --listen localhost:8440")
	}
	f := failureOf(err)
	if f.Code == "port_in_use" {
		f.Text = "another program listens at " + listen
		if relay != "" {
			f.Text += " or " + relay
		} else if strings.HasPrefix(opened(err), "udp") {
			f.Text += " (UDP, for the relay)"
		}
	}
	return f
}

// opened is the network of what could not be opened.
func opened(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Net
	}
	return ""
}

// config joins flags and file into the server's own settings.
func (s *serveCommand) config(inv *invocation) (*server.Config, error) {
	host := or(s.Host, inv.c.Host)
	if inv.c.Host != "" && host != inv.c.Host {
		return nil, inv.c.wrong(inv.c.lines["host"], "host = %s contradicts --host %s", inv.c.Host, host)
	}
	if host != "" && !wire.ValidHost(host) {
		return nil, usage(fmt.Sprintf("%q is no host", host), "write it in lower case, with the port unless it is 443")
	}
	policy, err := server.ParsePolicy(or(s.Registration, first(inv.c.Registration, "open")))
	if err != nil {
		return nil, usage(err.Error(), "run `clariond serve --help`")
	}
	keep := wire.MaxKeep
	if inv.c.Keep != 0 {
		keep = inv.c.Keep
	}
	if s.Keep != nil {
		keep = *s.Keep
	}
	if keep < wire.MinKeep || keep > wire.MaxKeep {
		return nil, usage(fmt.Sprintf("keep is %d to %d days, not %d", wire.MinKeep, wire.MaxKeep, keep), "choose a number in that range")
	}
	// Hours are what is stored; a time below one is kept in memory (see
	// server.Config), so that a test need not wait for the hour to be over.
	var retention, brief time.Duration
	if s.Retention != nil {
		if retention = time.Duration(*s.Retention); retention <= 0 {
			return nil, usage("retention is a length of time above zero", "for example --retention 2h")
		}
	}
	if retention < time.Hour {
		retention, brief = 0, retention
	}
	offset := time.Duration(s.ClockOffset)
	return &server.Config{
		DataDir: inv.data, Host: host, Keep: uint8(keep), Registration: policy, Limits: inv.c.limits(), Sizes: inv.c.Sizes,
		Retention: int((retention + time.Hour - 1) / time.Hour), BriefRetention: brief,
		Clock:    func() time.Time { return time.Now().Add(offset) },
		Operator: inv.c.Operator, Jurisdiction: inv.c.Jurisdiction, Contact: inv.c.Contact, Version: version(),
		Web: s.app(), Relay: inv.c.Relay.settings(s.Anywhere),
		Log: slog.New(slog.NewTextHandler(inv.err, nil)),
	}, nil
}

// app is the web app that is handed out.
func (s *serveCommand) app() fs.FS {
	if s.App != "" {
		return os.DirFS(s.App)
	}
	return web.Files()
}

// version is what the build knows of this program's, "(devel)" or nothing when
// it knows none.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version
}

// welcome prints where the server is and what to do next. Its first line is
// read by programs; with --json there is one line, and it is an object.
func welcome(inv *invocation, srv *server.Server, where address) {
	data, err := filepath.Abs(inv.data)
	if err != nil {
		data = inv.data
	}
	if inv.json {
		writeJSON(inv.out, struct {
			Listening string `json:"listening"`
			Host      string `json:"host"`
			Data      string `json:"data"`
		}{where.String(), srv.Host(), data})
		return
	}
	fmt.Fprintf(inv.out, "listening %s\n", where)
	fmt.Fprintf(inv.out, "handles  name@%s\n", srv.Host())
	fmt.Fprintf(inv.out, "data     %s\n", data)
	fmt.Fprintf(inv.out, "next     clarion register --server %s --name ada\n", where)
	fmt.Fprintf(inv.out, "stop     Ctrl-C\n")
}

// serveOn runs the server and its HTTP side until the invocation ends, then
// lets both finish what they have begun.
func serveOn(inv *invocation, srv *server.Server, ready func()) error {
	h := &http.Server{
		Handler:           srv.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // its lines name addresses
	}
	ctx, cancel := context.WithCancel(inv.ctx)
	defer cancel()
	var owned sync.WaitGroup
	var runErr, httpErr error
	owned.Go(func() {
		defer cancel()
		runErr = srv.Run(ctx)
	})
	owned.Go(func() {
		defer cancel()
		if err := h.Serve(srv.Web()); !errors.Is(err, http.ErrServerClosed) {
			httpErr = err
		}
	})
	ready()
	<-ctx.Done()
	finish, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if err := h.Shutdown(finish); err != nil {
		_ = h.Close()
	}
	owned.Wait()
	return errors.Join(runErr, httpErr)
}
