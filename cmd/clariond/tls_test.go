// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"clarion.chat/clarion/wire"
)

// pair makes a certificate for localhost that signs itself, and its key.
func pair(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Clarion's test"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func put(t *testing.T, name string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	return name
}

// output collects what a running program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// serving runs clariond with a file of settings until the test ends and
// returns its address.
func serving(t *testing.T, errs io.Writer, settings string) (url string) {
	t.Helper()
	dir := t.TempDir()
	config := put(t, filepath.Join(dir, "config"), []byte(settings))
	r, w := io.Pipe()
	p := newProgram(w, errs)
	ended := make(chan int, 1)
	go func() {
		ended <- p.Run(context.Background(), []string{"serve", "--config", config, "--data", filepath.Join(dir, "data"), "--listen", "localhost:0"})
		_ = w.Close()
	}()
	t.Cleanup(func() {
		p.Close()
		if status := <-ended; status != 0 {
			t.Errorf("the server ended with %d", status)
		}
	})
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %v", err, errs)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return strings.TrimSpace(strings.TrimPrefix(line, "listening "))
}

// visit makes a new connection that trusts one certificate.
func visit(t *testing.T, url string, trusted []byte, change func(*tls.Config)) (*http.Client, *http.Response, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	c := &tls.Config{RootCAs: roots}
	if change != nil {
		change(c)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Get(url + "/healthz")
	if err == nil {
		_ = resp.Body.Close()
	}
	return client, resp, err
}

// TestTLS: pages and doors under a certificate of the operator's, which is
// replaced while the server runs.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, 1)
	certFile, keyFile := put(t, filepath.Join(dir, "cert.pem"), cert), put(t, filepath.Join(dir, "key.pem"), key)
	errs := new(output)
	url := serving(t, errs, fmt.Sprintf("tls_cert = %s\ntls_key = %s\n", certFile, keyFile))
	if !strings.HasPrefix(url, "https://localhost:") {
		t.Fatal(url)
	}
	client, resp, err := visit(t, url, cert, nil)
	if err != nil || resp.StatusCode != 200 || resp.TLS.Version != tls.VersionTLS13 || resp.ProtoMajor != 1 {
		t.Fatalf("%+v %v", resp, err)
	}
	for _, door := range []string{"account", "mailbox"} {
		ws, _, err := websocket.Dial(context.Background(), strings.Replace(url, "https", "wss", 1)+"/door/"+door, &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(door, err)
		}
		_, b, err := ws.Read(context.Background())
		if err != nil {
			t.Fatal(door, err)
		}
		if _, body, err := wire.DecodeFrame(b); err != nil || body.Kind() != wire.KindHello {
			t.Errorf("%s: %v", door, err)
		}
		_ = ws.CloseNow()
	}
	if _, _, err := visit(t, url, cert, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if _, resp, err := visit(t, url, cert, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil || resp.TLS.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2: %v", err)
	}
	plain, err := http.Get("http://" + strings.TrimPrefix(url, "https://") + "/healthz")
	if err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode == 200 {
			t.Error("plain HTTP is spoken too")
		}
	}

	// The certificate alone is new: it is not of the key, and the old pair stays.
	next, nextKey := pair(t, 2)
	put(t, certFile, next)
	if _, resp, err := visit(t, url, cert, nil); err != nil || resp.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Fatalf("with half of a new pair: %v", err)
	}
	if _, _, err := visit(t, url, cert, nil); err != nil || strings.Count(errs.String(), "cannot be read again") != 1 {
		t.Errorf("it is not told once: %v %s", err, errs)
	}
	put(t, keyFile, nextKey)
	if _, resp, err := visit(t, url, next, nil); err != nil || resp.TLS.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Fatalf("with the new pair: %v", err)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if _, _, err := visit(t, url, next, nil); err != nil {
		t.Errorf("without the files: %v", err)
	}
	if log := errs.String(); strings.Contains(log, "127.0.0.1") || !strings.Contains(log, "was read again") {
		t.Errorf("the log: %s", log)
	}
}

// TestNoTickets: a connection cannot be recognised as the continuation of an
// earlier one.
func TestNoTickets(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, 1)
	url := serving(t, io.Discard, fmt.Sprintf("tls_cert = %s\ntls_key = %s\n",
		put(t, filepath.Join(dir, "cert.pem"), cert), put(t, filepath.Join(dir, "key.pem"), key)))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cache := tls.NewLRUClientSessionCache(4)
		for range 3 {
			_, resp, err := visit(t, url, cert, func(c *tls.Config) { c.ClientSessionCache, c.MaxVersion = cache, version })
			if err != nil || resp.TLS.DidResume {
				t.Fatalf("resumed, or %v", err)
			}
		}
	}
}

// TestCertificateWarnings: what keeps people out without being a contradiction
// is told at the start.
func TestCertificateWarnings(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, 1)
	out := new(output)
	c, err := loadCertificate(put(t, filepath.Join(dir, "c"), cert), put(t, filepath.Join(dir, "k"), key), slog.New(slog.NewTextHandler(out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.warn("localhost:8440", time.Now())
	if out.String() != "" {
		t.Errorf("%s", out)
	}
	c.warn("clarion.example", time.Now())
	c.warn("localhost", time.Now().Add(2*time.Hour))
	if log := out.String(); !strings.Contains(log, "does not name") || strings.Count(log, "not valid now") != 1 {
		t.Errorf("%s", log)
	}
}

// TestTLSRefused: what cannot be meant refuses to start and names its line.
func TestTLSRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, 1)
	_, other := pair(t, 2)
	c, k := put(t, filepath.Join(dir, "c"), cert), put(t, filepath.Join(dir, "k"), key)
	o, text := put(t, filepath.Join(dir, "o"), other), put(t, filepath.Join(dir, "text"), []byte("no PEM"))
	for settings, want := range map[string]string{
		"tls_cert = " + c:  "line 1: tls_cert stands without tls_key",
		"\ntls_key = " + k: "line 2: tls_key stands without tls_cert",
		"tls_cert = " + c + "\ntls_key = " + dir + "/x": "line 2: tls_key = " + dir + "/x cannot be read",
		"tls_key = " + k + "\ntls_cert = " + dir + "/x": "line 2: tls_cert = " + dir + "/x cannot be read",
		"tls_cert = " + c + "\ntls_key = " + o:          "line 1: tls_cert and tls_key are not a certificate and its key",
		"tls_cert = " + text + "\ntls_key = " + k:       "line 1: tls_cert and tls_key are not a certificate and its key",
		"tls_cert = " + k + "\ntls_key = " + c:          "line 1: tls_cert and tls_key are not a certificate and its key",
	} {
		config := put(t, filepath.Join(dir, "config"), []byte(settings))
		var out, errs bytes.Buffer
		data := filepath.Join(dir, "data")
		status := newProgram(&out, &errs).Run(context.Background(), []string{"serve", "--config", config, "--data", data, "--listen", "localhost:0"})
		if status != exitUsage || !strings.HasPrefix(errs.String(), "error: config_invalid: ") || !strings.Contains(errs.String(), want) || out.Len() > 0 {
			t.Errorf("%q: %d %s, want %s", settings, status, errs.String(), want)
		}
		if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: the data folder was made", settings)
		}
	}
}

func TestAddress(t *testing.T) {
	for a, want := range map[address]string{
		{"http", "localhost:8440"}: "localhost:8440", {"https", "localhost:8440"}: "localhost:8440",
		{"https", "clarion.example:443"}: "clarion.example", {"http", "clarion.example:443"}: "clarion.example:443",
	} {
		if a.host() != want {
			t.Errorf("%s: handles at %s, want %s", a, a.host(), want)
		}
	}
}
