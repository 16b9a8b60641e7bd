// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// certificate is the operator's certificate with its key, as the files hold it
// now: each handshake looks whether they have changed, which costs two calls of
// the system, and no goroutine watches them.
type certificate struct {
	cert, key string // names of files
	log       *slog.Logger

	mu     sync.Mutex
	held   *tls.Certificate
	seen   [2]os.FileInfo // the files that held was read from
	told   bool           // that the files cannot be used
	failed [2]os.FileInfo // the files that this was told of
}

// loadCertificate reads the files for the first time.
func loadCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	files, err := c.look()
	if err != nil {
		return nil, err
	}
	if c.held, err = c.read(); err != nil {
		return nil, err
	}
	c.seen = files
	return c, nil
}

// look returns what stands under the two names.
func (c *certificate) look() (files [2]os.FileInfo, err error) {
	for i, name := range []string{c.cert, c.key} {
		if files[i], err = os.Stat(name); err != nil {
			return files, err
		}
	}
	return files, nil
}

// read reads certificate and key, which must be of each other.
func (c *certificate) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &pair, nil
}

// same reports whether nothing was put in the place of the files, or written
// into them.
func same(a, b [2]os.FileInfo) bool {
	for i := range a {
		if a[i] == nil || b[i] == nil {
			if a[i] != b[i] {
				return false
			}
			continue
		}
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}

// get gives a handshake the certificate. When new files cannot be used, half
// written or not of each other, the one from before stays, and they are tried
// again with the next handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := c.look()
	if err == nil {
		if same(files, c.seen) {
			return c.held, nil
		}
		var next *tls.Certificate
		if next, err = c.read(); err == nil {
			c.held, c.seen, c.told = next, files, false
			c.log.Info("the certificate was read again", "until", next.Leaf.NotAfter.UTC().Format(time.RFC3339))
			return c.held, nil
		}
	}
	if !c.told || !same(files, c.failed) { // once for each state of the files
		c.log.Error("the certificate cannot be read again; the one from before stays", "cause", err)
		c.told, c.failed = true, files
	}
	return c.held, nil
}

// warn tells what is no contradiction and yet keeps people out.
func (c *certificate) warn(host string, now time.Time) {
	leaf := c.held.Leaf
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		c.log.Warn("the certificate is not valid now", "from", leaf.NotBefore.UTC().Format(time.RFC3339), "until", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	name, _, _ := strings.Cut(host, ":")
	if !strings.HasPrefix(host, "[") && leaf.VerifyHostname(name) != nil {
		c.log.Warn("the certificate does not name the host of this server's handles")
	}
}

// settings of TLS: 1.2 or newer; HTTP/1.1, which WebSocket needs; and no
// tickets, by which connections of one person to the two doors could be
// recognised as one person's.
func (c *certificate) settings() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: c.get, SessionTicketsDisabled: true,
	}
}

// certificate reads the files of the settings; nil when there are none. What
// is wrong with them is wrong at a line of the settings.
func (c *config) certificate(log *slog.Logger) (*certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	loaded, err := loadCertificate(c.TLSCert, c.TLSKey, log)
	var at *os.PathError
	switch {
	case err == nil:
		return loaded, nil
	case errors.As(err, &at) && at.Path == c.TLSKey:
		return nil, c.wrong(c.lines["tls_key"], "tls_key = %s cannot be read: %v", c.TLSKey, at.Err)
	case errors.As(err, &at):
		return nil, c.wrong(c.lines["tls_cert"], "tls_cert = %s cannot be read: %v", c.TLSCert, at.Err)
	}
	return nil, c.wrong(c.lines["tls_cert"], "tls_cert and tls_key are not a certificate and its key: %v", err)
}

// checkTLS refuses one file without the other.
func (c *config) checkTLS() error {
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		return c.wrong(c.lines["tls_cert"], "tls_cert stands without tls_key")
	case c.TLSKey != "" && c.TLSCert == "":
		return c.wrong(c.lines["tls_key"], "tls_key stands without tls_cert")
	}
	return nil
}

// address is where a server is: its scheme, host and port.
type address struct {
	scheme, at string
}

// String is the address as a person types it.
func (a address) String() string { return a.scheme + "://" + a.at }

// host is what stands in handles: without the port that https stands for.
func (a address) host() string {
	if host, is443 := strings.CutSuffix(a.at, ":443"); a.scheme == "https" && is443 {
		return host
	}
	return a.at
}
