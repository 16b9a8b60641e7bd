// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"clarion.chat/clarion/wire"
)

// relaying is a server with a relay at its own port.
func relaying(t *testing.T, dir string, change func(*Config)) (*running, *Ports) {
	t.Helper()
	ports, err := Listen("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	r := startIn(t, dir, func(c *Config) {
		c.Ports, c.Relay.Anywhere = ports, true
		if change != nil {
			change(c)
		}
	})
	r.http.Close()
	r.http = &httptest.Server{Listener: r.srv.Web(), Config: &http.Server{Handler: r.srv.Handler()}}
	r.http.Start()
	r.http.URL = "http://" + r.srv.Web().Addr().String()
	return r, ports
}

// allocate makes an allocation with what the door gave, by pion's client.
func allocate(t *testing.T, m *wire.Relay, at string) (net.PacketConn, error) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Conn: conn, Username: m.Username, Password: m.Credential})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	return client.Allocate()
}

// TestRelayCredentials: whoever shows the pass of the current epoch relays, and
// nobody else; the doors are at the same port; nothing of it is stored.
func TestRelayCredentials(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	r, ports := relaying(t, dir, nil)
	at := r.srv.Web().Addr().String()
	v, c := r.conversation()
	m := ok[*wire.Relay](c, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass})
	_, port, _ := net.SplitHostPort(at)
	want := []string{"stun:clarion.test:" + port, "turn:clarion.test:" + port + "?transport=udp", "turn:clarion.test:" + port + "?transport=tcp"}
	if strings.Join(m.URLs, " ") != strings.Join(want, " ") || time.Until(time.Unix(m.Expires, 0)).Round(time.Minute) != time.Hour {
		t.Errorf("%+v", m)
	}
	for _, part := range []string{string(v.id[:8]), string(v.pass[:8])} {
		if strings.Contains(m.Username+m.Credential, part) {
			t.Error("the credential names the mailbox or the pass")
		}
	}
	relayed, err := allocate(t, m, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relayed.WriteTo([]byte("x"), relayed.LocalAddr()); err != nil {
		t.Error(err)
	}
	if second := ok[*wire.Relay](c, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass}); second.Username == m.Username {
		t.Error("two askings get one credential")
	}
	c.refused(wire.CodeWrongPass, &wire.RelayCredentials{Mailbox: v.id, Pass: fill[wire.Pass]()})
	c.refused(wire.CodeNoMailbox, &wire.RelayCredentials{Mailbox: fill[wire.MailboxID](), Pass: v.pass})
	ada, account := r.registered("ada")
	c.refused(wire.CodeWrongPass, &wire.RelayCredentials{Mailbox: ada.entry.Inbox, Pass: ada.inboxPass})
	account.refused(wire.CodeUnknownCommand, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass})
	old := v.pass
	ok[*wire.Appended](c, v.commit(fill[wire.Pass]()))
	c.refused(wire.CodeStalePass, &wire.RelayCredentials{Mailbox: v.id, Pass: old})

	if got := files(t, dir); !bytes.Contains(got, v.id[:]) || bytes.Contains(got, []byte(m.Credential)) || bytes.Contains(got, []byte(m.Username)) {
		t.Error("the credential is stored, or this looks at nothing")
	}
	r.stop()
	if _, err := allocate(t, m, at); err == nil {
		t.Error("it relays after its end")
	}
	if again, err := Listen(at, ""); err != nil {
		t.Errorf("its ports stay open: %v", err)
	} else {
		again.Close()
	}
	_ = ports
}

// files is all that stands in a folder.
func files(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(name)
			all = append(all, b...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRelayClosed: a mailbox that only reads since a restore relays nothing.
func TestRelayClosed(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	r := startIn(t, data, nil)
	v, _ := r.conversation()
	if err := Backup(data, file); err != nil {
		t.Fatal(err)
	}
	r.stop()
	if _, err := Restore(data, file); err != nil {
		t.Fatal(err)
	}
	r, _ = relaying(t, data, nil)
	r.dial("mailbox").refused(wire.CodeMailboxClosed, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass})
}

// TestRelayIsSlow: asking counts as a costly command.
func TestRelayIsSlow(t *testing.T) {
	r, _ := relaying(t, t.TempDir(), func(c *Config) { c.Limits.Tight, c.Limits.TightBurst = 0.001, 3 })
	v, c := r.conversation() // one
	for range 2 {
		ok[*wire.Relay](c, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass})
	}
	c.refused(wire.CodeRateLimited, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass})
}

// TestRelayOff: without a relay the server says so, to members alone.
func TestRelayOff(t *testing.T) {
	r := start(t, nil)
	v, c := r.conversation()
	c.refused(wire.CodeNoRelay, &wire.RelayCredentials{Mailbox: v.id, Pass: v.pass})
	c.refused(wire.CodeWrongPass, &wire.RelayCredentials{Mailbox: v.id, Pass: fill[wire.Pass]()})
	if _, err := Listen("127.0.0.1:0", RelayOff); err != nil {
		t.Error(err)
	}
}

// TestRelayWarnings: an operator is told when nobody reaches the relay, and the
// log names no address.
func TestRelayWarnings(t *testing.T) {
	for _, c := range []struct {
		host   string
		public []netip.Addr
		want   string
	}{
		{"localhost:8440", nil, ""},
		{"127.0.0.1:8440", nil, ""},
		{"clarion.example", nil, "from this machine only"},
		{"clarion.example", []netip.Addr{netip.MustParseAddr("10.1.2.3")}, "private address"},
		{"10.1.2.3", []netip.Addr{netip.MustParseAddr("10.1.2.3")}, ""},
		{"clarion.example", []netip.Addr{netip.MustParseAddr("1.2.3.4")}, ""},
	} {
		var mu sync.Mutex
		var out bytes.Buffer
		w := writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return out.Write(b)
		})
		r, _ := relaying(t, t.TempDir(), func(k *Config) {
			k.Host, k.Relay.Public, k.Log = c.host, c.public, slog.New(slog.NewTextHandler(w, nil))
		})
		r.stop()
		log := out.String()
		if strings.Contains(log, "relay") != (c.want != "") || !strings.Contains(log, c.want) || strings.Contains(log, "127.0.0.1") || strings.Contains(log, ".2.3") {
			t.Errorf("%+v: %q", c, log)
		}
	}
}

func TestHostPort(t *testing.T) {
	for s, want := range map[string]string{"a.example": "a.example 0", "a.example:443": "a.example 443", "[::1]:8440": "::1 8440", "[::1]": "::1 0"} {
		host, port := hostPort(s)
		if got := host + " " + itoa(port); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}
