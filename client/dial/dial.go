// SPDX-License-Identifier: AGPL-3.0-or-later

package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

const (
	connectTimeout   = 10 * time.Second // for TCP alone
	handshakeTimeout = 15 * time.Second // for TCP, TLS and the upgrade together
	sendTimeout      = 20 * time.Second // for one frame to leave
	pingEvery        = 30 * time.Second // also keeps a proxy's idle timer quiet
	pongTimeout      = 20 * time.Second
)

// ErrServer is a server address that is no http(s)://host[:port].
var ErrServer = errors.New("a server's address is http://host[:port] or https://host[:port]")

// errRedirect keeps a door's address the one that was asked for: a redirect
// could send a sign-in to another host.
var errRedirect = errors.New("a door does not redirect")

// Dialer implements client.Dialer. The zero value dials directly and trusts the
// system's certificates.
type Dialer struct {
	// Proxy names the proxy for a request, as http.ProxyFromEnvironment does;
	// nil means none. Loopback addresses never go through it.
	Proxy func(*http.Request) (*url.URL, error)
	// TLS is used for https servers; nil means the defaults.
	TLS *tls.Config
}

// Dial connects to server/door/NAME within 15 s. The connection's frames are at
// most wire.MaxFrame bytes and are not compressed, because the length of
// compressed data tells of its content. ErrServer means that server is no
// address; any other error, that it is not reachable now.
func (d *Dialer) Dial(ctx context.Context, server string, door client.DoorName) (client.Conn, error) {
	target, err := doorURL(server, door)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	transport := &http.Transport{
		Proxy:           d.proxyFor,
		DialContext:     (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig: d.TLS,
	}
	c := &conn{done: make(chan struct{})}
	ws, _, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
		},
		CompressionMode: websocket.CompressionDisabled,
		OnPongReceived:  func(context.Context, []byte) { c.heard.Store(true) },
	})
	if err != nil {
		transport.CloseIdleConnections()
		return nil, err
	}
	ws.SetReadLimit(wire.MaxFrame)
	c.ws = ws
	go c.keepAlive(pingEvery, pongTimeout)
	return c, nil
}

func (d *Dialer) proxyFor(r *http.Request) (*url.URL, error) {
	if d.Proxy == nil || loopback(r.URL.Hostname()) {
		return nil, nil
	}
	return d.Proxy(r)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// doorURL turns a server's address into the WebSocket address of one door.
func doorURL(server string, door client.DoorName) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", ErrServer
	}
	if u.Path != "" && u.Path != "/" {
		return "", ErrServer
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", ErrServer
	}
	u.Path = "/door/" + string(door)
	return u.String(), nil
}
