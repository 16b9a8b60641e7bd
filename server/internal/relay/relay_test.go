// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v5"
)

// patience bounds every wait of the tests; nothing sleeps.
const patience = 20 * time.Second

// clock is a clock that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *clock) forward(d time.Duration) { c.offset.Add(int64(d)) }

// certificate makes one for localhost that signs itself.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Clarion's test"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// running is a relay on loopback, with an HTTP server on its port.
type running struct {
	*Relay
	t     testing.TB
	at    string // host:port
	tls   *tls.Config
	clock *clock
	stop  func()
}

func start(t testing.TB, change func(*Config)) *running {
	t.Helper()
	return startAt(t, "127.0.0.1:0", "", change)
}

func startAt(t testing.TB, web, own string, change func(*Config)) *running {
	t.Helper()
	return startMade(t, web, own, change, func(*Relay) {})
}

// startMade is startAt with a change of what was made.
func startMade(t testing.TB, web, own string, change func(*Config), made func(*Relay)) *running {
	t.Helper()
	ports, err := Listen(web, own)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, clock: new(clock)}
	c := Config{Ports: ports, Host: "localhost", Anywhere: true, Clock: r.clock.now}
	if change != nil {
		change(&c)
	}
	if c.TLS != nil {
		r.tls = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
		leaf, err := x509.ParseCertificate(c.TLS.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		r.tls.RootCAs.AddCert(leaf)
	}
	if r.Relay, err = New(c); err != nil {
		ports.Close()
		t.Fatal(err)
	}
	made(r.Relay)
	r.at = ports.streams().Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- r.Run(ctx) }()
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		_, _ = w.Write(b)
	}), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { ended <- h.Serve(r.Web()) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		_ = h.Close()
		for range 2 {
			select {
			case err := <-ended:
				if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Fatal("the relay does not end")
			}
		}
		ports.Close()
	})
	t.Cleanup(r.stop)
	return r
}

// under gives a relay TLS.
func under(t testing.TB) func(*Config) {
	cert := certificate(t)
	return func(c *Config) {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	}
}

// silent is the client's logger.
func silent() logging.LoggerFactory { return new(counter) }

// conn opens the way to the relay: "udp", "tcp" or "tls".
func (r *running) conn(network string) (net.PacketConn, error) {
	switch network {
	case "udp":
		return net.ListenPacket("udp", "127.0.0.1:0")
	case "tcp":
		c, err := net.Dial("tcp", r.at)
		if err != nil {
			return nil, err
		}
		return turn.NewSTUNConn(c), nil
	}
	c, err := tls.Dial("tcp", r.at, r.tls)
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(c), nil
}

// caller is pion's own client.
func (r *running) caller(network string, c Credential) *turn.Client {
	r.t.Helper()
	_, client := r.connected(network, c)
	return client
}

// connected is caller with the socket that it uses.
func (r *running) connected(network string, c Credential) (net.PacketConn, *turn.Client) {
	r.t.Helper()
	conn, err := r.conn(network)
	if err != nil {
		r.t.Fatal(network, err)
	}
	client, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: r.at, TURNServerAddr: r.at, Conn: conn, Username: c.Username, Password: c.Password,
		Realm: realm, LoggerFactory: silent()})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := client.Listen(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		client.Close()
		_ = conn.Close()
	})
	return conn, client
}

func (r *running) allocate(network string, c Credential) net.PacketConn {
	r.t.Helper()
	relayed, err := r.caller(network, c).Allocate()
	if err != nil {
		r.t.Fatal(network, err)
	}
	r.t.Cleanup(func() { _ = relayed.Close() })
	return relayed
}

// passes sends packets from one to the other until one arrives, since packets
// may be lost, and returns where it seemed to come from.
func passes(t testing.TB, from, to net.PacketConn, text string) net.Addr {
	t.Helper()
	got := make(chan net.Addr, 1)
	go func() {
		b := make([]byte, maxPacket)
		for {
			n, at, err := to.ReadFrom(b)
			if err != nil {
				return
			}
			if string(b[:n]) == text {
				got <- at
				return
			}
		}
	}()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for {
		if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		select {
		case at := <-got:
			return at
		case <-again.C:
		case <-deadline:
			t.Fatalf("%s does not arrive", text)
		}
	}
}

// TestRelay: two callers talk through the relay over UDP, TCP and TLS, all at
// one port, and HTTP is served there too.
func TestRelay(t *testing.T) {
	r := start(t, under(t))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: r.tls}, Timeout: patience}
	for _, a := range []string{"udp", "tcp", "tls"} {
		for _, b := range []string{"udp", "tcp", "tls"} {
			one, other := r.allocate(a, r.Issue()), r.allocate(b, r.Issue())
			// Each has to have permitted the other, or nothing arrives.
			if _, err := other.WriteTo([]byte("permit"), one.LocalAddr()); err != nil {
				t.Fatal(a, b, err)
			}
			if at := passes(t, one, other, a+" to "+b); at.String() != one.LocalAddr().String() {
				t.Errorf("%s to %s: it comes from another address than the relayed one", a, b)
			}
			passes(t, other, one, b+" back to "+a)
		}
	}
	resp, err := client.Post("https://"+r.at, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
		t.Errorf("HTTP beside it: %q %v", b, err)
	}
}

// TestRelaySees: what the relay has in memory of a relayed call, and so could be
// ordered to record: the addresses of both callers, and that packets pass.
// What passes is not changed, so what is encrypted stays so.
func TestRelaySees(t *testing.T) {
	r := start(t, nil)
	var conns []net.PacketConn
	var relayed []net.PacketConn
	for range 2 {
		conn, client := r.connected("udp", r.Issue())
		one, err := client.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		conns, relayed = append(conns, conn), append(relayed, one)
	}
	if _, err := relayed[1].WriteTo([]byte("permit"), relayed[0].LocalAddr()); err != nil {
		t.Fatal(err)
	}
	passes(t, relayed[0], relayed[1], "\x00\xff as it is")
	r.book.mu.RLock()
	defer r.book.mu.RUnlock()
	for _, c := range conns {
		if a := r.book.clients[clientOf(c.LocalAddr())]; a == nil || a.permissions != 1 {
			t.Errorf("a caller is not known by its address: %+v", a)
		}
	}
}

// TestMapped: a caller learns how others see its address (RFC 8489 §7), without
// a credential.
func TestMapped(t *testing.T) {
	r := start(t, nil)
	conn, client := r.connected("udp", Credential{})
	at, err := client.SendBindingRequest()
	if err != nil || at.String() != conn.LocalAddr().String() {
		t.Errorf("%v", err)
	}
}

// code is the error code in what pion's client says.
func code(err error) string {
	for _, c := range []stun.ErrorCode{400, 401, 403, 437, 442, 443, 486, 508} {
		if err != nil && strings.Contains(err.Error(), fmt.Sprintf("error %d", c)) {
			return fmt.Sprint(int(c))
		}
	}
	return fmt.Sprint(err)
}
