// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"net"
	"strings"
	"testing"

	"github.com/pion/turn/v5"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// relayed makes an allocation by what a client was told.
func relayed(t *testing.T, s *Server, r wire.Relay) (net.PacketConn, error) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: s.addr, Conn: conn, Username: r.Username, Password: r.Credential})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	return c.Allocate()
}

// TestRelayServers: both members of a conversation are told where to relay a
// call; whoever is outside is not, nor anybody by a server that relays nothing;
// and what was given before a restart of the server is worth nothing after it.
func TestRelayServers(t *testing.T) {
	s := NewServer(t, func(c *server.Config) { c.Relay.Anywhere = true })
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	id := Meet(ada, omar)
	ctx := Context(t)
	var given []wire.Relay
	for _, c := range []*Client{ada, omar} {
		r, err := c.RelayServers(ctx, id)
		if err != nil || len(r.URLs) != 3 || !strings.HasPrefix(r.URLs[0], "stun:127.0.0.1:") {
			t.Fatalf("%s: %+v %v", c.Name, r, err)
		}
		given = append(given, r)
	}
	one, err := relayed(t, s, given[0])
	if err != nil {
		t.Fatal(err)
	}
	other, err := relayed(t, s, given[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]net.PacketConn{{other, one}, {one, other}} {
		if _, err := c[0].WriteTo([]byte("sealed"), c[1].LocalAddr()); err != nil {
			t.Error(err)
		}
	}
	b := make([]byte, 100)
	if n, from, err := other.ReadFrom(b); err != nil || string(b[:n]) != "sealed" || from.String() != one.LocalAddr().String() {
		t.Errorf("%q %v", b[:n], err)
	}
	_, err = ada.RelayServers(ctx, strings.Repeat("0", 32))
	FailsWith(t, err, client.FailNoConversation)

	s.Restart()
	ada.Online()
	if _, err := relayed(t, s, given[0]); err == nil {
		t.Error("a credential outlives the server that gave it")
	}
	if r, err := ada.RelayServers(ctx, id); err != nil {
		t.Error(err)
	} else if _, err := relayed(t, s, r); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	mustLeave(omar, id)
	_, err = omar.RelayServers(ctx, id)
	FailsWith(t, err, client.FailLeft)
	awaitLeft(ada, id, "omar")
	_, err = ada.RelayServers(ctx, id)
	FailsWith(t, err, client.FailOtherLeft)

	off := NewServer(t)
	eve, _ := off.Register("eve")
	ivo, _ := off.Register("ivo")
	_, err = eve.RelayServers(Context(t), Meet(eve, ivo))
	FailsWith(t, err, string(wire.CodeNoRelay))
}
