// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"clarion.chat/clarion/wire"
)

// askDoor asks the mailbox door of a server, over a connection of its own.
func askDoor(t *testing.T, url string, client *http.Client, commands ...wire.Body) wire.Body {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/door/mailbox", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	var answer wire.Body
	for i := range len(commands) + 1 { // Hello, then the answers
		_, b, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, answer, err = wire.DecodeFrame(b); err != nil {
			t.Fatal(err)
		}
		if i < len(commands) {
			frame, err := wire.EncodeFrame(wire.Ref(i+1), commands[i])
			if err != nil {
				t.Fatal(err)
			}
			if err := ws.Write(ctx, websocket.MessageBinary, frame); err != nil {
				t.Fatal(err)
			}
		}
	}
	return answer
}

// credentials makes a conversation's mailbox and asks for the relay.
func credentials(t *testing.T, url string, client *http.Client) wire.Body {
	t.Helper()
	var id wire.MailboxID
	var pass wire.Pass
	rand.Read(id[:])
	rand.Read(pass[:])
	return askDoor(t, url, client, &wire.CreateMailbox{Mailbox: id, Pass: pass.Hash(), Keep: 30}, &wire.RelayCredentials{Mailbox: id, Pass: pass})
}

// way opens the way to a place, as its URI says.
func way(t *testing.T, place string, trusted *tls.Config) (net.PacketConn, string) {
	t.Helper()
	scheme, rest, _ := strings.Cut(place, ":")
	at, transport, _ := strings.Cut(rest, "?transport=")
	if transport == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return c, at
	}
	c, err := net.Dial("tcp", at)
	if err == nil && scheme == "turns" {
		c, err = tls.Dial("tcp", at, trusted)
	}
	if err != nil {
		t.Fatal(place, err)
	}
	return turn.NewSTUNConn(c), at
}

// TestRelayOfTheServer: with a certificate and nothing else set, a call is
// relayed at the server's own port over UDP, TCP and TLS; two that both came to
// the relay meet there, and the log names no address.
func TestRelayOfTheServer(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, 1)
	errs := new(output)
	url := serving(t, errs, fmt.Sprintf("tls_cert = %s\ntls_key = %s\n", put(t, filepath.Join(dir, "c"), cert), put(t, filepath.Join(dir, "k"), key)))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	trusted := &tls.Config{RootCAs: roots}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusted}, Timeout: 20 * time.Second}
	m, is := credentials(t, url, client).(*wire.Relay)
	if !is {
		t.Fatal("no credentials")
	}
	at := strings.TrimPrefix(url, "https://")
	want := fmt.Sprintf("stun:%[1]s turn:%[1]s?transport=udp turn:%[1]s?transport=tcp turns:%[1]s?transport=tcp", at)
	if got := strings.Join(m.URLs, " "); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	var ends []net.PacketConn
	for _, place := range m.URLs[1:] {
		conn, at := way(t, place, trusted)
		c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Conn: conn, Username: m.Username, Password: m.Credential,
			LoggerFactory: logging.NewDefaultLoggerFactory()})
		if err == nil {
			err = c.Listen()
		}
		if err != nil {
			t.Fatal(place, err)
		}
		t.Cleanup(func() {
			c.Close()
			_ = conn.Close()
		})
		relayed, err := c.Allocate()
		if err != nil {
			t.Fatal(place, err)
		}
		ends = append(ends, relayed)
	}
	for i, from := range ends {
		to := ends[(i+1)%len(ends)]
		for _, end := range [][2]net.PacketConn{{to, from}, {from, to}} { // each permits the other
			if _, err := end[0].WriteTo([]byte("sealed"), end[1].LocalAddr()); err != nil {
				t.Fatal(m.URLs[i+1], err)
			}
		}
		_ = to.SetReadDeadline(time.Now().Add(20 * time.Second))
		b := make([]byte, 100)
		if n, _, err := to.ReadFrom(b); err != nil || string(b[:n]) != "sealed" {
			t.Errorf("%s: %q %v", m.URLs[i+1], b[:n], err)
		}
	}
	if log := errs.String(); strings.Contains(log, "127.0.0.1") || strings.Contains(log, "localhost") || !strings.Contains(log, "purged") && log != "" {
		t.Errorf("the log: %s", log)
	}
}

// TestRelayApart: as behind a proxy, the relay has its port and its name; off,
// it is not there.
func TestRelayApart(t *testing.T) {
	url := serving(t, new(output), "relay_listen = localhost:0\nrelay_host = turn.clarion.example:443\nrelay_public = 192.0.2.7\n")
	m, is := credentials(t, url, nil).(*wire.Relay)
	if want := "stun:turn.clarion.example:443 turn:turn.clarion.example:443?transport=udp turn:turn.clarion.example:443?transport=tcp"; !is ||
		strings.Join(m.URLs, " ") != want {
		t.Errorf("%+v", m)
	}
	url = serving(t, new(output), "relay = off\n")
	if r, is := credentials(t, url, nil).(*wire.Refusal); !is || r.Code != wire.CodeNoRelay {
		t.Errorf("%+v", r)
	}
	resp, err := http.Get(url + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", resp, err)
	}
	_ = resp.Body.Close()
}

// TestRelayPortTaken: a port that another program has for UDP refuses to start
// and says what it is about; without a relay it starts there.
func TestRelayPortTaken(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	listen := c.LocalAddr().String()
	dir := t.TempDir()
	for settings, want := range map[string]string{
		"": "listens at " + listen + " (UDP, for the relay)",
		"listen = localhost:0\nrelay_listen = " + listen: "or " + listen,
	} {
		args := []string{"serve", "--data", filepath.Join(dir, "data"), "--config", put(t, filepath.Join(dir, "config"), []byte(settings))}
		if settings == "" {
			args = append(args, "--listen", listen)
		}
		var out, errs bytes.Buffer
		if status := newProgram(&out, &errs).Run(context.Background(), args); status != exitMissing ||
			!strings.HasPrefix(errs.String(), "error: port_in_use: ") || !strings.Contains(errs.String(), want) {
			t.Errorf("%q: %d %s", settings, status, errs.String())
		}
	}
}
