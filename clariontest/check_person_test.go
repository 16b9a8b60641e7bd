// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"errors"
	"sync/atomic"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

func safety(c *Client, handle string) client.Safety {
	c.t.Helper()
	s, err := c.SafetyDigits(Context(c.t), handle)
	if err != nil {
		c.t.Fatalf("%s asks what to compare with %s: %v", c.Name, handle, err)
	}
	return s
}

func checkedOf(c *Client, handle string) string {
	c.t.Helper()
	list, err := c.Contacts(Context(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range list {
		if p.Handle.Name == handle {
			if p.Checked == nil {
				return ""
			}
			return p.Checked.How
		}
	}
	return "no contact"
}

// TestCheck: what two people compare is the same on both sides and nobody
// else's; a scanned code says what differs; a check can be taken back.
func TestCheck(t *testing.T) {
	s := NewServer(t)
	ada, _ := s.Register("ada")
	omar, _ := s.Register("omar")
	lin, _ := s.Register("lin")
	Meet(ada, omar)
	Meet(ada, lin)
	ctx := Context(t)
	a, o := safety(ada, "omar"), safety(omar, "ada")
	if a.Digits != o.Digits || len(a.Digits) != 60 {
		t.Fatalf("the digits are %s and %s", a.Digits, o.Digits)
	}
	if l := safety(lin, "ada"); l.Digits == a.Digits {
		t.Error("the digits with Lin are those with Omar")
	}
	if p, err := ada.Check(ctx, "omar", client.CheckedDigits); err != nil || p.Checked == nil || p.Checked.How != client.CheckedDigits {
		t.Fatalf("after comparing, Omar is %+v (%v)", p, err)
	}
	_, err := ada.Check(ctx, "omar", client.CheckedDigits) // what was shown counts once
	FailsWith(t, err, client.FailNotCompared)
	_, err = omar.SafetyDigits(ctx, "lin")
	FailsWith(t, err, client.FailNoContact)

	if got, err := omar.CheckScanned(ctx, "ada", a.Code); err != nil || !got.Match || checkedOf(omar, "ada") != client.CheckedQR {
		t.Fatalf("Omar scans Ada's code: %+v, %v", got, err)
	}
	differs := func(c *Client, handle, code string, want client.Difference) {
		t.Helper()
		got, err := c.CheckScanned(ctx, handle, code)
		if err != nil || got.Match || got.Differs != want {
			t.Errorf("%s scans and hears %+v (%v), not %s", c.Name, got, err, want)
		}
	}
	differs(lin, "", a.Code, client.ScannedOtherPerson)                      // shown to Omar
	differs(ada, "", a.Code, client.ScannedOtherPerson)                      // one's own
	differs(ada, "omar", safety(lin, "ada").Code, client.ScannedOtherPerson) // Lin's in place of Omar's
	if checkedOf(ada, "lin") == client.CheckedQR {
		t.Error("Lin counts as checked though Omar was meant")
	}
	if p, err := omar.Uncheck(ctx, "ada"); err != nil || p.Checked != nil {
		t.Errorf("taken back, Ada is %+v (%v)", p.Checked, err)
	}
}

// TestIdentityChanged: once the key of a checked person is another, nothing
// typed leaves and nothing typed is lost, in a conversation of two as in a
// group, until the person acknowledges it or checks again.
func TestIdentityChanged(t *testing.T) {
	s := NewServer(t)
	var live atomic.Int64
	ada, _ := s.RegisterWith("ada", Options{Dialer: countLive(&live)})
	omar, words := s.Register("omar")
	lin, _ := s.Register("lin")
	conv := Meet(omar, ada) // Ada opens Omar's link: he is checked
	Meet(ada, lin)
	ctx := Context(t)
	g, err := ada.NewGroup(ctx, "Harbour", []string{"omar", "lin"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	join(lin, g.ID)
	shownBefore := safety(ada, "omar")
	codeBefore := safety(omar, "ada").Code
	if err := omar.SetMarks(ctx, false); err != nil { // brings the recovery blob up to date at once
		t.Fatal(err)
	}
	omar.Stop()
	ada.Stop()
	ada = ada.Reopen() // offline: what she types waits
	waits, err := ada.Send(ctx, conv, "typed before she knew")
	if err != nil {
		t.Fatal(err)
	}

	again := s.Open("omar", Options{})
	if err := again.Restore(ctx, client.RestoreParams{Server: s.URL, Name: "omar", Words: words}); err != nil {
		t.Fatal(err)
	}
	again.Online()
	ada.Online()
	Await(ada, "the change", func(e client.IdentityChanged) bool { return e.Handle.Name == "omar" && e.Held })
	join(again, conv)
	join(again, g.ID)
	if how := checkedOf(ada, "omar"); how != client.CheckedChanged {
		t.Fatalf("Omar counts as %q", how)
	}
	for _, id := range []string{conv, g.ID} {
		_, err := ada.Send(ctx, id, "not meant to leave")
		FailsWith(t, err, client.FailIdentityChanged)
		if v, err := ada.Find(ctx, id); err != nil || v.Problem != client.FailIdentityChanged {
			t.Errorf("the conversation shows the problem %q (%v)", v.Problem, err)
		}
	}
	FailsWith(t, ada.Flush(ctx), client.FailIdentityChanged)
	if m, err := ada.Message(ctx, conv, waits.ID); err != nil || m.State != client.StateQueued {
		t.Fatalf("what was typed is %+v (%v)", m, err)
	}
	back := learnsNothing(ada, again, conv, &live)
	// Lin had not checked him: she writes on.
	lin.Say(g.ID, "from Lin")
	again.AwaitText("from Lin")
	ada.AwaitText("from Lin")
	// The digits that were shown before count no more, nor does his old code.
	_, err = ada.Check(ctx, "omar", client.CheckedDigits)
	FailsWith(t, err, client.FailNotCompared)
	if got, err := ada.CheckScanned(ctx, "omar", codeBefore); err != nil || got.Differs != client.ScannedOtherKey {
		t.Errorf("his old code says %+v (%v)", got, err)
	}
	if got, err := again.CheckScanned(ctx, "ada", shownBefore.Code); err != nil || got.Differs != client.ScannedOwnKey {
		t.Errorf("her old code says %+v (%v)", got, err)
	}

	acknowledgedAfter(ada, again, g.ID, shownBefore.Digits, back, &live)
}

// acknowledgedAfter is acknowledges, after which the new device is told again.
func acknowledgedAfter(ada, again *Client, group, digitsBefore string, back client.Message, live *atomic.Int64) {
	t, ctx := ada.t, Context(ada.t)
	t.Helper()
	if m, err := again.Message(ctx, back.Conversation, back.ID); err != nil || m.State != client.StateSent {
		t.Errorf("what Omar wrote on the new device is %q (%v)", m.State, err)
	}
	before := live.Load()
	acknowledges(ada, again, group, digitsBefore)
	again.AwaitState(back.ID, client.StateRead)
	if err := ada.Typing(ctx, back.Conversation); err != nil || live.Load() == before {
		t.Errorf("once the word is given no live frame leaves (%v)", err)
	}
}

// countLive counts the frames that leave for whoever is there.
func countLive(n *atomic.Int64) client.Dialer {
	return &Tap{Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
		if _, is := body.(*wire.Live); is {
			n.Add(1)
		}
		return true
	}}
}

// learnsNothing: a new device that nobody acknowledged is not told that Ada
// reads or writes.
func learnsNothing(ada, again *Client, conv string, live *atomic.Int64) client.Message {
	t, ctx := ada.t, Context(ada.t)
	t.Helper()
	back := again.Say(conv, "I am back")
	shown := ada.AwaitText("I am back")
	before := live.Load()
	if err := errors.Join(ada.MarkRead(ctx, conv, shown.Seq), ada.Typing(ctx, conv)); err != nil {
		t.Fatal(err)
	}
	if n := live.Load() - before; n != 0 {
		t.Errorf("%d live frames left while texts are held", n)
	}
	return back
}

// acknowledges goes on from a held conversation: what waits leaves, and the
// person can be checked again.
func acknowledges(ada, again *Client, group, digitsBefore string) {
	t, ctx := ada.t, Context(ada.t)
	t.Helper()
	if _, err := ada.Acknowledge(ctx, "omar"); err != nil {
		t.Fatal(err)
	}
	again.AwaitText("typed before she knew")
	ada.Say(group, "to all")
	again.AwaitText("to all")
	if how := checkedOf(ada, "omar"); how != client.CheckedNotSince {
		t.Errorf("acknowledged, Omar counts as %q", how)
	}
	if now := safety(ada, "omar"); now.Digits == digitsBefore || now.Digits != safety(again, "ada").Digits {
		t.Error("the digits are not the new ones")
	}
	if _, err := ada.Check(ctx, "omar", client.CheckedDigits); err != nil || checkedOf(ada, "omar") != client.CheckedDigits {
		t.Errorf("checked again, Omar counts as %q (%v)", checkedOf(ada, "omar"), err)
	}
}
