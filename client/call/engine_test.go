// SPDX-License-Identifier: AGPL-3.0-or-later

package call_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/call"
)

// spoken is an Ogg/Opus file of n packets, each another and of another length:
// what comes out can be told from what went in.
func spoken(t *testing.T, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	head := append([]byte("OpusHead\x01\x01\x00\x00"), 0x80, 0xbb, 0, 0, 0, 0, 0)
	page(&out, 2, 0, head)
	page(&out, 0, 1, []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"))
	for i := range n {
		packet := append([]byte{0xf8}, make([]byte, 20+i%50)...)
		binary.BigEndian.PutUint32(packet[1:], uint32(i)+1)
		page(&out, 0, uint32(i)+2, packet)
	}
	return out.Bytes()
}

// page writes a packet of fewer than 255 bytes as an Ogg page of its own.
func page(out *bytes.Buffer, kind byte, number uint32, packet []byte) {
	head := make([]byte, 28)
	copy(head, "OggS")
	head[5] = kind
	binary.LittleEndian.PutUint32(head[14:], 7)
	binary.LittleEndian.PutUint32(head[18:], number)
	head[26], head[27] = 1, byte(len(packet))
	out.Write(head)
	out.Write(packet)
}

func people(t *testing.T) (ada, omar *clariontest.Client, conv string) {
	s := clariontest.NewServer(t)
	ada, _ = s.Register("ada")
	omar, _ = s.Register("omar")
	return ada, omar, clariontest.Meet(ada, omar)
}

// TestPlayedComesOut: what was played on one side is in the other's file, packet
// by packet, and all packets had one size.
func TestPlayedComesOut(t *testing.T) {
	ada, omar, conv := people(t)
	source, err := call.ReadSource(bytes.NewReader(spoken(t, 100)))
	if err != nil {
		t.Fatal(err)
	}
	var heard bytes.Buffer
	a, o := talk(t, &side{Client: ada}, &side{Client: omar}, conv, call.Options{Play: source, For: 4 * time.Second}, call.Options{Record: &heard})
	if a.Path != "direct" || o.Path != "direct" || a.Code != o.Code || len(a.Code) != 9 || a.Reason != client.CallHungUp || o.Reason != client.CallHungUp {
		t.Errorf("Ada's engine says %+v, Omar's %+v", a, o)
	}
	if a.SentPackets < 150 || a.ReceivedSamples < 3*48000 || o.ReceivedSamples < 3*48000 {
		t.Errorf("little went: %+v and %+v", a, o)
	}
	got, err := call.ReadSource(bytes.NewReader(heard.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	found, sizes := call.Compare(source, got)
	if found < 95 || sizes != 1 {
		t.Errorf("of 100 packets %d came out, in %d sizes", found, sizes)
	}
}

// TestEngineHangsUpWithContext: whoever ends the program while it rings gives
// the call up.
func TestEngineHangsUpWithContext(t *testing.T) {
	ada, omar, conv := people(t)
	e, err := call.New(call.Options{Core: ada, Conversation: conv, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	k, err := e.Call(clariontest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := e.Run(ctx, ada.Events())
	if err != nil || r.Reason != client.CallCancelled || r.Call != k.ID {
		t.Errorf("%+v, %v", r, err)
	}
	clariontest.Await(omar, "a missed call", func(x client.CallEnds) bool { return x.Call == k.ID && x.Reason == client.CallMissed })
}
