// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package wan

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var whole = flag.Bool("grid", false, "call through every access of the grid, and print its table")

// talk is for how long each call of the grid lasts once it is connected.
const talk = 4 * time.Second

// row is one cell of the grid: how both sides are connected, and what must come
// of it.
type row struct {
	name    string
	a, b    Access
	args    []string // of whoever calls
	path    string   // "direct" or "relay"; empty: either
	atLeast float64  // share of the samples that must arrive
	short   bool     // also without -grid
}

func grid() []row {
	loss := func(share float64) Access { return Access{Line: Line{Loss: share}} }
	behind := func(r Router, w Wall) Access { return Access{Router: r, Wall: w} }
	return []row{
		{name: "open", path: "direct", atLeast: 0.9, short: true},
		{name: "cone both", a: behind(Cone, NoWall), b: behind(Cone, NoWall), path: "direct", atLeast: 0.9, short: true},
		{name: "symmetric both", a: behind(Symmetric, NoWall), b: behind(Symmetric, NoWall), path: "relay", atLeast: 0.9},
		{name: "symmetric and cone", a: behind(Symmetric, NoWall), b: behind(Cone, NoWall), atLeast: 0.9},
		{name: "no UDP", a: behind(Cone, NoUDP), b: behind(Cone, NoWall), path: "relay", atLeast: 0.9},
		{name: "443 alone", a: behind(Cone, Only443), b: behind(Cone, NoWall), path: "relay", atLeast: 0.9, short: true},
		{name: "443 alone, both", a: behind(Cone, Only443), b: behind(Cone, Only443), path: "relay", atLeast: 0.9},
		{name: "always relay, UDP", args: []string{"--always-relay"}, path: "relay", atLeast: 0.9},
		{name: "always relay, TCP", args: []string{"--always-relay", "--tcp"}, path: "relay", atLeast: 0.9},
		{name: "1 % loss", a: loss(0.01), path: "direct", atLeast: 0.9},
		{name: "5 % loss", a: loss(0.05), path: "direct", atLeast: 0.85},
		{name: "15 % loss", a: loss(0.15), path: "direct", atLeast: 0.7, short: true},
		{name: "200 ms", a: Access{Line: Line{Delay: 200 * time.Millisecond}}, atLeast: 0.8},
		{name: "64 kbit/s", a: Access{Line: Line{Rate: 64_000}}, atLeast: 0.8},
		{name: "443 alone, 5 %, 100 ms", a: Access{Router: Cone, Wall: Only443, Line: Line{Loss: 0.05, Delay: 100 * time.Millisecond}}, path: "relay", atLeast: 0.5},
	}
}

// outcome is what `clarion call --json` and `answer --json` say at the end.
type outcome struct {
	Call            string  `json:"call"`
	Path            string  `json:"path"`
	Code            string  `json:"code"`
	SentPackets     int     `json:"sent_packets"`
	ReceivedSamples int     `json:"received_samples"`
	Seconds         float64 `json:"seconds"`
}

// party is somebody with a vault, wherever they are.
type party struct {
	g    *gridRun
	home string
}

// gridRun is a server in a net and two people who know each other.
type gridRun struct {
	t         *testing.T
	net       *Net
	bin, tmp  string
	url, cert string
	ada, omar party
}

// TestGrid calls from every access to every other that matters, with the real
// programs, each in a namespace of its own.
func TestGrid(t *testing.T) {
	g := newGrid(t)
	t.Logf("%-24s %-7s %9s %9s %8s", "access", "path", "caller", "answerer", "ringing")
	for _, r := range grid() {
		if r.short || *whole {
			t.Run(r.name, func(t *testing.T) { g.call(t, r) })
		}
	}
	for a, n := range g.net.Strays() {
		// A candidate of the other side's inner network is tried, and goes
		// nowhere; so does what is for this network's own multicast.
		if a.IsPrivate() || a.IsMulticast() {
			continue
		}
		t.Errorf("%d packets went to %s, which is neither the server nor the other side", n, a)
	}
}

func newGrid(t *testing.T) *gridRun {
	g := &gridRun{t: t, net: New(t, 11), tmp: t.TempDir()}
	g.bin = filepath.Join(g.tmp, "bin") + "/"
	build := exec.Command("go", "build", "-o", g.bin, "clarion.chat/clarion/cmd/clariond", "clarion.chat/clarion/cmd/clarion")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v: %s", err, out)
	}
	server := g.net.Host(Access{})
	g.url = "https://" + server.Public.String()
	key := g.certificate(server.Public.AsSlice())
	serve := server.Command(context.Background(), g.bin+"clariond", "serve", "--data", filepath.Join(g.tmp, "data"),
		"--listen", server.Public.String()+":443", "--config", g.config(key), "--relay-anywhere")
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	serve.Stderr = os.Stderr
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(os.Interrupt)
		_ = serve.Wait()
	})
	if first, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(first, "listening ") {
		t.Fatalf("clariond says %q, %v", first, err)
	}
	g.ada, g.omar = party{g, filepath.Join(g.tmp, "ada")}, party{g, filepath.Join(g.tmp, "omar")}
	at := g.net.Host(Access{})
	g.ada.must(t, at, "register", "--server", g.url, "--name", "ada")
	g.omar.must(t, at, "register", "--server", g.url, "--name", "omar")
	var invite struct{ Link string }
	if err := json.Unmarshal(g.ada.must(t, at, "invite", "--json"), &invite); err != nil {
		t.Fatal(err)
	}
	g.omar.must(t, at, "accept", invite.Link)
	g.omar.must(t, at, "send", "ada", "I am here")
	g.ada.must(t, at, "listen", "--once", "1", "--timeout", "20")
	return g
}

// certificate makes one for the server's address, and returns its key's file.
func (g *gridRun) certificate(ip net.IP) (keyFile string) {
	g.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "grid"}, IPAddresses: []net.IP{ip}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		g.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		g.t.Fatal(err)
	}
	g.cert, keyFile = filepath.Join(g.tmp, "cert.pem"), filepath.Join(g.tmp, "key.pem")
	for file, block := range map[string]*pem.Block{g.cert: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
	return keyFile
}

func (g *gridRun) config(key string) string {
	g.t.Helper()
	file := filepath.Join(g.tmp, "clariond.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, "tls_cert = %s\ntls_key = %s\n", g.cert, key), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return file
}

// command is `clarion` of one person in one place.
func (p party) command(ctx context.Context, at *Host, args ...string) *exec.Cmd {
	cmd := at.Command(ctx, p.g.bin+"clarion", append([]string{"--home", p.home}, args...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+p.g.cert)
	return cmd
}

func (p party) must(t *testing.T, at *Host, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := p.command(ctx, at, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("clarion %s: %v: %s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out
}

// TestNetworkChanges: in the middle of a call UDP is gone. The call goes on by
// another way within 15 s, and nobody does anything.
func TestNetworkChanges(t *testing.T) {
	g := newGrid(t)
	a, b := g.net.Host(Access{Router: Cone}), g.net.Host(Access{Router: Cone})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	answer := g.omar.command(ctx, b, "answer", "ada", "--json", "--timeout", "60")
	call := g.ada.command(ctx, a, "call", "omar", "--seconds", "20")
	var answered bytes.Buffer
	answer.Stdout, answer.Stderr = &answered, os.Stderr
	said, err := call.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{answer, call} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Connected ") {
	}
	connected := time.Now()
	a.Block(NoUDP)
	for lines.Scan() { // until it ends
	}
	if err := errors.Join(call.Wait(), answer.Wait()); err != nil {
		t.Fatal(err)
	}
	// 20 s of connection take as much longer as it was gone.
	gone := time.Since(connected) - 20*time.Second
	var o outcome
	if err := json.Unmarshal(answered.Bytes(), &o); err != nil {
		t.Fatal(err)
	}
	t.Logf("UDP blocked in the call: gone for %.1f s, then by %s; %.0f %% of 20 s of sound arrived", gone.Seconds(), o.Path, float64(o.ReceivedSamples)/48000/20*100)
	if o.Path != "relay" || gone > 17*time.Second || o.ReceivedSamples < 12*48000 {
		t.Errorf("it went on by %q after %v, with %d samples", o.Path, gone, o.ReceivedSamples)
	}
}

// call lets Ada call Omar, each at a new host of the row's access.
func (g *gridRun) call(t *testing.T, r row) {
	a, b := g.net.Host(r.a), g.net.Host(r.b)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	seconds := fmt.Sprint(talk.Seconds())
	answer := g.omar.command(ctx, b, "answer", "ada", "--json", "--timeout", "60")
	var answered, errs bytes.Buffer
	answer.Stdout, answer.Stderr = &answered, &errs
	if err := answer.Start(); err != nil {
		t.Fatal(err)
	}
	call := g.ada.command(ctx, a, append([]string{"call", "omar", "--json", "--seconds", seconds}, r.args...)...)
	var said, callErrs bytes.Buffer
	call.Stdout, call.Stderr = &said, &callErrs
	began := time.Now()
	err := call.Run()
	took := time.Since(began)
	err2 := answer.Wait()
	if err != nil || err2 != nil {
		t.Fatalf("call: %v: %s\nanswer: %v: %s", err, callErrs.Bytes(), err2, errs.Bytes())
	}
	var caller, answerer outcome
	for out, into := range map[*bytes.Buffer]*outcome{&said: &caller, &answered: &answerer} {
		lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		if err := json.Unmarshal(lines[len(lines)-1], into); err != nil {
			t.Fatalf("%s: %v", out.Bytes(), err)
		}
	}
	share := func(o outcome) float64 { return float64(o.ReceivedSamples) / 48000 / talk.Seconds() }
	t.Logf("%-24s %-7s %8.0f%% %8.0f%% %7.1fs", r.name, caller.Path, 100*share(caller), 100*share(answerer), (took - talk).Seconds())
	if caller.Code != answerer.Code || len(caller.Code) != 9 {
		t.Errorf("the codes are %q and %q", caller.Code, answerer.Code)
	}
	if r.path != "" && (caller.Path != r.path || answerer.Path != r.path) {
		t.Errorf("the paths are %s and %s, not %s", caller.Path, answerer.Path, r.path)
	}
	if share(caller) < r.atLeast || share(answerer) < r.atLeast {
		t.Errorf("of the samples %.0f %% and %.0f %% arrived, not %.0f %%", 100*share(caller), 100*share(answerer), 100*r.atLeast)
	}
}
