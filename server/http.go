// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"clarion.chat/clarion/wire"
)

func itoa(n int) string { return strconv.Itoa(n) }

// silent is the WebSocket library's logger: what it would say names addresses.
type silent struct{}

func (silent) Error(...any) {}

func (srv *Server) newUpgrader() *gws.Upgrader {
	return gws.NewUpgrader(events{}, &gws.ServerOption{
		// Twice a frame, so that one past its limit can be answered.
		ReadMaxPayloadSize:  2 * srv.c.Sizes.Frame,
		WriteMaxPayloadSize: wire.MaxFrame,
		ReadBufferSize:      2048,
		HandshakeTimeout:    5 * time.Second,
		Logger:              silent{},
		NewSession:          func() gws.SessionStorage { return new(holder) },
	})
}

// Handler serves the doors, the web app, /about.json and the health check. It may be used
// as soon as Open has returned; commands are answered once Run runs.
func (srv *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for name, d := range srv.doors {
		mux.HandleFunc("GET /door/"+name, func(w http.ResponseWriter, r *http.Request) { srv.connect(w, r, d) })
	}
	mux.HandleFunc("GET /healthz", srv.healthz)
	mux.HandleFunc("GET /about.json", srv.about)
	srv.pages(mux)
	return headers(mux)
}

// headers go with every answer: it loads, runs and frames nothing, nobody
// keeps it, and no other site sees or embeds it. The pages say what they need
// beyond that.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions)
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// connect makes a WebSocket of a request and a session of the WebSocket.
func (srv *Server) connect(w http.ResponseWriter, r *http.Request, d *door) {
	if !srv.ownOrigin(r) {
		http.Error(w, "this door serves no other site", http.StatusForbidden)
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this door speaks WebSocket", http.StatusUpgradeRequired)
		return
	}
	s := srv.newSession(d)
	if err := srv.reserve(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	socket, err := srv.upgrader.Upgrade(w, r)
	if err != nil {
		srv.leave(s)
		return
	}
	s.socket = socket
	socket.Session().(*holder).s = s
	if !srv.enter(s) {
		s.cut()
		srv.leave(s)
		return
	}
	// The reader outlives this handler, so that net/http frees its buffers.
	go func() {
		defer srv.leave(s)
		s.serve()
	}()
}

// ownOrigin refuses browsers on other sites. Programs send no Origin.
func (srv *Server) ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, srv.host())
}

func (srv *Server) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	err := srv.store.Ping(ctx)
	if srv.isClosing() {
		err = errors.Join(err, errClosing)
	}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("the store does not answer\n"))
		return
	}
	_, _ = w.Write([]byte("ok"))
}
