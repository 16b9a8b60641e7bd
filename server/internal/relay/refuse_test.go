// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// strict makes a relay as an operator runs it.
func strict(c *Config) { c.Anywhere = false }

// TestCredentials: only a credential of this relay's making, whole and in time,
// makes an allocation; what was made goes on after it.
func TestCredentials(t *testing.T) {
	r := start(t, nil)
	other := start(t, nil)
	good := r.Issue()
	allocate := func(c Credential) (net.PacketConn, error) { return r.caller("udp", c).Allocate() }
	if _, err := allocate(good); err != nil {
		t.Fatal(err)
	}
	if again := r.Issue(); again.Username == good.Username || again.Password == good.Password {
		t.Error("two credentials are one")
	}
	at, random, _ := strings.Cut(good.Username, ":")
	later, err := strconv.ParseInt(at, 10, 64)
	if err != nil || later != good.Expires.Unix() || len(random) < 20 {
		t.Fatalf("a name of another form: %v", err)
	}
	forged := map[string]Credential{
		"another password":         {Username: good.Username, Password: other.Issue().Password},
		"no password":              {Username: good.Username},
		"another server's":         other.Issue(),
		"a later end":              {Username: strconv.FormatInt(later+3600, 10) + ":" + random, Password: good.Password},
		"another name, same end":   {Username: at + ":" + strings.Repeat("A", len(random)), Password: good.Password},
		"a name without an end":    {Username: random, Password: r.secret.password(random)},
		"a name that is too long":  {Username: at + ":" + strings.Repeat("A", maxName), Password: r.secret.password(at + ":" + strings.Repeat("A", maxName))},
		"an end that is no number": {Username: "soon:" + random, Password: r.secret.password("soon:" + random)},
	}
	for what, c := range forged {
		if _, err := allocate(c); code(err) != "400" {
			t.Errorf("%s: %v", what, err)
		}
	}

	stands := r.asker(good)
	if m := stands.ask(stun.MethodAllocate, requestedUDP); m.Type.Class != stun.ClassSuccessResponse {
		t.Fatal(m)
	}
	r.clock.forward(DefaultLifetime)
	if _, err := allocate(good); code(err) != "400" {
		t.Errorf("expired: %v", err)
	}
	if m := stands.ask(stun.MethodRefresh); m.Type.Class != stun.ClassSuccessResponse {
		t.Errorf("an allocation that stands cannot be refreshed: %v", m)
	}
	r.clock.forward(longestCall)
	if m := stands.ask(stun.MethodRefresh); m.Type.Class != stun.ClassErrorResponse {
		t.Errorf("an allocation is refreshed for ever: %v", m)
	}
}

// asker speaks STUN by hand, over UDP.
type asker struct {
	r     *running
	c     net.Conn
	cred  Credential
	nonce stun.Nonce
}

func (r *running) asker(c Credential) *asker {
	r.t.Helper()
	conn, err := net.Dial("udp", r.at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	a := &asker{r: r, c: conn, cred: c}
	m := a.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestedUDP))
	if err := a.nonce.GetFrom(m); err != nil {
		r.t.Fatal(err)
	}
	return a
}

var requestedUDP = stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}

// lifetime is the attribute, in seconds.
func lifetime(seconds uint16) stun.RawAttribute {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, byte(seconds >> 8), byte(seconds)}}
}

// send sends a request and returns its answer.
func (a *asker) send(m *stun.Message) *stun.Message {
	a.r.t.Helper()
	answer := &stun.Message{Raw: make([]byte, maxPacket)}
	for range 3 {
		if _, err := a.c.Write(m.Raw); err != nil {
			a.r.t.Fatal(err)
		}
		_ = a.c.SetReadDeadline(time.Now().Add(patience / 3))
		n, err := a.c.Read(answer.Raw[:cap(answer.Raw)])
		if err != nil {
			continue
		}
		answer.Raw = answer.Raw[:n]
		if err := answer.Decode(); err != nil {
			a.r.t.Fatal(err)
		}
		return answer
	}
	a.r.t.Fatal("no answer")
	return nil
}

// ask signs and sends a request.
func (a *asker) ask(method stun.Method, with ...stun.RawAttribute) *stun.Message {
	a.r.t.Helper()
	setters := []stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest), stun.NewUsername(a.cred.Username), stun.NewRealm(realm), a.nonce}
	for _, w := range with {
		setters = append(setters, w)
	}
	setters = append(setters, stun.NewLongTermIntegrity(a.cred.Username, realm, a.cred.Password), stun.Fingerprint)
	return a.send(stun.MustBuild(setters...))
}

// TestLifetime: nobody gets more than ten minutes at a time, whatever is asked.
func TestLifetime(t *testing.T) {
	r := start(t, nil)
	a := r.asker(r.Issue())
	for _, ask := range []struct {
		method stun.Method
		with   []stun.RawAttribute
		want   uint16
	}{
		{stun.MethodAllocate, []stun.RawAttribute{requestedUDP, lifetime(3599)}, 600},
		{stun.MethodRefresh, nil, 600},
		{stun.MethodRefresh, []stun.RawAttribute{lifetime(3599)}, 600},
		{stun.MethodRefresh, []stun.RawAttribute{lifetime(601)}, 600},
		{stun.MethodRefresh, []stun.RawAttribute{lifetime(60)}, 60},
		{stun.MethodRefresh, []stun.RawAttribute{lifetime(0)}, 0},
	} {
		m := a.ask(ask.method, ask.with...)
		got, err := m.Get(stun.AttrLifetime)
		if err != nil || len(got) != 4 || uint16(got[2])<<8|uint16(got[3]) != ask.want || got[0]|got[1] != 0 {
			t.Errorf("%v with %v: %v %v", ask.method, ask.with, m, err)
		}
	}
	if n := r.Stats().Allocations; n != 0 {
		t.Errorf("%d allocations stand after the last refresh", n)
	}
	// A longer lifetime does not make a wrong signature right.
	a.cred.Password = "wrong"
	if m := a.ask(stun.MethodAllocate, requestedUDP, lifetime(3599)); m.Type.Class != stun.ClassErrorResponse {
		t.Errorf("a wrong password with a long lifetime: %v", m)
	}
}

// TestTCPToOthers: the relay opens no TCP connection for anybody (RFC 6062), and
// reserves no ports.
func TestTCPToOthers(t *testing.T) {
	r := start(t, nil)
	a := r.asker(r.Issue())
	for what, with := range map[string][]stun.RawAttribute{
		"TCP":       {{Type: stun.AttrRequestedTransport, Value: []byte{6, 0, 0, 0}}},
		"even port": {requestedUDP, {Type: stun.AttrEvenPort, Value: []byte{0x80}}},
	} {
		var e stun.ErrorCodeAttribute
		if m := a.ask(stun.MethodAllocate, with...); e.GetFrom(m) != nil || e.Code != 508 {
			t.Errorf("%s: %v", what, m)
		}
	}
	if n := r.Stats().Allocations; n != 0 {
		t.Errorf("%d allocations stand", n)
	}
}

// TestPublic names every kind of address that is refused, at its edges.
func TestPublic(t *testing.T) {
	for _, a := range []string{
		"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.1",
		"169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
		"198.19.255.255", "198.51.100.7", "203.0.113.255", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::808:808", "100::1", "2001::1", "2001:2::1", "2001:1ff::1", "2001:db8::1", "2002:a00:1::1",
		"3fff::1", "4000::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s counts as somebody's on the internet", a)
		}
	}
	for _, a := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2000::1", "2001:200::1", "2001:4860::8888", "2003::1", "2a00::1", "3ffe:ffff::1",
	} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s counts as nobody's", a)
		}
	}
	if public(netip.Addr{}) || public(netip.MustParseAddr("2a00::1%eth0")) {
		t.Error("no address, or one with a zone, counts as somebody's")
	}
}

// TestPrivateRefused: no permission and no channel for an address that is not
// somebody else's on the internet (RFC 8656 §9.2: 403).
func TestPrivateRefused(t *testing.T) {
	r := start(t, strict)
	client := r.caller("udp", r.Issue())
	relayed, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relayed.Close()
	for _, a := range []string{"10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "127.0.0.2", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"203.0.113.5"} {
		if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(a), Port: 9}); code(err) != "403" {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, own := range addresses() {
		if own.Is4() && own != netip.MustParseAddr("127.0.0.1") {
			if err := client.CreatePermission(&net.UDPAddr{IP: own.AsSlice(), Port: 9}); code(err) != "403" {
				t.Errorf("the machine's own: %v", err)
			}
		}
	}
	// Control: a permission alone sends nothing.
	if err := client.CreatePermission(&net.UDPAddr{IP: net.IPv4(1, 1, 1, 1), Port: 9}); err != nil {
		t.Errorf("a public address: %v", err)
	}
	a := r.asker(r.Issue())
	a.ask(stun.MethodAllocate, requestedUDP)
	for _, peer := range [][]byte{{0, 1}, {0, 2}} { // the family, and then nothing or another length
		if m := a.ask(stun.MethodCreatePermission, stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: peer}); m.Type.Class != stun.ClassErrorResponse {
			t.Errorf("half an address is permitted: %v", m)
		}
	}
	channel := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, 0, 0, 0}}
	if m := a.ask(stun.MethodChannelBind, channel, xorPeer(netip.MustParseAddrPort("10.0.0.1:9"))); m.Type.Class != stun.ClassErrorResponse {
		t.Errorf("a channel to a private address: %v", m)
	}
}

// xorPeer is XOR-PEER-ADDRESS of an IPv4 address (RFC 8489 §14.2).
func xorPeer(a netip.AddrPort) stun.RawAttribute {
	ip, p := a.Addr().As4(), a.Port()^0x2112
	return stun.RawAttribute{Type: stun.AttrXORPeerAddress,
		Value: []byte{0, 1, byte(p >> 8), byte(p), ip[0] ^ 0x21, ip[1] ^ 0x12, ip[2] ^ 0xA4, ip[3] ^ 0x42}}
}

// reaches reports whether something sent from an allocation arrives at a socket
// of this machine. A packet to another allocation, sent after it, tells when it
// should have been there.
func reaches(r *running, target net.PacketConn) bool {
	r.t.Helper()
	one, other := r.allocate("udp", r.Issue()), r.allocate("udp", r.Issue())
	if _, err := one.WriteTo([]byte("forbidden"), target.LocalAddr()); err != nil {
		return false
	}
	if _, err := other.WriteTo([]byte("permit"), one.LocalAddr()); err != nil {
		r.t.Fatal(err)
	}
	passes(r.t, one, other, "after it")
	if _, err := target.WriteTo([]byte("last"), target.LocalAddr()); err != nil {
		r.t.Fatal(err)
	}
	_ = target.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, maxPacket)
	n, _, err := target.ReadFrom(b)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b[:n]) == "forbidden"
}

// TestAnswersAreSmall: who asks in another's name sends that one at most four
// times what it sent itself.
func TestAnswersAreSmall(t *testing.T) {
	r := start(t, nil)
	a := r.asker(r.Issue())
	seen := 0
	for _, method := range []stun.Method{stun.MethodBinding, stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
		for _, with := range [][]stun.Setter{nil, {requestedUDP}, {stun.RawAttribute{Type: 0x7FFE}}, {stun.MessageIntegrity("x")}} {
			m := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, with...)...)
			answer := a.send(m)
			if seen++; len(answer.Raw) > 4*len(m.Raw) {
				t.Errorf("%v of %d bytes is answered with %d", method, len(m.Raw), len(answer.Raw))
			}
		}
	}
	if seen != 20 {
		t.Errorf("%d asked", seen)
	}
}

// TestOwnMachine: by the relay's own address two allocations meet, and nothing
// else of the machine is reached, the relay itself included; nor does the
// machine reach a caller by it.
func TestOwnMachine(t *testing.T) {
	target := func() net.PacketConn {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	if !reaches(start(t, nil), target()) {
		t.Fatal("control: a socket of this machine is not reached with Anywhere")
	}
	r := start(t, strict)
	c := target()
	if reaches(r, c) {
		t.Error("a socket of this machine is reached")
	}
	// The relay by itself: a Binding sent there through an allocation is not answered.
	one, other := r.allocate("udp", r.Issue()), r.allocate("udp", r.Issue())
	itself, err := net.ResolveUDPAddr("udp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.WriteTo(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw, itself); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo([]byte("from a program here"), one.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteTo([]byte("permit"), one.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	for range 20 { // more than the two that must not arrive
		if _, err := other.WriteTo([]byte("last"), one.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	_ = one.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, maxPacket)
	for range 5 {
		n, from, err := one.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if from.String() != other.LocalAddr().String() {
			t.Errorf("%d bytes arrive from elsewhere", n)
		}
	}
}

// TestQuota: a credential has its number of allocations, all together have
// theirs, and one that ends makes room (486, RFC 8656 §7.2).
func TestQuota(t *testing.T) {
	r := start(t, func(c *Config) { c.PerCredential, c.Allocations = 2, 3 })
	a, b := r.Issue(), r.Issue()
	first := r.allocate("udp", a)
	r.allocate("tcp", a)
	if _, err := r.caller("udp", a).Allocate(); code(err) != "486" {
		t.Errorf("one more of a credential: %v", err)
	}
	r.allocate("udp", b)
	if _, err := r.caller("udp", b).Allocate(); code(err) != "486" {
		t.Errorf("one more of all: %v", err)
	}
	if got := r.Stats().Allocations; got != 3 {
		t.Errorf("%d stand", got)
	}
	if err := first.Close(); err != nil { // a Refresh with lifetime 0
		t.Fatal(err)
	}
	waitFor(t, "the end of an allocation", func() bool { return r.Stats().Allocations == 2 })
	r.allocate("udp", a)
}

// TestBoundsOfOne: one allocation does not grow without end.
func TestBoundsOfOne(t *testing.T) {
	r := start(t, nil)
	a := r.asker(r.Issue())
	a.ask(stun.MethodAllocate, requestedUDP)
	granted := 0
	for i := range maxChannels + 4 {
		m := a.ask(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, byte(i), 0, 0}},
			xorPeer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(1000+i))))
		if m.Type.Class == stun.ClassSuccessResponse {
			granted++
		}
	}
	if granted != maxChannels {
		t.Errorf("%d channels, want %d", granted, maxChannels)
	}
	b := r.asker(r.Issue())
	b.ask(stun.MethodAllocate, requestedUDP)
	granted = 0
	for i := range maxPermissions + 4 {
		m := b.ask(stun.MethodCreatePermission, xorPeer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, byte(i)}), 9)))
		if m.Type.Class == stun.ClassSuccessResponse {
			granted++
		}
	}
	if granted != maxPermissions {
		t.Errorf("%d permissions, want %d", granted, maxPermissions)
	}
	// What ended is forgotten, with its counts.
	for _, who := range []*asker{a, b} {
		who.ask(stun.MethodRefresh, lifetime(0))
		if m := who.ask(stun.MethodAllocate, requestedUDP); m.Type.Class != stun.ClassSuccessResponse {
			t.Errorf("not again after its end: %v", m)
		}
		if m := who.ask(stun.MethodCreatePermission, xorPeer(netip.MustParseAddrPort("127.0.0.1:9"))); m.Type.Class != stun.ClassSuccessResponse {
			t.Errorf("the counts of an allocation outlive it: %v", m)
		}
	}
}

func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.After(patience); !is(); {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
