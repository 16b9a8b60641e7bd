// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"crypto/rand"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/pion/turn/v5"

	"clarion.chat/clarion/client/call"
	"clarion.chat/clarion/exposure"
	"clarion.chat/clarion/server"
)

func withRelay(c *server.Config) { c.Relay.Anywhere = true }

// addresses lists what an engine said of where it can be reached: words like
// "host", and the addresses that stand beside those of the relay.
func addresses(said []string) (kinds, beside []string) {
	for _, s := range said {
		for l := range strings.Lines(s) {
			f := strings.Fields(strings.TrimPrefix(l, "a="))
			if len(f) < 8 || !strings.HasPrefix(f[0], "candidate:") {
				continue
			}
			kinds = append(kinds, f[7])
			if at := slices.Index(f, "raddr"); at > 0 && f[at+1] != "0.0.0.0" {
				beside = append(beside, f[at+1])
			}
		}
	}
	return kinds, beside
}

// claimed gathers the codes that a report holds.
func claimed(r exposure.Report) map[string]bool {
	all := map[string]bool{r.Headline.Code: true, r.Path.Code: true}
	for _, c := range r.Lines {
		all[c.Code] = true
	}
	for _, o := range r.Onlookers {
		for _, c := range o.Claims {
			all[c.Code] = true
		}
	}
	return all
}

// relayNamed is the name of the relay among a report's onlookers.
func relayNamed(r exposure.Report) string {
	for _, o := range r.Onlookers {
		if o.Role == exposure.RoleRelay {
			return o.Name
		}
	}
	return ""
}

// TestCallPath: what a report says of the path is where packets were seen, and
// what it says of addresses is what left.
func TestCallPath(t *testing.T) {
	s := NewServer(t, withRelay)
	a, _ := s.Register("ada")
	o, _ := s.Register("omar")
	conv := Meet(a, o)
	for _, c := range []struct {
		name               string
		adaHides, omarToo  bool
		path               string
		adaSays            []string // of Ada's report
		adaHasNot          []string
		adaRelay, omarName string // the relay as it is named
	}{
		{"direct", false, false, "direct", []string{"path_direct", "peer_address", "network_direct"}, []string{"relay_addresses", "peer_address_hidden"}, "", ""},
		{"Ada by the relay", true, false, "relay", []string{"path_relay", "peer_address_hidden", "network_relay", "network_whom", "relay_addresses"},
			[]string{"peer_address", "peer_address_offered", "network_tried"}, "127.0.0.1", ""},
		{"both by the relay", true, true, "relay", []string{"path_relay", "peer_address_hidden", "network_whom"}, []string{"peer_address", "peer_address_offered"},
			"127.0.0.1", "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, ada, omar := netCallers(s, a, o)
			ao, oo := ada.options(conv), omar.options(conv)
			ao.Play, ao.AlwaysRelay, oo.AlwaysRelay = sound(t, 50, make([]byte, 40)), c.adaHides, c.omarToo
			ar, or := converse(t, ada, omar, conv, ao, oo)
			_, relayed, all := n.passed(s.addr)
			if all < 40 || (relayed > 0) != (c.path == "relay") || (c.path == "relay" && relayed < 40) {
				t.Errorf("of %d packets of sound %d passed the relay", all, relayed)
			}
			r, other := ada.report(), omar.report()
			if ar.Path != c.path || or.Path != c.path || relayNamed(r) != c.adaRelay || relayNamed(other) != c.omarName {
				t.Errorf("the paths are %q by %q and %q by %q", ar.Path, relayNamed(r), or.Path, relayNamed(other))
			}
			codes := claimed(r)
			for _, code := range c.adaSays {
				if !codes[code] {
					t.Errorf("Ada's report does not say %s", code)
				}
			}
			for _, code := range c.adaHasNot {
				if codes[code] {
					t.Errorf("Ada's report says %s", code)
				}
			}
			if c.adaRelay != "" && c.omarName == "" && !claimed(other)["path_unnamed"] {
				t.Error("Omar's report does not say that a relay is in use whose name it does not know")
			}
			kinds, beside := addresses(ada.told())
			if c.adaHides && (len(kinds) == 0 || len(beside) > 0 || slices.ContainsFunc(kinds, func(k string) bool { return k != "relay" })) {
				t.Errorf("of Ada's device leave %v, with %v beside", kinds, beside)
			}
			if !c.adaHides && !slices.Contains(kinds, "host") {
				t.Errorf("of Ada's device leave %v: nothing that could be hidden", kinds)
			}
		})
	}
	hiddenByTCP(t, s, a, o, conv)
}

// hiddenByTCP: a relay that is reached by TCP has an address of this device's
// beside it, which stays here all the same.
func hiddenByTCP(t *testing.T, s *Server, a, o *Client, conv string) {
	_, ada, omar := netCallers(s, a, o)
	ada.withTCP = true
	ao := ada.options(conv)
	ao.Play, ao.AlwaysRelay, ao.TCP = sound(t, 25, make([]byte, 40)), true, true
	ar, _ := converse(t, ada, omar, conv, ao, omar.options(conv))
	kinds, beside := addresses(ada.told())
	if ar.Path != "relay" || len(kinds) == 0 || len(beside) > 0 {
		t.Errorf("by TCP, on the path %q, leave %v, with %v beside", ar.Path, kinds, beside)
	}
	if _, found := addresses([]string{"candidate:1 1 udp 1 192.0.2.1 9 typ relay raddr 127.0.0.1 rport 5"}); len(found) != 1 {
		t.Error("an address beside the relay's is not found where it is")
	}
}

// TestCallSealed: what network and relay carry holds nothing of what was said,
// and no word of who talks; the same search finds it where it was sent in clear.
// A side whose certificate is not the one that was agreed on gets nothing.
func TestCallSealed(t *testing.T) {
	s := NewServer(t, withRelay)
	a, _ := s.Register("ada")
	o, _ := s.Register("omar")
	conv := Meet(a, o)
	for _, relayed := range []bool{false, true} {
		t.Run(map[bool]string{false: "direct", true: "relay"}[relayed], func(t *testing.T) {
			n, ada, omar := netCallers(s, a, o)
			said := make([]byte, 40)
			_, _ = rand.Read(said)
			var heard bytes.Buffer
			ao, oo := ada.options(conv), omar.options(conv)
			ao.Play, ao.AlwaysRelay, oo.AlwaysRelay, oo.Record = sound(t, 50, said), relayed, relayed, &heard
			ar, _ := converse(t, ada, omar, conv, ao, oo)
			if got := bytes.Count(heard.Bytes(), said); got < 40 {
				t.Fatalf("only %d of 50 packets came: there was little to find", got)
			}
			secret := map[string][]byte{"the sound": said, "the call": []byte(ar.Call), "the conversation": []byte(conv), "the short code": []byte(ar.Code),
				"Ada": []byte("ada@" + s.Host), "Omar": []byte("omar@" + s.Host)}
			all, through, of := n.passed(s.addr)
			if of < 80 || relayed != (through >= 80) {
				t.Errorf("of %d packets of sound %d passed the relay", of, through)
			}
			for what, marker := range secret {
				if holds(all, marker) {
					t.Errorf("%s can be read on the way", what)
				}
			}
			inClear(t, s, n, ada, conv, relayed, secret)
			all, _, _ = n.passed(s.addr)
			for what, marker := range secret {
				if !holds(all, marker) {
					t.Errorf("%s was sent in clear and is not found", what)
				}
			}
		})
	}
	t.Run("another certificate", func(t *testing.T) { anotherCertificate(t, s, a, o, conv) })
}

// inClear sends the secrets the same way, in packets as those of sound that
// nobody sealed.
func inClear(t *testing.T, s *Server, n *udpNet, ada *netted, conv string, relayed bool, secret map[string][]byte) {
	t.Helper()
	listen := func() net.PacketConn {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	from, to := listen(), listen()
	if relayed {
		r, err := ada.Client.RelayServers(Context(t), conv)
		if err != nil {
			t.Fatal(err)
		}
		c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: n.address(s.addr), Conn: from, Username: r.Username, Password: r.Credential})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.Listen(); err != nil {
			t.Fatal(err)
		}
		if from, err = c.Allocate(); err != nil {
			t.Fatal(err)
		}
	}
	target, err := net.ResolveUDPAddr("udp4", n.address(to.LocalAddr().String()))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	for _, marker := range secret {
		if _, err := from.WriteTo(append([]byte{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, marker...), target); err != nil {
			t.Fatal(err)
		}
		if size, _, err := to.ReadFrom(b); err != nil || !bytes.Contains(b[:size], marker) {
			t.Fatalf("what was sent in clear came as %q, %v", b[:size], err)
		}
	}
}

// anotherCertificate: the description that Ada signed names another certificate
// than the one at the other end of Omar's connection.
func anotherCertificate(t *testing.T, s *Server, a, o *Client, conv string) {
	_, ada, omar := netCallers(s, a, o)
	named := newEngine(a).fingerprint
	ada.disguise = func(s string) string {
		lines := strings.SplitAfter(s, "\n")
		for i, l := range lines {
			if before, _, is := strings.Cut(l, "sha-256 "); is {
				lines[i] = before + named + map[bool]string{true: "\r\n"}[strings.HasSuffix(l, "\n")]
			}
		}
		return strings.Join(lines, "")
	}
	said := make([]byte, 40)
	_, _ = rand.Read(said)
	var heard bytes.Buffer
	ao, oo := ada.options(conv), omar.options(conv)
	ao.Play, oo.Record = sound(t, 50, said), &heard
	caller, answerer := engines(t, conv, ao, oo, o)
	done := make(chan call.Result, 1)
	go func() {
		r, _ := caller.Run(Context(t), a.Events())
		done <- r
	}()
	omar.stuck = func(id string) { // no certificate fits, and another try would bring no other
		if err := o.EndCall(Context(t), id); err != nil {
			t.Error(err)
		}
	}
	r, err := answerer.Run(Context(t), o.Events())
	if err != nil {
		t.Error(err)
	}
	<-done
	if r.Path != "" || r.ReceivedSamples != 0 || bytes.Contains(heard.Bytes(), said) {
		t.Errorf("with another certificate at the other end Omar's engine did %+v", r)
	}
	if len(omar.facts) != 0 {
		t.Errorf("it says that it is connected: %+v", omar.facts)
	}
}
